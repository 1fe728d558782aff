"""Nothing that is passed to the script is run, written or believed: drawn values, always the same ones."""

import json
import os
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from node.generate_document import DOCUMENT
from tests.node.node import SCRIPT
from tests.node.test_arguments import INSTALL

PARAMETERS: dict[str, dict[str, Any]] = yaml.safe_load(DOCUMENT.read_text())["parameters"]
TRAP = "HACKED"
drawn = settings(
    derandomize=True, max_examples=60, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
fragments = st.sampled_from(
    [
        *(form.format(f"touch {TRAP}") for form in ("$({})", "`{}`", ";{};", "|{}", "&&{}", "a[$({})]", "\n{}\n")),
        "'", '"', "\\", "\n", "\r", "\t", "${IFS}", "$((1/0))", "%s%n", "--", "*", "~", "{{x}}", "\x1b[0m",
        "\u00e9", "\u202e", "\u65e5", "0", "1", "10.0.3.4", "/mnt", "true", "08", "99999999999999999999",
    ]
)  # fmt: skip
characters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
values = st.lists(fragments | st.text(characters, max_size=8), min_size=1, max_size=4).map("".join)
words = st.sampled_from(["promote", "--epoch", "--expires-at", "--accept-data-loss", "7"])


def is_allowed(name: str, value: str) -> bool:
    parameter = PARAMETERS[name]
    if "allowedValues" in parameter:
        return value in parameter["allowedValues"]
    return re.fullmatch(parameter["allowedPattern"], value, re.ASCII) is not None


def run(*arguments: str, **variables: str) -> tuple[int, dict[str, Any], list[str]]:
    """Exit code, the one line of output, and the files that are there afterwards."""
    with tempfile.TemporaryDirectory() as root:
        environment = {"PATH": os.environ["PATH"], "GAROON_NODE_ROOT": root}
        environment.update({f"SSM_{name}": value for name, value in variables.items()})
        done = subprocess.run(
            [SCRIPT, *arguments], env=environment, cwd=root, capture_output=True, timeout=60, check=False
        )
        output = done.stdout.decode("utf-8")
        assert output.count("\n") == 1, output
        return done.returncode, json.loads(output), [path.name for path in Path(root).iterdir()]


def assert_refused(outcome: tuple[int, dict[str, Any], list[str]]) -> None:
    exit_code, said, files = outcome
    assert (exit_code, said["result"], said["code"]) == (2, "refused", "bad_arguments"), said
    assert said["message"]
    assert len(said["message"]) <= 400
    assert files == []


@drawn
@given(st.sampled_from(sorted(PARAMETERS)), values)
@example("Epoch", "x" * 100_000)
@example("MountPoint", "/" + "x" * 100_000)
@example("Verb", "")
def test_hostile_parameters_are_refused_and_leave_nothing(name: str, value: str) -> None:
    if is_allowed(name, value) or not value:
        return
    verb = "promote" if name in ("Epoch", "ExpiresAt", "AcceptDataLoss", "PeerProof", "AndStart") else "install"
    assert_refused(run(**{**INSTALL, "Verb": verb, name: value}))


@drawn
@given(
    st.lists(values | st.sampled_from(["promote", "--epoch", "--expires-at", "--accept-data-loss", "7"]), max_size=5)
)
def test_hostile_arguments_are_refused_and_leave_nothing(arguments: list[str]) -> None:
    exit_code, said, files = run(*arguments)
    assert said["result"] == "refused"
    assert (exit_code, said["code"]) in ((2, "bad_arguments"), (15, "not_installed")), said
    assert files == []


@pytest.mark.parametrize("name", ["NodeName", "ExportClients"])
def test_a_right_value_is_not_refused(name: str) -> None:
    """Refusing everything would not do."""
    without = {key: value for key, value in INSTALL.items() if key != "PeerEth0Address"}
    _, said, _ = run(Verb="install", **without)
    assert name not in said["message"]
    assert "PEER_ETH0_ADDRESS" in said["message"]
