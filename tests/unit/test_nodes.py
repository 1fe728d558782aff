"""Asking a node: silence, nonsense and refusals are told apart, and late commands are made harmless."""

import pytest
from failover.adapters.nodes import run_verb
from failover.errors import CloudUnavailable, Failed, NotYet, Refused
from failover.settings import Settings
from failover.steps.verbs import obey

from tests.unit.fake_nodes import FakeSsm


def test_answer_comes_back_as_a_model(settings: Settings, ssm: FakeSsm) -> None:
    result = run_verb(settings.node_a, "status", settings, timeout_seconds=10)
    assert result is not None
    assert result.status is not None
    assert result.status.is_serving
    assert ssm.sent[0]["document"] == "garoon-node"


def test_silent_node_is_none_and_the_look_at_it_is_cancelled(settings: Settings, ssm: FakeSsm) -> None:
    ssm.nodes["i-0a"].is_silent = True
    assert run_verb(settings.node_a, "status", settings, timeout_seconds=10) is None
    assert ssm.cancelled == ["1"]


def test_verb_that_takes_long_is_left_to_go_on(settings: Settings, ssm: FakeSsm) -> None:
    ssm.nodes["i-0b"].is_silent = True
    assert run_verb(settings.node_b, "start", settings, timeout_seconds=10, epoch=1) is None
    assert ssm.cancelled == []


def test_command_carries_the_moment_after_which_it_must_not_run(settings: Settings, ssm: FakeSsm) -> None:
    run_verb(settings.node_b, "promote", settings, timeout_seconds=45, epoch=7)
    assert ssm.sent[0]["Epoch"] == "7"
    assert ssm.sent[0]["ExpiresAt"] == str(1_800_000_000 + 45)


def test_node_without_an_agent_does_not_answer(settings: Settings, ssm: FakeSsm) -> None:
    del ssm.nodes["i-0a"]
    assert run_verb(settings.node_a, "status", settings, timeout_seconds=10) is None


@pytest.mark.parametrize("nonsense", ["", "Segmentation fault", "[]", '{"verb": "status"}', "x" * 30_000])
def test_nonsense_says_nothing_about_the_node(nonsense: str, settings: Settings, ssm: FakeSsm) -> None:
    ssm.garble = lambda _output: nonsense
    with pytest.raises(CloudUnavailable, match="not in the words of garoon-node"):
        run_verb(settings.node_a, "status", settings, timeout_seconds=10)


def test_every_end_of_a_verb_has_its_error(settings: Settings, ssm: FakeSsm) -> None:
    standby = ssm.nodes["i-0b"]
    standby.is_silent = True
    with pytest.raises(NotYet, match="db-02 did not answer"):
        obey(settings.node_b, "promote", settings, epoch=1)
    standby.is_silent, standby.disk = False, "Inconsistent"
    with pytest.raises(Refused, match="its replica is Inconsistent"):
        obey(settings.node_b, "promote", settings, epoch=1)
    standby.obeys = False
    with pytest.raises(Failed, match="promote went wrong"):
        obey(settings.node_b, "promote", settings, epoch=1)
