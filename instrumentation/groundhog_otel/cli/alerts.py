"""``groundhog alerts``: the alerts of deploy/alerts.yaml, and all that is made of them."""

from __future__ import annotations

import difflib
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Final

from cyclopts import App

from groundhog_otel.alerts import AlertError
from groundhog_otel.alerts.evaluation import Fired, judged
from groundhog_otel.alerts.explanation import explain as explained
from groundhog_otel.alerts.manager import COLLECTOR, AlertManager
from groundhog_otel.alerts.quantities import written
from groundhog_otel.cli.relay import relay
from groundhog_otel.pipeline import StackError
from groundhog_otel.pipeline.builds import find_built
from groundhog_otel.pipeline.layout import find_project
from groundhog_otel.settings.stack import StackSettings
from groundhog_otel.store.reader import read_runs
from groundhog_otel.store.selection import LATEST, select_runs

__all__ = ("app",)

_FIRED: Final = 3
_PROMETHEUS: Final = "deploy/prometheus"

app = App(name="alerts", help="Check, generate, prove and explain the alerts; link them to their traces.")
app.command(relay)


@app.command
def check(file: Path | None = None, /, *, recorded: Path | None = None, run: str = LATEST) -> int:
    """Say what is wrong with the alerts, and whether what is generated from them is up to date.

    Parameters
    ----------
    file
        The alerts; by default deploy/alerts.yaml of this clone, with the files that it generates.
    recorded
        A folder of recordings: say which alerts would have fired. Exit code 3 when any would.
    run
        Which recorded run: latest, all (taken together), or the name of its folder.
    """
    if recorded is not None:
        manager = _manager(file or _default())
        return _judge(manager, recorded, run)
    manager = _manager(file or _default())
    print(f"{len(manager.alerts)} alerts, as they should be")
    if file is not None:
        return 0
    drifted = [path for path, text in _generated(manager, find_project()).items() if not _is(path, text)]
    for path in drifted:
        print(f"{path.relative_to(find_project())} is not what alerts.yaml gives: groundhog alerts generate")
    return 1 if drifted else 0


@app.command
def generate(file: Path | None = None, /, *, out: Path | None = None) -> int:
    """Write rules, routes, proofs and the Collector's sampling conditions, and name the files that changed.

    Parameters
    ----------
    file
        The alerts; by default deploy/alerts.yaml of this clone.
    out
        The folder to write to; by default the clone. A new one gets a copy of otel-config.yaml.
    """
    changed = 0
    for path, text in _generated(_manager(file or _default()), out or find_project()).items():
        if not _is(path, text):
            changed += 1
            _write(path, text)
            print(f"{path} written")
    if not changed:
        print("Nothing has changed")
    return 0


@app.command(name="test")
def prove(file: Path | None = None, /) -> int:
    """Have what is generated checked and proved by the programs that it is for; exit code 1 unless all agree.

    Parameters
    ----------
    file
        The alerts; by default deploy/alerts.yaml of this clone.
    """
    manager = _manager(file or _default())
    settings, problems = StackSettings.from_environ()
    if problems:
        raise StackError("; ".join(problems))
    programs, missing = find_built(find_project(), settings.cache, lambda line: print(line, file=sys.stderr))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path, text in _generated(manager, folder).items():
            _write(path, text)
        rules = sorted((folder / _PROMETHEUS / "rules").glob("*.yml"))
        wanted = (
            ("promtool", "check", "rules", *map(str, rules)),
            ("promtool", "test", "rules", str(folder / _PROMETHEUS / "rules-test.yml")),
            ("amtool", "check-config", str(folder / "deploy/alertmanager/alertmanager.yml")),
            ("groundhog-collector", "validate", f"--config={folder / COLLECTOR}"),
        )
        failed = 0
        for program, *words in wanted:
            said = f"{program} {' '.join(words[:2] if words[0] != 'validate' else words[:1])}".replace(name + "/", "")
            if program in missing:
                failed += 1
                print(f"{said}: {program} is not built: groundhog stack build")
                continue
            done = subprocess.run([programs[program], *words], cwd=folder, capture_output=True, text=True, check=False)
            failed += done.returncode != 0
            print(f"{said}: {'yes' if done.returncode == 0 else 'no'}")
            if done.returncode != 0:
                print((done.stdout + done.stderr).strip())
    return 1 if failed else 0


@app.command
def explain(name: str, file: Path | None = None, /) -> int:
    """Say in words what an alert means, when it fires, and what it cannot see.

    Parameters
    ----------
    name
        The alert.
    file
        The alerts; by default deploy/alerts.yaml of this clone.
    """
    alerts = {alert.name: alert for alert in _manager(file or _default()).alerts}
    if name not in alerts:
        near = difflib.get_close_matches(name, alerts, 3, 0.4) or sorted(alerts)
        raise AlertError(f"there is no alert {name}: {', '.join(near)}")
    print(explained(alerts[name], tuple(alerts.values())))
    return 0


def _default() -> Path:
    return find_project() / "deploy" / "alerts.yaml"


def _manager(file: Path) -> AlertManager:
    """Return a file's alerts; end with all that is wrong with them, a line each."""
    manager, problems = AlertManager.from_file(file)
    if problems:
        sys.exit("\n".join(map(str, problems)))
    return manager


def _generated(manager: AlertManager, root: Path) -> Mapping[Path, str]:
    """Return the generated files below ``root``. A Collector configuration that is there keeps the rest of it."""
    own = root / COLLECTOR
    try:
        text = (own if own.is_file() else find_project() / COLLECTOR).read_text("utf-8")
    except OSError as error:
        raise AlertError(f"{error.filename} cannot be read ({error.strerror}): restore it") from error
    return {root / path: content for path, content in manager.generated(text).items()}


def _is(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text("utf-8") == text


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    except OSError as error:
        raise AlertError(f"{path} cannot be written ({error.strerror}): name another folder with --out") from error


def _judge(manager: AlertManager, folder: Path, run: str) -> int:
    found = manager.check(read_runs(select_runs(folder, run)))
    for one in found:
        print(_words(one))
    left = [alert.name for alert in manager.alerts if not judged(alert)]
    print(f"{len(found)} would have fired, of {len(manager.alerts) - len(left)} alerts that a recording can tell of")
    if left:
        print(f"Left out: {', '.join(left)}")
    return _FIRED if found else 0


def _words(fired: Fired) -> str:
    alert = fired.alert
    at = datetime.fromtimestamp(fired.at_ns // 10**9, timezone.utc).strftime("%H:%M:%S")
    who = ", ".join(f"{name}={value}" for name, value in fired.group.items())
    measured = f"{fired.measured * 100:.4g}%" if alert.measure in ("latency", "errors") else _measured(fired)
    line = f"{at}Z {alert.name} ({alert.severity}) {who}: {measured}, budget {alert.budget}"
    return "\n".join((line, *(f"    trace {one}" for one in fired.trace_ids)))


def _measured(fired: Fired) -> str:
    unit = fired.alert.unit
    return written(float(f"{fired.measured:.4g}"), unit)
