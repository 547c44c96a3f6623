"""``groundhog dashboards``: the files of deploy/ that are generated from code."""

from __future__ import annotations

from cyclopts import App

from groundhog_otel.dashboards import generated
from groundhog_otel.pipeline import StackError
from groundhog_otel.pipeline.layout import find_project

__all__ = ("app",)

app = App(name="dashboards", help="Write Grafana's dashboards and the rules behind Jaeger's Monitor tab.")


@app.command
def generate(*, check: bool = False) -> int:
    """Write them into the clone, and name those that changed.

    Parameters
    ----------
    check
        Only name them; exit code 1 when there are any.
    """
    project = find_project()
    changed = 0
    try:
        for file, text in generated(project).items():
            if file.is_file() and file.read_text("utf-8") == text:
                continue
            changed += 1
            print(f"{file.relative_to(project)} {'is not what the code gives' if check else 'written'}")
            if not check:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, "utf-8")
    except OSError as error:
        raise StackError(f"{error.filename}: {error.strerror}; look at its permissions") from error
    except ValueError as error:
        raise StackError(str(error)) from error
    if not changed:
        print("Nothing has changed")
    return 1 if check and changed else 0
