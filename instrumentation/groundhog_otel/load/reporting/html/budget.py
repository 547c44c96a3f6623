"""Where the time of a request goes."""

from __future__ import annotations

from groundhog_otel.html.markup import Html, joined, tag
from groundhog_otel.html.plot import WIDE
from groundhog_otel.html.table import section, table
from groundhog_otel.load.links.budget import Budget
from groundhog_otel.load.reporting.wording import known_of
from groundhog_otel.report.units import amount, duration, share

__all__ = ("budget_section",)


def budget_section(budget: Budget) -> Html:
    """Return the parts of the latency, in a bar and in a table of the same colours."""
    rows: list[tuple[str, ...]] = [
        (
            joined(tag("i", class_=f"swatch block part-{number % 8}"), f" {part.name}"),
            duration(part.seconds), share(part.share),
        )
        for number, part in enumerate(budget.parts)
    ]  # fmt: skip
    rows.append((tag("strong", "total"), duration(budget.seconds), share(sum(part.share for part in budget.parts))))
    return section(
        "Where the time goes",
        tag("p", f"Mean of {amount(budget.requests, 'request')}. {known_of(budget)}", class_="muted"),
        _bar(budget),
        table(("Part", "Mean", "Share"), rows, right=(1, 2)),
    )


def _bar(budget: Budget) -> Html:
    whole = sum(part.share for part in budget.parts) or 1.0
    drawn: list[Html] = []
    left = 0.0
    for index, part in enumerate(budget.parts):
        width = part.share / whole * WIDE
        drawn.append(
            tag(
                "rect", tag("title", f"{part.name}: {duration(part.seconds)}, {share(part.share)}"),
                x=left, y=0, width=max(width - 2, 0.5), height=44, class_=f"part part-{index % 8}",
            )
        )  # fmt: skip
        text = share(part.share)
        if width > 12 * len(text):
            drawn.append(tag("text", text, x=left + width / 2 - 1, y=27, text_anchor="middle", class_="part-text"))
        left += width
    name = "Parts of the latency: " + ", ".join(f"{part.name} {share(part.share)}" for part in budget.parts)
    return tag("svg", drawn, viewbox=f"0 0 {WIDE:.0f} 44", role="img", aria_label=name, class_="budget")
