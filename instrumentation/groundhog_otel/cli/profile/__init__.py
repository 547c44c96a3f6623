"""``groundhog profile``: which line of which tool takes the time, which allocation of which call the memory."""

from __future__ import annotations

from cyclopts import App

__all__ = ("app",)

app = App(
    name="profile",
    help="Profile a server: which line of which tool takes the time, which call the memory.\n\n"
    "Start one with: groundhog profile cpu -- COMMAND. Read the result with: groundhog profile show",
)
_HERE = "groundhog_otel.cli.profile"
app.command(
    f"{_HERE}.starting:cpu",
    name="cpu",
    help="Start a command recorded, with a profile of where its time goes.",
    usage="Usage: groundhog profile cpu [OPTIONS] -- COMMAND...",
)
app.command(
    f"{_HERE}.starting:memory",
    name="memory",
    help="Start a command recorded, with a profile of what each call allocates.",
    usage="Usage: groundhog profile memory [OPTIONS] -- COMMAND...",
)
app.command(f"{_HERE}.attaching:attach", name="attach", help="Profile a process that runs already, for a while.")
app.command(f"{_HERE}.showing:show", name="show", help="Print a profile, or write it in a format that others open.")
app.command(f"{_HERE}.showing:diff", name="diff", help="Print what changed between two profiles.")
