"""The servers' set-up: the documents are the scripts, and what two sides must agree on they agree on."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from environment.provision.generate_documents import DOCUMENTS, Document
from testbed.cloud.documents import can_agent_compile
from testbed.stack.template import read_template

REPOSITORY = Path(__file__).parents[2]
TEMPLATE = REPOSITORY / "environment" / "template.yaml"
DATABASE = DOCUMENTS[0]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.file.stem)
def test_documents_are_fresh(document: Document) -> None:
    assert document.file.read_text() == document.generate(), "run `make document`"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.file.stem)
def test_a_document_holds_its_script_and_pastes_nothing_into_it(document: Document) -> None:
    content: dict[str, Any] = yaml.safe_load(document.file.read_text())
    [step] = content["mainSteps"]

    assert step["inputs"]["runCommand"] == [document.script()]
    assert "{{" not in document.file.read_text()
    assert all(each["interpolationType"] == "ENV_VAR" for each in content["parameters"].values())
    assert subprocess.run(["bash", "-n"], input=document.script(), text=True, check=False).returncode == 0


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.file.stem)
def test_the_agent_can_check_every_parameter(document: Document) -> None:
    """With one pattern that it can't compile it refuses the whole set-up."""
    patterns = {name: pattern for name, (pattern, _) in document.parameters.items()}

    assert [name for name, pattern in patterns.items() if not can_agent_compile(pattern)] == []


@pytest.mark.parametrize(
    ("pattern", "can_it"),
    [
        ("^[a-z]{1,1000}$", True),
        ("^[a-z]{1,1001}$", False),
        ("^(/[a-z]{0,200}){0,5}$", True),
        ("^(/[a-z]{0,200}){0,6}$", False),
        ("^((/[a-z]{0,62}){1,8}(:[a-z]+)*)*$", True),
        ("^((/[a-z]{0,62}){1,8}(:[a-z]+)*){0,9}$", False),
        (r"^[{}()]{1,40}\({1,30}$", True),
        ("^(?!root)[a-z]+$", False),
    ],
)
def test_what_gos_regexp_compiles(pattern: str, can_it: bool) -> None:
    """As Go 1.19 answered for each of them."""
    assert can_agent_compile(pattern) is can_it


def test_the_template_gives_each_document_all_its_parameters() -> None:
    resources = read_template(TEMPLATE)["Resources"]
    given = {
        each["Properties"]["Name"]["Ref"]: each["Properties"]["Parameters"].keys()
        for each in resources.values()
        if each["Type"] == "AWS::SSM::Association"
    }

    assert given == {
        "DatabaseSetUpDocument": DATABASE.parameters.keys(),
        "AppSetUpDocument": DOCUMENTS[1].parameters.keys(),
    }


@pytest.mark.parametrize("is_drbd_9", [False, True])
@pytest.mark.parametrize(("node", "peer"), [("db-01", "db-02"), ("db-02", "db-01")])
def test_the_replicas_file_is_the_one_that_the_node_script_would_write(node: str, peer: str, is_drbd_9: bool) -> None:
    """So that it is the controller's from its installation on, which then changes nothing in it."""
    version = f"is_drbd_9() {{ {'true' if is_drbd_9 else 'false'}; }}"
    ours = "\n".join(
        [
            DATABASE.script().removesuffix("main\n"),
            version,
            f"NODE_NAME={node} PEER_NAME={peer} ETH1_ADDRESS=10.0.12.4 PEER_ETH1_ADDRESS=10.0.14.4",
            "resource_file",
        ]
    )
    theirs = "\n".join(
        [
            "declare -A CONFIG=([REPLICATION_PORT]=7788 [REPLICATION_PROTOCOL]=C [DATA_DEVICE]=/dev/xvdb1); ROOT=",
            (REPOSITORY / "node/src/resources.sh").read_text(),
            (REPOSITORY / "node/src/replication_drbd.sh").read_text(),
            version,
            "read_volumes",
            f"CONFIG[NODE_NAME]={node} CONFIG[PEER_NAME]={peer}",
            "CONFIG[ETH1_ADDRESS]=10.0.12.4 CONFIG[PEER_ETH1_ADDRESS]=10.0.14.4",
            "resource_file",
        ]
    )

    assert run(ours) == run(theirs)


def run(script: str) -> str:
    return subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True).stdout
