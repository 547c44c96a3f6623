"""Names of functions, looked up in the source: by several threads at once, too."""

from __future__ import annotations

import ast
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from groundhog_otel.profiling.memory import frames


@pytest.fixture(autouse=True)
def _forgotten() -> None:
    frames._functions.cache_clear()


def test_threads_that_ask_at_once_are_all_answered() -> None:
    files = [one.__file__ for one in list(sys.modules.values()) if getattr(one, "__file__", None)][:150]
    names = [str(file) for file in files if str(file).endswith(".py")]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda file: frames.function_at(file, 1), names * 2))
    assert len(found) == 2 * len(names)


def test_a_parser_that_gives_up_for_another_threads_sake_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    parse, failures = ast.parse, iter([SystemError("AST constructor recursion depth mismatch")])

    def parsed(text: str) -> ast.Module:
        for failure in failures:
            raise failure
        return parse(text)

    monkeypatch.setattr(ast, "parse", parsed)
    line = test_a_parser_that_gives_up_for_another_threads_sake_is_asked_again.__code__.co_firstlineno
    assert frames.function_at(__file__, line) == "test_a_parser_that_gives_up_for_another_threads_sake_is_asked_again"
