"""The SSM document is the script, and no value can become part of it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from node.generate_document import DIGEST, DOCUMENT, LOOK_DOCUMENT, LOOKING_VERBS, assemble, generate, generate_digest
from testbed.cloud.documents import can_agent_compile
from tests.node.node import REPOSITORY, SCRIPT
from tests.node.test_arguments import HOSTILE, INSTALL


@pytest.fixture
def document() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(DOCUMENT.read_text())
    return content


def test_the_script_and_the_documents_are_fresh() -> None:
    assert SCRIPT.read_text() == assemble(), "run `make document`"
    assert DOCUMENT.read_text() == generate(), "run `make document`"
    assert LOOK_DOCUMENT.read_text() == generate(LOOKING_VERBS), "run `make document`"
    assert DIGEST.read_text() == generate_digest(generate()), "run `make document`"


def test_the_digest_is_the_one_that_the_script_tells_of_itself(document: dict[str, Any], tmp_path: Path) -> None:
    """As the SSM Agent writes it into a file: readiness holds what answers against what the stack carries."""
    (tmp_path / "_script.sh").write_text(document["mainSteps"][0]["inputs"]["runCommand"][0])
    program = 'source "$1" >/dev/null; digest "$1"'
    told = subprocess.run(
        ["bash", "-c", program, "bash", tmp_path / "_script.sh"], capture_output=True, text=True, check=True
    ).stdout
    assert f'DIGEST = "{told}"' in DIGEST.read_text()


def test_the_look_document_is_the_same_script_and_takes_no_verb_that_changes_anything(document: dict[str, Any]) -> None:
    look = yaml.safe_load(LOOK_DOCUMENT.read_text())

    assert look["mainSteps"] == document["mainSteps"]
    assert set(look["parameters"]["Verb"].pop("allowedValues")) == {"status", "probe", "survey"}
    document["parameters"]["Verb"].pop("allowedValues")
    assert look["parameters"].items() <= document["parameters"].items()


def test_the_document_runs_the_script_and_nothing_else(document: dict[str, Any]) -> None:
    (step,) = document["mainSteps"]

    assert step["action"] == "aws:runShellScript"
    [text] = step["inputs"]["runCommand"]
    assert text.startswith("#!/bin/bash\n")
    assert "{{" not in json.dumps(document)
    assert functions_of(text) == functions_of(SCRIPT.read_text())
    assert len(functions_of(text)) > 100


def functions_of(script: str) -> list[str]:
    """The script's functions and settings, as bash itself prints them: without comments and indentation."""
    program = 'source "$1" >/dev/null; declare -f; declare -p EXPORTS CONFIG UNITS TICKLE START_TEXT RESOURCE_MARK'
    with tempfile.NamedTemporaryFile("w", suffix=".sh") as file:
        file.write(script)
        file.flush()
        printed = subprocess.run(["bash", "-c", program, "bash", file.name], capture_output=True, text=True, check=True)
    return printed.stdout.splitlines()


def test_every_parameter_is_a_variable_and_is_limited(document: dict[str, Any]) -> None:
    for name, parameter in document["parameters"].items():
        assert parameter["interpolationType"] == "ENV_VAR", name
        assert "allowedPattern" in parameter or "allowedValues" in parameter, name


def test_the_agent_can_check_every_parameter(document: dict[str, Any]) -> None:
    """With one pattern that it can't compile it refuses every command."""
    patterns = {name: parameter.get("allowedPattern", "") for name, parameter in document["parameters"].items()}

    assert [name for name, pattern in patterns.items() if not can_agent_compile(pattern)] == []


def test_the_document_allows_what_is_right_and_refuses_what_is_hostile(document: dict[str, Any]) -> None:
    for name, value in INSTALL.items():
        assert re.fullmatch(document["parameters"][name]["allowedPattern"], value), name
    for name, parameter in document["parameters"].items():
        for value in filter(None, HOSTILE):
            if "allowedPattern" in parameter:
                assert not re.fullmatch(parameter["allowedPattern"], value), (name, value)


def test_the_verbs_of_the_node_itself_are_not_for_the_controller(document: dict[str, Any]) -> None:
    assert not {"boot", "leave", "watch"} & set(document["parameters"]["Verb"]["allowedValues"])


@pytest.mark.parametrize("script", [SCRIPT, *sorted((REPOSITORY / "testbed/hosts/standins").iterdir())], ids=str)
def test_shellcheck_finds_nothing(script: Path) -> None:
    shellcheck = Path(sys.executable).with_name("shellcheck")
    done = subprocess.run([shellcheck, "-S", "style", script], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout
