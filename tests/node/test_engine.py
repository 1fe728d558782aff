"""What replication.sh asks of an engine is what the engine supplies, and all that the other parts use of it."""

from __future__ import annotations

import re
from pathlib import Path

PARTS = Path(__file__).parents[2] / "node/src"
OF_ENGINE = ("replication_drbd.sh", "room_drbd.sh")
ENGINE = "".join((PARTS / name).read_text() for name in OF_ENGINE)
INTERFACE, _, DERIVED = (PARTS / "replication.sh").read_text().partition("\n\n")
OTHERS = DERIVED + "".join(
    file.read_text() for file in PARTS.glob("*.sh") if file.name not in ("replication.sh", *OF_ENGINE)
)
FUNCTIONS = {"read_replication", "read_protocol", "volume_number", "engine_version"} | set(
    re.findall(r"^#   ([a-z]+(?:_[a-z]+)+) ", INTERFACE, re.MULTILINE)
)
VARIABLES = {"IS_REPLICA_UP"} | set(re.findall(r"\bREPLICATION_(?!DEVICE)[A-Z_]+\b", INTERFACE))
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


def test_the_engine_supplies_what_is_asked_of_one() -> None:
    assert not FUNCTIONS - functions_of(ENGINE)
    assert not (VARIABLES | CONSTANTS) - words_of(ENGINE)
    assert "CONFIG[REPLICATED_DEVICE]=" in ENGINE


def test_each_piece_of_it_is_used() -> None:
    assert not (FUNCTIONS | CONSTANTS) - words_of(OTHERS)


def test_the_other_parts_use_nothing_else_of_the_engine() -> None:
    own = set(re.findall(r"^(?:readonly )?([A-Z_]+)=", ENGINE, re.MULTILINE)) - VARIABLES - CONSTANTS
    assert {"RESOURCE", "DRBD_MAJOR", "DRBD_ROLE"} < own

    assert not (functions_of(ENGINE) - FUNCTIONS) & words_of(OTHERS)
    assert not own & words_of(OTHERS)
