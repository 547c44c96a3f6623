from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

import pytest

from groundhog_otel.load.errors import LoadError
from groundhog_otel.load.plan import Expectation, Scenario, Step
from groundhog_otel.load.scenarios.reading import read_scenarios
from tests.support.processes import ROOT

GOOD = """\
    scenarios:
      - name: browse
        weight: 3
        data: people.csv
        steps:
          - tool: search
            arguments: {query: "${name}", since: 2024-01-31, limit: 5}
            save: {first: "structuredContent.items[0].id"}
            expect:
              - {path: structuredContent.total, at_least: 1}
              - {path: "content[0].text", contains: Ada}
          - tool: show
            arguments: {id: "${first}", key: "${env:HOME}"}
            think: [0.5, 2]
            timeout: 5
      - name: others
        steps:
          - prompt: greet
            arguments: {name: Ada}
            think: 1
          - resource: memo://note
          - method: tools/list
          - method: completion/complete
            target: greet
            arguments: {name: name, value: A}
    """


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(dedent(text), "utf-8")
    return path


def test_a_yaml_file(tmp_path: Path) -> None:
    write(tmp_path, "people.csv", 'name,note\\nAda,"a\\nb"\\nGrace,x\\n'.replace("\\n", "\n"))
    assert read_scenarios(write(tmp_path, "load.yaml", GOOD)) == (
        Scenario(
            "browse",
            (
                Step(
                    target="search",
                    arguments={"query": "${name}", "since": "2024-01-31", "limit": 5},
                    save={"first": "structuredContent.items[0].id"},
                    expect=(
                        Expectation("structuredContent.total", "at_least", 1),
                        Expectation("content[0].text", "contains", "Ada"),
                    ),
                ),
                Step(target="show", arguments={"id": "${first}", "key": "${env:HOME}"}, think=(0.5, 2), timeout=5),
            ),
            weight=3,
            data=({"name": "Ada", "note": "a\nb"}, {"name": "Grace", "note": "x"}),
        ),
        Scenario(
            "others",
            (
                Step("prompts/get", "greet", {"name": "Ada"}, think=1),
                Step("resources/read", "memo://note"),
                Step("tools/list"),
                Step("completion/complete", "greet", {"name": "name", "value": "A"}),
            ),
        ),
    )


STEP = "scenarios:\n- name: one\n  steps:\n  - tool: add\n"


@pytest.mark.parametrize(
    ("text", "line", "sentence"),
    [
        ("", 1, "the file is empty: write scenarios: and a list of them"),
        ("a: [", 1, "this is no YAML"),
        ("scenario: []", 1, "the file has no field 'scenario': did you mean scenarios?"),
        ("scenarios: one", 1, "scenarios is no list of anything: begin each entry with -"),
        ("scenarios:\n- steps: []", 2, "the scenario has no name: add it"),
        ("scenarios:\n- name: x\n  stesp: []", 3, "a scenario has no field 'stesp': did you mean steps?"),
        (STEP + "    argument: {}", 5, "a step has no field 'argument': did you mean arguments?"),
        (STEP + "    tool: sub", 5, "a step has tool twice: keep one"),
        (STEP + "    prompt: greet", 4, "the step has tool and prompt: write one of tool, prompt, resource and method"),
        (STEP + "    target: x", 5, "target goes with method: tool has the name already, leave it away"),
        (STEP + "    arguments: 3", 5, "arguments are no fields: write name: value"),
        (STEP + "    think: [2, 1]", 4, "think is (2, 1): write seconds, or [least, most]"),
        (STEP + "    think: soon", 4, "think is 'soon': write seconds, or [least, most]"),
        (STEP + "    timeout: 0", 4, "timeout is 0: write seconds above 0"),
        (STEP + "    save: {a: x..y}", 4, "save a: 'x..y' is no path, from '..y' on"),
        (STEP + "    expect: [{path: a, equal: 1}]", 5, "an expectation has no field 'equal': did you mean equals?"),
        (STEP + "    expect: [{path: a}]", 5, "an expectation has one test, and this one has 0: equals, contains"),
        (STEP + "    expect: [{matches: '('}]", 4, "'(' is no regular expression"),
        (STEP + "    expect: [{at_most: x}]", 4, "at_most compares numbers, and 'x' is none: write one"),
        (
            STEP + "    arguments: {a: '${b}'}",
            4,
            "${b} is no column of the data, and no earlier step saves it: give data with that column, or save it",
        ),
        (STEP + "    arguments: {a: '${env:NOT_SET}'}", 4, "the environment variable NOT_SET is not set: set it"),
        (STEP + "  weight: 0", 5, "scenario 'one': its weight is 0: write a number above 0"),
        (STEP + "  data: none.csv", 5, "none.csv cannot be read (No such file or directory): correct its name"),
        (STEP + "  data: [1]", 5, "data is neither a file nor rows"),
        (STEP + "- name: one\n  steps: [{tool: a}]", 5, "there are two scenarios 'one': give this one another name"),
        (STEP.replace("tool", "method"), 4, "there is no method 'add': there is completion/complete"),
        (STEP.replace("tool: add", "method: tool/call"), 4, "there is no method 'tool/call': did you mean tools/call?"),
        (STEP.replace("tool: add", "method: tools/call"), 4, "tools/call needs a tool: name it"),
        (STEP + "    arguments: {a: !!python/name:os.system ''}", 5, "could not determine a constructor"),
    ],
)
def test_what_is_wrong_in_yaml_is_said_with_its_line(tmp_path: Path, text: str, line: int, sentence: str) -> None:
    file = write(tmp_path, "load.yaml", text)
    with pytest.raises(LoadError) as error:
        read_scenarios(file)
    assert str(error.value).startswith(f"{file}:{line}: ")
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("a.csv", "x,x\n1,2\n", "a.csv:1: a heading is empty or twice there"),
        ("a.csv", "x,y\n1\n", "a.csv:2: the row has not 2 columns: mend it"),
        ("a.csv", "x,y\n", "a.csv has no rows: add one"),
        ("a.jsonl", '{"x": 1}\n{x}\n', "a.jsonl:2: this is no JSON"),
        ("a.jsonl", "[1]\n", "a.jsonl:1: this is no object"),
        ("a.txt", "x", "a.txt is no data file: give a .csv with a heading, or a .jsonl with an object a line"),
    ],
)
def test_what_is_wrong_with_data_is_said_with_both_lines(tmp_path: Path, name: str, text: str, sentence: str) -> None:
    write(tmp_path, name, text)
    with pytest.raises(LoadError) as error:
        read_scenarios(write(tmp_path, "load.yaml", f"{STEP}  data: {name}"))
    assert str(error.value).startswith(f"{tmp_path / 'load.yaml'}:5: ")
    assert sentence in str(error.value)


