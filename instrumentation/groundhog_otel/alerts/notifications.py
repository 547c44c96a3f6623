"""Who is told: receivers, as ``alerts.yaml`` has them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from groundhog_otel.alerts.model import BURN_RATES
from groundhog_otel.alerts.quantities import parse

__all__ = ("DEFAULT", "SECRETS", "Notifications", "Receiver", "receiver", "times")

SECRETS: Final = "secrets"
"""The folder, below Alertmanager's own, of files with the secrets that the configuration names by variable."""
_VARIABLE: Final = re.compile(r"[A-Z_][A-Z0-9_]*")
_FIELDS: Final = {
    "webhook": (),
    "slack": ("channel", "api_url"),
    "email": ("to", "from", "smarthost"),
}
"""Kinds of receivers, and what each cannot do without."""
_OPTIONAL: Final = {"webhook": (), "slack": (), "email": ("username", "password")}


class Receiver(NamedTuple):
    """Somebody who is told, in Alertmanager's words."""

    name: str
    severities: tuple[str, ...]
    config: Mapping[str, Any]


class Notifications(NamedTuple):
    """All receivers, and how notifications are bundled."""

    receivers: tuple[Receiver, ...]
    group_wait: str = "1s"
    group_interval: str = "10s"
    repeat_interval: str = "4h"


_ALL: Final = tuple(BURN_RATES)
DEFAULT: Final = Notifications(
    (Receiver("webhook", _ALL, {"webhook_configs": [{"url": "http://127.0.0.1:5001/alerts", "send_resolved": True}]}),)
)


def times(raw: Mapping[str, Any]) -> tuple[dict[str, str], list[str]]:
    """Return the bundling times that ``raw`` has, and what is wrong with them."""
    found, problems = {}, []
    for name in ("group_wait", "group_interval", "repeat_interval"):
        if name in raw:
            try:
                good = parse(str(raw[name])).unit == "s"
            except ValueError:
                good = False
            found[name] = str(raw[name])
            if not good:
                problems.append(f"{name}: {raw[name]!r} is no time: write one like 10s")
    return found, problems


def receiver(raw: Mapping[str, Any]) -> tuple[Receiver | None, list[str]]:
    """Return the receiver that ``raw`` describes, or None and what is wrong with it."""
    name, problems = str(raw.get("name", "")), []
    if not name:
        problems.append("a receiver has no name: write name: team")
    severities = tuple(map(str, raw.get("severities") or _ALL))
    problems += [f"unknown severity {one!r}: write {', '.join(_ALL)}" for one in severities if one not in BURN_RATES]
    unknown = sorted(set(raw) - {"name", "severities", *_FIELDS})
    if unknown:
        problems.append(f"a receiver has no {unknown[0]!r}: write {', '.join(_FIELDS)}")
    config: dict[str, Any] = {}
    for kind in _FIELDS:
        if kind in raw:
            made, wrong = _channel(kind, raw[kind])
            problems += wrong
            config[f"{kind}_configs"] = [made]
    if not config and not problems:
        problems.append(f"{name} is told nothing: write one of {', '.join(_FIELDS)}")
    return (None if problems else Receiver(name, severities, config)), problems


def _channel(kind: str, raw: Any) -> tuple[dict[str, Any], list[str]]:
    if kind == "webhook":
        return _webhook(raw)
    if not isinstance(raw, Mapping):
        return {}, [f"{kind} needs {', '.join(_FIELDS[kind])}: write {kind}: {{ {_FIELDS[kind][0]}: … }}"]
    known = (*_FIELDS[kind], *_OPTIONAL[kind])
    problems = [f"{kind} needs {field}" for field in _FIELDS[kind] if field not in raw]
    problems += [f"{kind} has no {field!r}: write {', '.join(known)}" for field in raw if field not in known]
    made: dict[str, Any] = {"send_resolved": True}
    names = {"username": "auth_username", "api_url": "api_url_file", "password": "auth_password_file"}
    for field, value in ((str(key), value) for key, value in raw.items()):
        if field in ("api_url", "password"):
            file, wrong = _secret(f"{kind}.{field}", value)
            problems += wrong
            made[names[field]] = file
        else:
            made[names.get(field, field)] = str(value)
    return made, problems


def _webhook(raw: Any) -> tuple[dict[str, Any], list[str]]:
    if isinstance(raw, Mapping):
        file, problems = _secret("webhook", raw)
        return {"url_file": file, "send_resolved": True}, problems
    address = urlsplit(str(raw))
    if address.scheme not in ("http", "https") or not address.hostname:
        return {}, [f"webhook: {raw!r} is no web address: write http://host:port/path"]
    if address.username is not None or address.query:
        return {}, ["webhook: an address with a secret does not belong here: write webhook: { file: /path/to/it }"]
    return {"url": str(raw), "send_resolved": True}, []


def _secret(what: str, raw: Any) -> tuple[str, list[str]]:
    """Return the file that a secret is in. It is never written down itself."""
    if isinstance(raw, Mapping) and len(raw) == 1:
        if "file" in raw:
            return str(raw["file"]), []
        if _VARIABLE.fullmatch(str(raw.get("env", ""))):
            return f"{SECRETS}/{raw['env']}", []
    return "", [f"{what} is a secret: write {{ file: /path/to/it }} or {{ env: NAME_OF_A_VARIABLE }}"]
