from __future__ import annotations

from dataclasses import replace

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from groundhog_otel.load.judgement.verdict import Verdict
from groundhog_otel.load.reporting.given import Report
from groundhog_otel.load.reporting.junit import junit
from tests.load.reporting import made


def _suite(report: Report) -> TestSuite:
    (suite,) = JUnitXml.fromstring(junit(report).encode())
    assert isinstance(suite, TestSuite)
    return suite


def _ends(suite: TestSuite) -> dict[tuple[str, str], list[type]]:
    return {
        (case.classname, case.name): [type(end) for end in case.result] for case in suite if isinstance(case, TestCase)
    }


def test_each_threshold_is_a_test_case() -> None:
    suite = _suite(made.report())
    assert _ends(suite) == {
        ("load.measurement", "is valid"): [],
        (f"load.{made.SEARCH}", "p99 at most 50 ms"): [Failure],
        (f"load.{made.LIST}", "p99 at most 100 ms"): [Failure],
        (f"load.{made.SEARCH}", "errors at most 1.0 %"): [],
    }
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (4, 2, 0, 0)
    failure = next(end for case in suite for end in case.result)
    assert "p99 is 672 ms, between 575 ms and 746 ms" in failure.message
    assert suite.time == 30.0
    assert suite.timestamp == "2026-09-21T14:13:20"
    assert f'<property name="run_id" value="{made.result().run_id}" />' in junit(made.report())


def test_an_invalid_measurement_is_an_error_and_blames_no_threshold() -> None:
    suite = _suite(made.report(verdict=made.verdict(valid=False)))
    assert list(_ends(suite).values()) == [[Error], [Skipped], [Skipped], [Skipped]]
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (4, 0, 1, 3)
    error = next(end for case in suite for end in case.result)
    assert "97 % of its CPU" in str(error.text)


def test_what_has_passed_has_no_failure() -> None:
    suite = _suite(made.report(verdict=made.passed()))
    assert (suite.tests, suite.failures, suite.errors) == (2, 0, 0)
    assert _suite(made.report(verdict=Verdict(True, True, (), ()))).tests == 1


def test_the_counts_of_the_outermost_element_are_those_of_its_suites() -> None:
    # Readers that total a file (Jenkins, GitLab) take a suite's; others, the file's.
    whole = JUnitXml.fromstring(junit(made.report()).encode())
    assert (whole.name, whole.tests, whole.failures, whole.errors, whole.time) == ("groundhog load", 4, 2, 0, 30.0)


def test_what_xml_cannot_hold_is_replaced() -> None:
    hostile = "]]><failure/>\x00\x1b\ud800\ufffe\"'&"
    verdict = made.verdict()
    checks = tuple(replace(one, operation=hostile, sentence=hostile) for one in verdict.checks)
    report = made.report(made.result(target=hostile), verdict=replace(verdict, checks=checks))
    suite = _suite(report)
    assert suite.name == "load test of ]]><failure/>\ufffd\ufffd\ufffd\ufffd\"'&"
    assert (suite.tests, suite.failures) == (4, 2)
