"""Asking a node: silence, nonsense and refusals are told apart, and late commands are made harmless."""

from typing import Any

import pytest
from failover.adapters import cluster_table as table
from failover.adapters.nodes import run_verb
from failover.errors import CloudUnavailable, Failed, LockLost, NotYet, Refused
from failover.settings import Settings
from failover.steps.verbs import obey

from tests.unit.conftest import EXECUTION, OTHER_EXECUTION
from tests.unit.fake_nodes import FakeSsm


def test_answer_comes_back_as_a_model(settings: Settings, ssm: FakeSsm) -> None:
    result = run_verb(settings.node_a, "status", settings, timeout_seconds=10)
    assert result is not None
    assert result.status is not None
    assert result.status.is_serving
    assert ssm.sent[0]["document"] == ("garoon-node", "$LATEST"), "the default version may be an older one"


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


@pytest.mark.parametrize("end", ["DeliveryTimedOut", "Delivery Timed Out", "ExecutionTimedOut", "Undeliverable"])
def test_node_that_did_not_take_or_not_end_a_command_is_silent(end: str, settings: Settings, ssm: FakeSsm) -> None:
    ssm.ends_as = end
    assert run_verb(settings.node_a, "status", settings, timeout_seconds=10) is None


@pytest.mark.parametrize("end", ["AccessDenied", "InvalidPlatform", "Terminated", "Cancelled", "Incomplete", "New"])
def test_command_that_run_command_itself_ended_says_nothing_about_the_node(
    end: str, settings: Settings, ssm: FakeSsm
) -> None:
    """Counted as silence, each was evidence of death."""
    ssm.ends_as = end
    with pytest.raises(CloudUnavailable, match=f"as {end}, which says nothing about the node"):
        run_verb(settings.node_a, "status", settings, timeout_seconds=10)


@pytest.mark.parametrize("nonsense", ["", "Segmentation fault", "[]", '{"verb": "status"}', "x" * 30_000])
def test_nonsense_says_nothing_about_the_node(nonsense: str, settings: Settings, ssm: FakeSsm) -> None:
    ssm.garble = lambda _output: nonsense
    with pytest.raises(CloudUnavailable, match="not in the words of garoon-node"):
        run_verb(settings.node_a, "status", settings, timeout_seconds=10)


def test_every_end_of_a_verb_has_its_error(settings: Settings, ssm: FakeSsm) -> None:
    standby = ssm.nodes["i-0b"]
    standby.is_silent = True
    with pytest.raises(NotYet, match="db-02 did not answer"):
        obey(settings.node_b, "promote", settings, execution=EXECUTION, epoch=1)
    standby.is_silent, standby.replica_data = False, "stale"
    with pytest.raises(Refused, match=r"is stale \(connected, stale\)"):
        obey(settings.node_b, "promote", settings, execution=EXECUTION, epoch=1)
    standby.obeys = False
    with pytest.raises(Failed, match="promote went wrong"):
        obey(settings.node_b, "promote", settings, execution=EXECUTION, epoch=1)


@pytest.mark.parametrize("seconds_ahead", [3600.0, -3600.0, 46.0])
def test_order_to_a_node_whose_clock_is_wrong_is_timed_by_that_clock(
    seconds_ahead: float, settings: Settings, ssm: FakeSsm
) -> None:
    ssm.nodes["i-0b"].seconds_ahead = seconds_ahead
    assert obey(settings.node_b, "promote", settings, execution=EXECUTION, epoch=1).is_mounted
    first, second = (int(order["ExpiresAt"]) for order in ssm.sent)
    assert second - first == pytest.approx(seconds_ahead, abs=3)
    assert ssm.nodes["i-0b"].heard == ["promote"]


def test_order_to_a_node_whose_clock_is_right_is_given_once(settings: Settings, ssm: FakeSsm) -> None:
    obey(settings.node_b, "promote", settings, execution=EXECUTION, epoch=1)
    assert len(ssm.sent) == 1


def test_order_that_is_late_however_it_is_timed_is_not_given_for_ever(settings: Settings, ssm: FakeSsm) -> None:
    times = iter(range(10**6, 10**9, 10**6))
    ssm.now = lambda: float(next(times))  # its clock leaps
    with pytest.raises(NotYet, match="not ready"):
        obey(settings.node_b, "promote", settings, execution=EXECUTION, epoch=1)
    assert len(ssm.sent) == 2


def test_node_at_work_on_an_earlier_order_is_asked_again_until_the_time_is_over(
    settings: Settings, ssm: FakeSsm
) -> None:
    """A demote that writes much back takes longer than a step waits, and then than the next one's first question."""
    ssm.nodes["i-0b"].busy_for = 10
    assert obey(settings.node_b, "demote", settings, execution=EXECUTION, epoch=1).is_demoted
    ssm.nodes["i-0b"].busy_for, begun_at = 1000, ssm.now()
    with pytest.raises(NotYet, match="Another command is at work"):
        obey(settings.node_b, "demote", settings, execution=EXECUTION, epoch=1)
    assert all(int(order["ExpiresAt"]) <= begun_at + 45 + 30 for order in ssm.sent[11:]), "none is good for longer"


def test_answer_of_a_copy_of_the_node_is_ignored(settings: Settings, ssm: FakeSsm) -> None:
    ssm.nodes["i-0a"].instance_id = "i-0a"
    assert run_verb(settings.node_a, "status", settings, timeout_seconds=10) is not None
    ssm.nodes["i-0a"].instance_id = "i-0ff"
    with pytest.raises(CloudUnavailable, match="the word of i-0ff"):
        run_verb(settings.node_a, "status", settings, timeout_seconds=10)


@pytest.mark.usefixtures("lock")
def test_record_that_was_made_anew_goes_on_above_what_its_nodes_have_obeyed(settings: Settings, ssm: FakeSsm) -> None:
    ssm.nodes["i-0b"].epoch = 7
    epoch = table.begin_move(settings, EXECUTION, "db-02")
    with pytest.raises(NotYet, match="db-02 has obeyed epoch 7 already: the record, at 1, goes on above it"):
        obey(settings.node_b, "promote", settings, execution=EXECUTION, epoch=epoch)
    epoch = table.begin_move(settings, EXECUTION, "db-02")
    assert epoch == 8
    assert obey(settings.node_b, "promote", settings, execution=EXECUTION, epoch=epoch).epoch == 8


def test_order_of_an_execution_that_lost_the_lock_does_not_raise_the_epoch(
    settings: Settings, ssm: FakeSsm, lock: Any
) -> None:
    ssm.nodes["i-0b"].epoch = 7
    with pytest.raises(LockLost):
        obey(settings.node_b, "promote", settings, execution=OTHER_EXECUTION, epoch=1)
    assert table.read_record(settings).epoch == 0
