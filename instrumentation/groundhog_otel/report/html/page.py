"""The page as a whole: its parts from top to bottom, the data of its traces, and the scripts that show them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from groundhog_otel.html.document import document, shared
from groundhog_otel.html.markup import Html, tag
from groundhog_otel.html.packed import packed
from groundhog_otel.report.content import Report
from groundhog_otel.report.html.calls import calls_section
from groundhog_otel.report.html.choice import MOST_SPANS, chosen
from groundhog_otel.report.html.embedded import columns
from groundhog_otel.report.html.findings import findings_section
from groundhog_otel.report.html.head import budgets_section, foot, head
from groundhog_otel.report.html.latency import latency_section
from groundhog_otel.report.html.optimizations import optimizations_section
from groundhog_otel.report.html.over_time import over_time_section
from groundhog_otel.report.wording import title

__all__ = ("Part", "page")

_SCRIPTS: Final = (
    "units.js", "recorded.js", "rows.js", "calls.js", "waterfall.js", "details.js", "sorting.js", "start.js",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Part:
    """A further section, with what it needs: it is made above this room."""

    name: str
    """Its id."""
    title: str
    body: Html
    style: str = ""
    script: str = ""
    """Run in a block of its own, so that its names are its own."""


def page(
    report: Report, *, parts: Sequence[Part] = (), content: bool = False, most_spans: int = MOST_SPANS
) -> str:  # fmt: skip
    """Return the report as one HTML file, which loads nothing and sends nothing.

    Texts of attributes that may be what was in a message are left out, unless ``content`` is true. Of more spans than
    ``most_spans``, whole traces are left out; figures are of all of them.
    """
    everything = report.recording.traces()
    linked = {one.trace_id for finding in report.findings or () for one in finding.evidence if one.trace_id is not None}
    kept = chosen(everything, most_spans=most_spans, wanted=linked)
    there = {one.trace_id for one in kept}
    spans = sum(len(one.spans) for one in kept)
    sections: list[tuple[str, str, Html | str]] = [
        ("budgets", "Budgets", budgets_section(report)),
        ("findings", "Findings", findings_section(report, there)),
        ("latency", "Latency", latency_section(report)),
        ("calls", "Calls and traces", calls_section(report, traces=len(kept), left_out=len(everything) - len(kept),
                                                    spans=spans, content=content)),
        ("over-time", "Over time", over_time_section(report)),
        *((one.name, one.title, one.body) for one in parts),
        ("optimizations", "Optimisations", optimizations_section(report)),
    ]  # fmt: skip
    shown = [(name, heading, body) for name, heading, body in sections if body]
    return document(
        title(report.summary),
        tag("a", "Skip to the report", href="#main", class_="skip"),
        tag(
            "main",
            head(report),
            tag("nav", [tag("a", heading, href=f"#{name}") for name, heading, _ in shown], aria_label="Parts"),
            [tag("section", tag("h2", heading, id=f"{name}-title"), body, id=name, aria_labelledby=f"{name}-title")
             for name, heading, body in shown],
            foot(report),
            id="main", tabindex="-1",
        ),
        packed("traces", columns(report, kept, content=content)),
        style="".join((shared("chart.css"), _own("style.css"), *_once(one.style for one in parts))),
        script=_script(parts),
    )  # fmt: skip


def _script(parts: Sequence[Part]) -> str:
    own = "\n".join((shared("inflate.js"), shared("packed.js"), *map(_own, _SCRIPTS)))
    blocks = (shared("hover.js").removeprefix('"use strict";\n'), own, *_once(one.script for one in parts))
    return '"use strict";\n' + "".join(f"{{\n{block}\n}}\n" for block in blocks if block)


def _once(texts: Iterable[str]) -> Iterable[str]:
    return dict.fromkeys(texts)


def _own(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")