def test_rows_of_json_keep_their_types(tmp_path: Path) -> None:
    write(tmp_path, "a.jsonl", '{"n": 1, "deep": {"x": [true]}}\n\n{"n": null, "deep": 2}\n')
    (scenario,) = read_scenarios(write(tmp_path, "load.yml", f"{STEP}    arguments: {{a: '${{n}}'}}\n  data: a.jsonl"))
    assert scenario.data == ({"n": 1, "deep": {"x": [True]}}, {"n": None, "deep": 2})


PYTHON = """\
    from groundhog_otel.load.plan import Scenario, Step
    from helper_for_scenarios import TOOL

    def scenarios():
        return [Scenario(f"number {n}", (Step(target=TOOL, arguments={"a": n}),)) for n in range(2)]
    """


def test_a_python_file(tmp_path: Path) -> None:
    write(tmp_path, "helper_for_scenarios.py", "TOOL = 'add'")
    found = read_scenarios(write(tmp_path, "load.py", PYTHON))
    assert [scenario.name for scenario in found] == ["number 0", "number 1"]
    assert found[1].steps == (Step(target="add", arguments={"a": 1}),)
    listed = "from groundhog_otel.load.plan import *\nscenarios = [Scenario('one', (Step(target='add'),))]"
    assert read_scenarios(write(tmp_path, "listed.py", listed))[0].name == "one"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("x = 1", " has no scenarios: write scenarios = [Scenario(...)], or a function of that name"),
        ("scenarios = [1]", "is no list of Scenario: import it from groundhog_otel.load.plan"),
        ("x = 1\n\nraise ValueError('no')", "load.py:3: ValueError: no"),
        ("def scenarios():\n    return 1 / 0", "load.py:2: ZeroDivisionError: division by zero"),
        ("x = (", "load.py:1: SyntaxError"),
        (
            "from groundhog_otel.load.plan import *\nscenarios = [Scenario('a', (Step(target='add', timeout=-1),))]",
            "scenario 'a', step 1 (tools/call add): timeout is -1: write seconds above 0",
        ),
    ],
)
def test_what_is_wrong_in_python_is_said(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(LoadError) as error:
        read_scenarios(write(tmp_path, "load.py", text))
    assert sentence in str(error.value)


def test_a_file_that_is_not_there_or_something_else(tmp_path: Path) -> None:
    for name in ("no.yaml", "no.py"):
        with pytest.raises(LoadError, match="cannot be read"):
            read_scenarios(tmp_path / name)
    with pytest.raises(LoadError, match=r"is no scenario file: give a .yaml or a .py"):
        read_scenarios(tmp_path / "load.toml")


def test_what_the_documentation_shows_is_read(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "load-scenarios.md").read_text("utf-8")
    blocks = dict(re.findall(r"```(yaml|python)\n(.*?)```", page, re.DOTALL))
    write(tmp_path, "people.csv", "name\nAda\n")
    first, second = read_scenarios(write(tmp_path, "load.yaml", blocks["yaml"]))
    assert [step.name for step in first.steps] == ["tools/call search", "tools/call show"]
    assert [step.name for step in second.steps] == ["prompts/get greet", "resources/read memo://note", "tools/list"]
    (one,) = read_scenarios(write(tmp_path, "load.py", blocks["python"]))
    assert len(one.data) == 100
