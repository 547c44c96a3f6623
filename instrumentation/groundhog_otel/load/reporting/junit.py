"""The verdict as JUnit XML, as Jenkins, GitLab and GitHub's report actions read it."""

from __future__ import annotations

from datetime import datetime, timezone
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from groundhog_otel.load.reporting.given import Report
from groundhog_otel.load.reporting.wording import bound, headline, how, remarks, sentence, tested

__all__ = ("junit",)


def junit(report: Report) -> str:
    """Return a test case per threshold, and one for whether the measurement is valid.

    A threshold that was missed is a failure, as is one that is undecided: it has not been shown to be met. When the
    measurement is not valid, that is an error, and the thresholds are skipped: what was measured decides nothing about
    the server.
    """
    result, verdict = report.result, report.verdict
    valid = verdict.valid
    missed = sum(one.outcome != "passed" for one in verdict.checks) if valid else 0
    counts = {
        "tests": str(len(verdict.checks) + 1),
        "failures": str(missed),
        "errors": str(int(not valid)),
        "skipped": str(0 if valid else len(verdict.checks)),
    }
    time = {"time": f"{result.duration_s:.3f}"}
    began = datetime.fromtimestamp(result.started_at_ns / 1e9, tz=timezone.utc)
    # The outermost element takes no count of skipped ones, though every reader takes them of a suite.
    outer = {name: count for name, count in counts.items() if name != "skipped"}
    root = Element("testsuites", {"name": "groundhog load", **outer, **time})
    name = _plain(f"load test of {result.target}")
    suite = SubElement(root, "testsuite", {"name": name, **counts, **time, "timestamp": f"{began:%Y-%m-%dT%H:%M:%S}"})
    properties = SubElement(suite, "properties")
    for key, value in (("run_id", result.run_id), ("tested", tested(result)), ("how", how(result))):
        SubElement(properties, "property", {"name": key, "value": _plain(value)})

    # Cases without a time of their own count as 0: it is the suite that takes long.
    case = SubElement(suite, "testcase", {"classname": "load.measurement", "name": "is valid", "time": "0"})
    if not valid:
        reasons = "\n".join(remarks(report)) or headline(report)
        error = SubElement(case, "error", {"type": "invalid", "message": _plain(headline(report))})
        error.text = _plain(reasons)
    for one in verdict.checks:
        group = _plain(f"load.{one.operation or 'all operations'}")
        named = {"classname": group, "name": bound(one.threshold), "time": "0"}
        case = SubElement(suite, "testcase", named)
        if not valid:
            SubElement(case, "skipped", {"message": "the measurement is not valid"})
        elif one.outcome != "passed":
            text = _plain(sentence(one))
            SubElement(case, "failure", {"type": one.outcome, "message": text}).text = text
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _plain(text: str) -> str:
    """Return text without what XML 1.0 cannot hold, escaped or not."""
    return "".join(one if one.isprintable() or one in "\n\t" else "\N{REPLACEMENT CHARACTER}" for one in text)
