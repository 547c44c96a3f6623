"""Strings that match a regular expression, of the kinds that schemas use.

Supported: literals, ``.``, escapes (``\\d \\w \\s`` and their opposites), classes, groups, alternatives, the
quantifiers ``? * + {m,n}``, and anchors at the ends. Not supported: lookaround, backreferences, word boundaries,
Unicode properties.
"""

from __future__ import annotations

import string
from random import Random
from typing import Final

__all__ = ("PatternError", "matching")

_PRINTABLE: Final = string.ascii_letters + string.digits + "-_ "
_SETS: Final = {"d": string.digits, "w": string.ascii_letters + string.digits + "_", "s": " "}
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v", "0": "\0"}


class PatternError(ValueError):
    """The regular expression has something that no string is made for here."""


def matching(pattern: str, rng: Random, *, stretch: int = 3) -> str:
    """Return a string that matches ``pattern``; what may repeat does so up to ``stretch`` times more than it has to.

    Raises:
        PatternError: it has something else than what is supported.
    """
    parser = _Parser(pattern, rng, stretch)
    found = parser.alternatives()
    if parser.at < len(pattern):
        raise PatternError(f"the pattern {pattern!r} has an unbalanced parenthesis")
    return found


class _Parser:
    """Makes the string while it reads the expression: what is not chosen is read as well, and thrown away."""

    def __init__(self, pattern: str, rng: Random, stretch: int) -> None:
        self.pattern = pattern
        self.rng = rng
        self.stretch = stretch
        self.at = 0

    def alternatives(self) -> str:
        found = [self._sequence()]
        while self._next("|"):
            found.append(self._sequence())
        return self.rng.choice(found)

    def _sequence(self) -> str:
        made = []
        while self.at < len(self.pattern) and self.pattern[self.at] not in "|)":
            begin = self.at
            one = self._atom()
            least, most = self._quantifier()
            if (least, most) == (1, 1):
                made.append(one)
                continue
            after = self.at
            for _ in range(self.rng.randint(least, most)):
                self.at = begin
                made.append(self._atom())
            self.at = after
        return "".join(made)

    def _atom(self) -> str:
        sign = self.pattern[self.at]
        self.at += 1
        if sign in "^$":
            return ""
        if sign == ".":
            return self.rng.choice(_PRINTABLE)
        if sign == "[":
            return self.rng.choice(self._class())
        if sign == "\\":
            return self.rng.choice(self._escape())
        if sign == "(":
            return self._group()
        if sign in "*+?":
            raise PatternError(f"the pattern {self.pattern!r} repeats nothing with {sign}")
        return sign

    def _group(self) -> str:
        if self._next("?:"):
            pass
        elif self._next("?<") or self._next("?P<"):
            if self.pattern[self.at : self.at + 1] in ("=", "!") or ">" not in self.pattern[self.at :]:
                raise PatternError(f"the pattern {self.pattern!r} looks around")
            self.at = self.pattern.index(">", self.at) + 1
        elif self._next("?"):
            raise PatternError(f"the pattern {self.pattern!r} has a group that is not supported")
        found = self.alternatives()
        if not self._next(")"):
            raise PatternError(f"the pattern {self.pattern!r} has an unbalanced parenthesis")
        return found

    def _escape(self) -> str:
        """Return the characters that an escape stands for."""
        if self.at >= len(self.pattern):
            raise PatternError(f"the pattern {self.pattern!r} ends in a backslash")
        sign = self.pattern[self.at]
        self.at += 1
        if sign.lower() in _SETS:
            inside = _SETS[sign.lower()]
            return inside if sign.islower() else "".join(one for one in _PRINTABLE + "." if one not in inside)
        if sign in _ESCAPES:
            return _ESCAPES[sign]
        if sign.isalnum():
            raise PatternError(f"the pattern {self.pattern!r} has \\{sign}, which is not supported")
        return sign

    def _class(self) -> str:
        negated = self._next("^")
        inside: list[str] = []
        first = True
        while first or not self._next("]"):
            if self.at >= len(self.pattern):
                raise PatternError(f"the pattern {self.pattern!r} has a class without an end")
            first = False
            low = self._member()
            ranged = self.pattern[self.at : self.at + 1] == "-" and self.pattern[self.at + 1 : self.at + 2] not in (
                "",
                "]",
            )
            if ranged and len(low) == 1:
                self.at += 1
                high = self._member()
                inside += [chr(code) for code in range(ord(low), ord(high[0]) + 1)][:512]
            else:
                inside += low
        found = (
            "".join(one for one in _PRINTABLE + string.punctuation if one not in inside) if negated else "".join(inside)
        )
        if not found:
            raise PatternError(f"the pattern {self.pattern!r} has a class of nothing")
        return found

    def _member(self) -> str:
        sign = self.pattern[self.at]
        self.at += 1
        return self._escape() if sign == "\\" else sign

    def _quantifier(self) -> tuple[int, int]:
        least, most = 1, 1
        if self._next("?"):
            least, most = 0, 1
        elif self._next("*"):
            least, most = 0, self.stretch
        elif self._next("+"):
            least, most = 1, 1 + self.stretch
        elif self.pattern[self.at : self.at + 1] == "{" and "}" in self.pattern[self.at :]:
            end = self.pattern.index("}", self.at)
            low, comma, high = self.pattern[self.at + 1 : end].partition(",")
            if not low.isdecimal() or not (high.isdecimal() or not high):
                raise PatternError(f"the pattern {self.pattern!r} has a brace that is no quantifier")
            self.at = end + 1
            least = int(low)
            most = least if not comma else int(high) if high else least + self.stretch
            most = max(least, min(most, least + self.stretch))
        else:
            return 1, 1
        self._next("?")  # lazy: the same strings
        return least, most

    def _next(self, text: str) -> bool:
        if not self.pattern.startswith(text, self.at):
            return False
        self.at += len(text)
        return True
