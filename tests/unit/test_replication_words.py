"""What crosses from a node to the controller is in the product's own words: another engine changes one file."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from failover.node_answers import VerbResult
from pydantic import ValidationError

from testbed.cluster.report import NodeState, make_report

REPOSITORY = Path(__file__).parents[2]
WORDS_OF_DRBD = re.compile(
    r"(?i:drbd)|\b(UpToDate|Outdated|Inconsistent|Consistent|Diskless|DUnknown|StandAlone|Unconfigured|WFConnection"
    r"|SyncSource|SyncTarget|PausedSync\w*|WFBitMap\w*|Primary|Secondary)\b"
)
KNOWS_DRBD = (
    # The engine, the script that is made of the parts, and what tests them.
    *("node/src/replication_drbd.sh", "node/src/room_drbd.sh", "node/garoon-node.sh"),
    *("tests/node/", "tests/contract/hosts.py", "tests/lab/"),
    # What stands in for it, or runs it.
    *("testbed/hosts/", "testbed/lab/", "findings/"),
    # What sets the servers up, and its tests.
    *("environment/provision/", "tests/environment/", "tests/unit/test_set_up_documents.py"),
    # Names that are the same in each language, and this.
    *("tests/unit/test_messages.py", "tests/unit/test_replication_words.py"),
    "tests/workflow/test_limits.py",  # devices of many volumes
)


def words_of_drbd(text: str) -> list[str]:
    return [found[0] for found in WORDS_OF_DRBD.finditer(re.sub("(replication|room)_drbd", "its file", text))]


def test_nothing_but_the_engine_speaks_its_words() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    files = [name for name in listed.split() if name.endswith((".py", ".sh", ".json", ".toml"))]
    files = [name for name in files if not name.startswith((*KNOWS_DRBD, "docs/", "requirements/"))]
    assert "node/src/verbs.sh" in files

    found = {name: words for name in files if (words := words_of_drbd((REPOSITORY / name).read_text()))}

    assert not found


def test_the_template_names_it_for_its_device_alone() -> None:
    text = (REPOSITORY / "template.yaml").read_text()
    about_device = re.compile(r"/dev/drbd([01]|\[)|Device that DRBD makes|DRBD protocol")

    assert not words_of_drbd(about_device.sub("", text))


OF_BEFORE = {"role": "Secondary", "peerRole": "Primary", "connection": "Connected", "disk": "UpToDate"}
"""As the script of 0.2.0 answered."""


def said(replication: dict[str, Any]) -> str:
    report = make_report("status", "done", "x", status=NodeState(node="db-01"))
    report["status"]["replication"] = replication
    return json.dumps(report)


@pytest.mark.parametrize("role", ["Primary", "Secondary"])
def test_an_answer_in_the_words_of_before_is_none(role: str) -> None:
    """While a stack is updated, functions and document are of two releases for a moment: neither judges the other."""
    with pytest.raises(ValidationError):
        VerbResult.model_validate_json(said(OF_BEFORE | {"role": role}))


@pytest.mark.parametrize(("field", "word"), [("role", "Primary"), ("link", "Connected"), ("data", "UpToDate")])
def test_a_word_that_nobody_promised_is_no_state(field: str, word: str) -> None:
    today = {"role": "secondary", "link": "connected", "data": "current", "syncPercent": None, "protocol": "C"}
    assert VerbResult.model_validate_json(said(today)).status is not None

    with pytest.raises(ValidationError):
        VerbResult.model_validate_json(said(today | {field: word}))
