"""The ``groundhog`` command: one file per sub-command, each loaded only when it is called."""

from __future__ import annotations

import sys

__all__ = ("main",)


def main() -> None:
    """Run the command line; an error that a user can mend is one line on standard error, and exit code 1."""
    try:
        from cyclopts import App  # noqa: PLC0415 - of the extra "tools", whose absence needs an explanation
    except ModuleNotFoundError:
        sys.exit("groundhog: the command line is an extra of this package: pip install 'groundhog-otel[tools]'")
    from groundhog_otel import __version__  # noqa: PLC0415
    from groundhog_otel.pipeline import StackError  # noqa: PLC0415
    from groundhog_otel.store import StoreError  # noqa: PLC0415

    app = App(
        name="groundhog",
        version=__version__,
        help="OpenTelemetry for MCP servers and clients: record a run, read it, or start the backends for many.",
        result_action="return_value",
    )
    app.command("groundhog_otel.cli.run:run", name="run")
    app.command("groundhog_otel.cli.report:report", name="report")
    app.command("groundhog_otel.cli.stack:app", name="stack")
    try:
        result = app()
    except (StackError, StoreError) as error:
        sys.exit(f"groundhog: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(result if isinstance(result, int) else 0)
