"""One contract for all who stand for a node: the same stories on the real script and on each stand-in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.arms import CampaignArm, ModelArm, UnitArm
from tests.contract.hosts import LabArm, OtherEngineArm, SimulatedArm
from tests.contract.stories import STORIES
from tests.contract.story import EVENTS, ORDERS, VERBS, Expected, Order, Story, play, why_not

by_name = pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
IN_MEMORY = (CampaignArm, UnitArm, ModelArm)
ARMS = (SimulatedArm, OtherEngineArm, *IN_MEMORY, LabArm)


@by_name
def test_the_script_keeps_the_contract(story: Story, script: SimulatedArm) -> None:
    script.begin()
    assert play(story, script) == []


@by_name
def test_the_script_keeps_it_with_another_engine(story: Story, other_engine: OtherEngineArm) -> None:
    other_engine.begin()
    assert play(story, other_engine) == []


@by_name
@pytest.mark.parametrize("make_arm", IN_MEMORY, ids=lambda arm: arm.name)
def test_a_stand_in_keeps_the_contract(story: Story, make_arm: type[CampaignArm | UnitArm | ModelArm]) -> None:
    arm = make_arm()
    if reason := why_not(story, arm.cannot):
        pytest.skip(reason)
    try:
        assert play(story, arm) == []
    finally:
        arm.end()


def test_what_an_arm_can_not_do_is_told_and_counted() -> None:
    """A story that an arm leaves out is a hole in what it is trusted for: no new one comes unseen."""
    left_out = {arm.name: sum(why_not(story, arm.cannot) is not None for story in STORIES) for arm in ARMS}

    assert len(STORIES) == 35
    assert left_out == {"script": 0, "other engine": 0, "campaign": 0, "unit": 0, "model": 16, "lab": 10}
    needs = {need for story in STORIES for need in story.needs}
    for arm in ARMS:
        assert set(arm.cannot) <= needs, f"what {arm.name} can not do is asked for in no story"
        assert all(arm.cannot.values())
        assert all(arm.lacks.values())


def states_of(story: Story) -> Iterator[tuple[str, str, str]]:
    """Each order of the story: its verb, what its node was before it, and what came of it."""
    expected = Expected()
    for line in story.lines:
        if isinstance(line, Order):
            state = expected.states[line.node]
            kind = "in service" if state.is_serving else "promoted" if state.role == "primary" else "standby"
            if state.role == "secondary" and state.word:
                kind = "out of touch"
            yield line.verb, kind, line.code
        expected.follow(line)


def test_each_verb_is_told_from_each_state_and_refused_for_each_reason() -> None:
    told = [order for story in STORIES for order in states_of(story)]

    for verb in ORDERS:
        states = {state for other, state, _ in told if other == verb}
        assert {"standby", "in service"} <= states, verb
        refusals = {code for other, _, code in told if other == verb}
        assert {"done", "expired", "stale_epoch"} <= refusals | ({"done"} if verb == "reconnect" else set()), verb
    assert {"promoted", "out of touch"} <= {state for _, state, _ in told}
    assert {code for _, _, code in told} == {
        "done", "failed", "stale_replica", "peer_primary", "stale_epoch", "expired", "busy", "not_primary",
        "not_demoted", "unknown", "recovering", "peer_not_proven",
    }  # fmt: skip
    assert {verb for verb, _, _ in told} == set(VERBS)
    assert {need for story in STORIES for need in story.needs} - set(VERBS) >= set(EVENTS)
