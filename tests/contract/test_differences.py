"""The suite itself: an arm that answers one field of one verb differently is caught."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from testbed.cluster.node import PLAIN, Promotion
from testbed.cluster.report import NodeState, ReportError
from tests.contract.arms import CampaignArm, ModelArm, UnitArm
from tests.contract.stories import STORIES
from tests.contract.story import STATE_FIELDS, VERBS, Answer, Event, play, why_not
from tests.contract.test_contract import IN_MEMORY

SAID = ("exit code", "verb", "code", "message", "status")
SIGHT = ("peer", "database", "nfs", "eth0", "eth1")


class DifferentArm:
    """An arm of which one verb answers one field differently."""

    def __init__(self, arm: CampaignArm | UnitArm | ModelArm, verb: str, field: str) -> None:
        self._arm, self._verb, self._field = arm, verb, field
        self.name, self.lacks, self.cannot = arm.name, arm.lacks, arm.cannot

    def happen(self, node: str, event: Event) -> None:
        self._arm.happen(node, event)

    def crash(self, node: str, verb: str, epoch: int, is_moment: Callable[[NodeState], bool]) -> None:
        self._arm.crash(node, verb, epoch, is_moment)

    def rest(self, is_at_rest: Callable[[], bool]) -> None:
        self._arm.rest(is_at_rest)

    def obey(self, node: str, verb: str, epoch: int, expires_in: int | None, promotion: Promotion = PLAIN) -> Answer:
        answer = self._arm.obey(node, verb, epoch, expires_in, promotion)
        return different(answer, self._field) if verb == self._verb else answer


def different(answer: Answer, field: str) -> Answer:
    report = dict(answer.report)
    match field:
        case "exit code":
            return replace(answer, exit_code=answer.exit_code + 1)
        case "message":
            report |= {"message": " "}
        case "code" | "verb":
            report |= {field: "other"}
        case "status" if report["probe"] is None:
            report |= {"status": None if report["status"] else NodeState(node="db-01").to_json()}
        case "eth0" | "eth1":
            report["probe"] = report["probe"] | {"paths": report["probe"]["paths"] | {field: None}}
        case _ if report["probe"] is not None:
            report["probe"] = report["probe"] | {field: "unknown"}
        case _ if report["status"] is not None:
            state = NodeState.from_json(report["status"])
            report["status"] = replace(state, **{field: other(getattr(state, field))}).to_json()
    return replace(answer, report=report)


def other(value: Any) -> Any:
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case tuple():
            return ("else",)
        case Mapping():
            return {**value, "Services": "else"}
        case "active":
            return "unreplicated"
        case "":
            return "active"
        case "running" | "stopped" | "starting" | "primary" | "secondary" | "current" | "stale":
            return "unknown"
        case "connected" | "resyncing" | "waiting" | "apart":
            return "unknown"
        case "C" | None:
            return "A"
    return "Else"


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("make_arm", IN_MEMORY, ids=lambda arm: arm.name)
def test_an_arm_that_answers_one_field_differently_is_caught(
    verb: str, make_arm: type[CampaignArm | UnitArm | ModelArm]
) -> None:
    if verb in make_arm.cannot:
        pytest.skip(make_arm.cannot[verb])
    unseen = [field for field in fields_of(verb, make_arm) if not is_caught(verb, field, make_arm)]

    assert unseen == []


def fields_of(verb: str, arm: type[CampaignArm | UnitArm | ModelArm]) -> list[str]:
    if verb == "probe":
        return ["exit code", "code", "verb", "message", *SIGHT]
    return [*SAID, "node", *(field for field in STATE_FIELDS if field not in arm.lacks)]


def is_caught(verb: str, field: str, make_arm: type[CampaignArm | UnitArm | ModelArm]) -> bool:
    for story in sorted(STORIES, key=lambda story: len(story.lines)):
        if verb not in story.needs or why_not(story, make_arm.cannot):
            continue
        arm = make_arm()
        try:
            if play(story, DifferentArm(arm, verb, field)):
                return True
        except ReportError:
            return True
        finally:
            arm.end()
    return False
