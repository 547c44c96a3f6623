"""How much disk the files in some folders take, measured away from the collection that reports it.

Walking a folder takes as long as it takes, so nobody waits for it: a collection reports the last finished walk, and
starts the next one in a short-lived daemon thread when that is old. Nothing is reported before a walk has ended.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from stat import S_ISDIR
from threading import Thread
from time import monotonic, sleep
from typing import Final

from groundhog_otel.environment_variables import OTEL_PYTHON_GROUNDHOG_FOLDERS as ENV_FOLDERS

__all__ = ("METRIC", "Folders", "usage_bytes")

logger = logging.getLogger("groundhog_otel.resources")

METRIC: Final = "groundhog.folder.usage"

_OLD_S: Final = 60.0
_MOST_ENTRIES: Final = 200_000
_LONGEST_S: Final = 30.0
_PAUSE_EVERY: Final = 100
_PAUSE_S: Final = 0.005
"""A hundred entries take about half a millisecond: the rest of the program has the interpreter most of the time."""
_BLOCK_BYTES: Final = 512
"""POSIX leaves the unit of ``st_blocks`` open; it is this on Linux, macOS and the BSDs."""


class Folders:
    """The folders of one process. Takes no lock; after a fork the child walks for itself."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths = tuple(dict.fromkeys(paths))
        self._said: set[str] = set()
        self._start_afresh()

    def _start_afresh(self) -> None:
        self._pid = os.getpid()
        self._walk: Thread | None = None
        self._walked_s = float("-inf")
        self._sizes: dict[str, int] = {}

    def sizes(self) -> dict[str, int]:
        """Return the bytes on disk per folder, of the last walk; start a new one if that is old. Never waits."""
        if os.getpid() != self._pid:
            self._start_afresh()
        resting = self._walk is None or not self._walk.is_alive()
        if self._paths and resting and monotonic() - self._walked_s > _OLD_S:
            self._walk = Thread(target=self._look, name="groundhog-folders", daemon=True)
            self._walk.start()
        return dict(self._sizes)

    def _look(self) -> None:
        sizes: dict[str, int] = {}
        for path in self._paths:
            try:
                sizes[path] = usage_bytes(path)
            except FileNotFoundError:
                self._say(f"{path} does not exist, so its size is not reported; create it, or correct {ENV_FOLDERS}.")
            except NotADirectoryError:
                self._say(f"{path} is not a folder, so its size is not reported; correct {ENV_FOLDERS}.")
            except _TooMuchError as exc:
                self._say(f"{path} {exc}, so its size is not reported; name smaller folders in {ENV_FOLDERS}.")
            except Exception:
                logger.debug("details", exc_info=True)
                self._say(f"{path} cannot be read, so its size is not reported; see its permissions, or {ENV_FOLDERS}.")
        self._sizes, self._walked_s = sizes, monotonic()

    def _say(self, sentence: str) -> None:
        if sentence not in self._said:
            self._said.add(sentence)
            logger.warning("%s", sentence)


class _TooMuchError(Exception):
    """A folder that would take too long to walk."""


def usage_bytes(folder: str, *, most_entries: int = _MOST_ENTRIES, longest_s: float = _LONGEST_S) -> int:
    """Return the bytes on disk of what is in a folder and below: blocks in use, as ``du`` counts them.

    Symbolic links are not followed, a file with several names counts once, and what vanishes or may not be read on the
    way counts nothing. Raises ``OSError`` when the folder itself cannot be read, and says so when it holds too much.
    """
    end_s, entries, total = monotonic() + longest_s, 0, 0
    seen: set[tuple[int, int]] = set()
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        try:
            listing = os.scandir(here)
        except OSError:
            if here == folder:
                raise
            continue
        with listing:
            for entry in listing:
                entries += 1
                if entries > most_entries:
                    raise _TooMuchError(f"holds more than {most_entries} files")
                if entries % _PAUSE_EVERY == 0:
                    if monotonic() > end_s:
                        raise _TooMuchError(f"takes longer than {longest_s:.0f} s to look through")
                    sleep(_PAUSE_S)
                try:
                    found = entry.stat(follow_symlinks=False)
                except OSError:
                    continue
                if S_ISDIR(found.st_mode):
                    waiting.append(entry.path)
                elif found.st_nlink > 1:
                    if (found.st_dev, found.st_ino) in seen:
                        continue
                    seen.add((found.st_dev, found.st_ino))
                total += _on_disk(found)
    return total


def _on_disk(found: os.stat_result) -> int:
    blocks: int | None = getattr(found, "st_blocks", None)  # Windows has none
    return found.st_size if blocks is None else blocks * _BLOCK_BYTES
