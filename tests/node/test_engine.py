"""What replication.sh asks of an engine is what the engine supplies, and all that the other parts use of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from node.generate_document import assemble
from tests.node.node import OTHER_ENGINE

PARTS = Path(__file__).parents[2] / "node/src"
OF_DRBD = (PARTS / "replication_drbd.sh", PARTS / "room_drbd.sh")
ENGINES = {"drbd": "".join(file.read_text() for file in OF_DRBD), "mirrorctl": OTHER_ENGINE.read_text()}
INTERFACE, _, DERIVED = (PARTS / "replication.sh").read_text().partition("\n\n")
OTHERS = DERIVED + "".join(
    file.read_text() for file in PARTS.glob("*.sh") if file.name != "replication.sh" and file not in OF_DRBD
)
FUNCTIONS = {"read_replication", "read_protocol", "volume_number", "engine_version"} | set(
    re.findall(r"^#   ([a-z]+(?:_[a-z]+)+) ", INTERFACE, re.MULTILINE)
)
VARIABLES = {"IS_REPLICA_UP", "IS_HALF_PRIMARY"} | set(re.findall(r"\bREPLICATION_(?!DEVICE)[A-Z_]+\b", INTERFACE))
CONSTANTS = set(re.findall(r"\bENGINE_[A-Z]+\b", INTERFACE))


def without_comments(text: str) -> str:
    return re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)


def functions_of(text: str) -> set[str]:
    return set(re.findall(r"^([a-z_0-9]+)\(\) \{$", text, re.MULTILINE))


def words_of(text: str) -> set[str]:
    return set(re.findall(r"[A-Za-z_][A-Za-z_0-9]*", without_comments(text)))


def test_the_page_of_the_interface_was_read() -> None:
    assert {"promote_replica", "attach_replica", "install_replication", "take_replica_down"} < FUNCTIONS
    assert {"REPLICATION_ROLE", "REPLICATION_LINK", "REPLICATION_PEER_DATA"} < VARIABLES
    assert {"ENGINE_COMMANDS", "ENGINE_UNIT", "ENGINE_DEVICES"} == CONSTANTS


by_engine = pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)


@by_engine
def test_the_engine_supplies_what_is_asked_of_one(engine: str) -> None:
    assert not FUNCTIONS - functions_of(engine)
    assert not (VARIABLES | CONSTANTS) - words_of(engine)
    assert "CONFIG[REPLICATED_DEVICE]=" in engine


def test_each_piece_of_it_is_used() -> None:
    assert not (FUNCTIONS | CONSTANTS) - words_of(OTHERS)


@by_engine
def test_the_other_parts_use_nothing_else_of_the_engine(engine: str) -> None:
    own = set(re.findall(r"^(?:readonly )?([A-Z_]+)=", engine, re.MULTILINE)) - VARIABLES - CONSTANTS

    assert not (functions_of(engine) - FUNCTIONS) & words_of(OTHERS)
    assert not own & words_of(OTHERS)


def test_what_is_drbd_s_own_was_found() -> None:
    own = set(re.findall(r"^(?:readonly )?([A-Z_]+)=", ENGINES["drbd"], re.MULTILINE))
    assert {"RESOURCE", "DRBD_MAJOR", "DRBD_ROLE"} < own - VARIABLES - CONSTANTS


def test_a_script_with_another_engine_has_no_drbd_in_it() -> None:
    script = without_comments(assemble(OTHER_ENGINE))
    assert re.findall(r"drbd\w*", script, re.IGNORECASE) == []
