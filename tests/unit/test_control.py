"""When a silent node's silence counts, and what is still listened to meanwhile."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from failover import control
from failover.adapters import alarms, nodes
from failover.adapters import cluster_table as table
from failover.control import Control, patience_seconds
from failover.decision import decide, would_heartbeat_decide
from failover.errors import NotYet
from failover.models import Answer, PeerPaths, PeerProbe, PeerView, StatusChecks, Verdict
from failover.node_answers import VerbResult
from failover.settings import Node, Settings
from failover.steps import assess_cluster as step
from failover.steps.assess_cluster import AssessClusterInput, Look, assess_cluster
from failover.triggers import read_trigger

from tests.unit.conftest import EXECUTION
from tests.unit.fake_nodes import FakeSsm
from tests.unit.test_decision import evidence

NEVER_SECONDS = 20.0
"""A question that nobody gives up fails the test instead of hanging it."""


# --- the rule ----------------------------------------------------------------------------------------------------


def test_silence_counts_early_only_beside_a_standby_that_answered_and_sees_nothing() -> None:
    answered = (None, 0.0, 0.4, 1.0, 1.1, 2.5, 3.4, 9.0, 60.0)
    for after, sees, limit in product(answered, (True, False, None), (1.0, 4.0, 10.0, 30.0)):
        patience = patience_seconds(Control(answered_after_seconds=after, sees_active=sees), limit)
        assert patience <= limit
        if patience < limit:
            assert sees is False
            assert after is not None
            assert patience >= max(3 * after, 3.0)


def test_standby_that_sees_anything_or_could_not_look_is_no_control() -> None:
    """Nothing is seen where both services are unreachable and both paths are lost: every other look is no control."""
    services, paths = ("answers", "silent", "unreachable", "unknown"), (True, False, None)
    blind = [
        (database, nfs, eth0, eth1)
        for database, nfs, eth0, eth1 in product((*services, "blocked"), services, paths, paths)
        if PeerProbe.model_validate(
            {"peer": "db-01", "database": database, "nfs": nfs, "paths": {"eth0": eth0, "eth1": eth1}}
        ).sees_anything
        is False
    ]
    assert blind == [("unreachable", "unreachable", False, False)]
    assert PeerPaths(eth0=False, eth1=False).lost == ["eth0", "eth1"]


def test_heartbeat_is_waited_for_only_where_it_would_decide() -> None:
    """Waiting adds nothing to the evidence: what follows is what the table says of a lost heartbeat."""
    after: set[Verdict] = set()
    for answer, checks, standby, view, lost in product(Answer, StatusChecks, Answer, PeerView, (True, False, None)):
        seen = evidence(
            active_answer=answer,
            active_checks=checks,
            standby_answer=standby,
            standby_view=view,
            is_heartbeat_lost=lost,
        )
        if would_heartbeat_decide(seen):
            assert (answer, lost is True, view) == (Answer.NONE, False, PeerView.DOES_NOT_SERVE)
            assert decide(seen).verdict is Verdict.NOT_YET
            after.add(decide(seen.model_copy(update={"is_heartbeat_lost": True})).verdict)
    assert after == {Verdict.FAIL_OVER}


# --- the step ----------------------------------------------------------------------------------------------------


class SilentActive:
    """db-01 says nothing until it is let; everybody else answers over the fake Run Command."""

    def __init__(self, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
        self.was_given_up = False
        self.answer: VerbResult | None = None
        self.speaks = threading.Event()
        ask = nodes.run_verb

        def run_verb(
            node: Node, verb: nodes.Verb, its_settings: Settings, *, is_given_up: Callable[[], bool], **options: Any
        ) -> VerbResult | None:
            if node is not settings.node_a:
                return ask(node, verb, its_settings, **options)
            waited = 0.0
            while not is_given_up() and not self.speaks.wait(0.01):
                waited += 0.01
                if waited > NEVER_SECONDS:
                    raise AssertionError("nobody gave the question up")
            self.was_given_up = is_given_up()
            return self.answer

        monkeypatch.setattr(nodes, "run_verb", run_verb)


@pytest.fixture
def active(settings: Settings, ssm: FakeSsm, monkeypatch: pytest.MonkeyPatch) -> SilentActive:
    """The standby answers at once, so that silence counts at once; a look at the heartbeat follows the other."""
    monkeypatch.setattr(control, "TIMES_AS_LONG", 0)
    monkeypatch.setattr(control, "LEAST_SECONDS", 0.0)
    monkeypatch.setattr(step, "_BEAT_SECONDS", 0.05)
    return SilentActive(settings, monkeypatch)


def let_beats_stop(monkeypatch: pytest.MonkeyPatch, after_looks: int) -> None:
    """db-01's newest beat is young for so many looks, and then too old; db-02's goes on."""
    looks = iter(range(10_000))

    def read_last_beats(_settings: Settings, now: datetime) -> dict[str, datetime]:
        is_lost = next(looks) >= after_looks
        return {"db-01": now - timedelta(seconds=300 if is_lost else 3), "db-02": now}

    monkeypatch.setattr(alarms, "read_last_beats", read_last_beats)


def assess(settings: Settings) -> Any:
    record = table.read_record(settings)
    trigger = read_trigger("failover", {}, settings)
    return assess_cluster(
        AssessClusterInput(execution=EXECUTION, workflow="failover", trigger=trigger, record=record), settings
    )


@pytest.mark.usefixtures("cluster_table", "machines")
def test_silence_counts_as_soon_as_the_control_says_so_and_the_question_is_given_up(
    settings: Settings, active: SilentActive
) -> None:
    record = table.read_record(settings)
    with Look(read_trigger("failover", {}, settings), record, settings, datetime.now(UTC)) as look:
        assert look.gather().active.answer is Answer.NONE
        assert not active.was_given_up
    assert active.was_given_up


@pytest.mark.usefixtures("cluster_table", "machines")
def test_heartbeat_that_stops_while_it_is_waited_for_decides_in_the_same_run(
    settings: Settings, active: SilentActive, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_beats_stop(monkeypatch, after_looks=3)
    assert assess(settings).decision.verdict is Verdict.FAIL_OVER


@pytest.mark.usefixtures("cluster_table", "machines")
def test_answer_that_comes_while_the_heartbeat_is_waited_for_counts(
    settings: Settings, ssm: FakeSsm, active: SilentActive, monkeypatch: pytest.MonkeyPatch
) -> None:
    active.answer = VerbResult.model_validate(ssm.nodes["i-0a"].run("status", 0, expires_at=2_000_000_000))

    let_beats_stop(monkeypatch, after_looks=10_000)
    monkeypatch.setattr(step, "has_fallen_silent", lambda *_: active.speaks.set())
    assert assess(settings).decision.verdict is Verdict.NOTHING_TO_DO


@pytest.mark.usefixtures("cluster_table", "machines")
def test_standby_that_sees_the_node_on_a_path_is_waited_with_for_the_whole_time(
    settings: Settings, ssm: FakeSsm, monkeypatch: pytest.MonkeyPatch
) -> None:
    ssm.nodes["i-0a"].is_silent = True
    ssm.nodes["i-0b"].sees_peer = True
    patience: list[float] = []

    def note_patience(seen: Control, limit_seconds: float) -> float:
        patience.append(patience_seconds(seen, limit_seconds))
        return patience[-1]

    monkeypatch.setattr(step, "patience_seconds", note_patience)
    let_beats_stop(monkeypatch, after_looks=0)
    assert assess(settings).decision.verdict is Verdict.WARN
    assert set(patience) == {float(settings.answer_timeout_seconds)}


@pytest.mark.usefixtures("cluster_table", "machines")
def test_heartbeat_that_goes_on_is_not_waited_for_without_end(
    settings: Settings, ssm: FakeSsm, monkeypatch: pytest.MonkeyPatch
) -> None:
    ssm.nodes["i-0a"].is_silent = True
    let_beats_stop(monkeypatch, after_looks=10_000)
    with pytest.raises(NotYet, match="no second, independent sign"):
        assess(settings)
