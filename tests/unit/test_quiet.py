"""One incident is told once: nobody reads a mail a minute, and nobody misses what is new."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from failover.conclusion import Progress, conclude
from failover.decision import decide
from failover.failure import Failure
from failover.messages import Message
from failover.models import (
    Answer,
    ClusterRecord,
    Decision,
    Fenced,
    InstanceState,
    Lock,
    Outcome,
    OutcomeKind,
    Said,
    Trigger,
)  # fmt: skip
from failover.quiet import is_told_already

from tests.unit.test_decision import dead_active, evidence

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
FENCED = Fenced(node="db-01", proof=Message("node.not-mounted"), is_off=True)


def ended(decision: Decision, *, active: str = "db-01", minutes: float = 0, **progress: Any) -> Outcome:
    """An execution that decided so and came to its end."""
    standby = "db-02" if active == "db-01" else "db-01"
    lock = Lock(
        trigger=Trigger(kind="alarm", reason="x"), record=ClusterRecord(active=active, epoch=3), standby=standby
    )
    told = conclude(decision, progress.pop("failure", None), Progress(**progress), lock=lock)
    return Outcome(
        outcome=told.kind, verdict=decision.verdict, reason=str(told.reason), next_step=str(told.next_step),
        said=Said(reason=told.reason, next_step=told.next_step), active_before=active, active_after=active,
        epoch_before=1, epoch_after=1, execution="arn", started_at=NOW, ended_at=NOW + timedelta(minutes=minutes),
    )  # fmt: skip


def standby_lost(node: str = "db-01") -> Decision:
    """What the executions find that the other alarms of the same failure start."""
    other = "db-02" if node == "db-01" else "db-01"
    seen = evidence(standby_instance=InstanceState.OFF, standby_answer=Answer.NONE)
    names = {
        "active": seen.active.model_copy(update={"name": other}),
        "standby": seen.standby.model_copy(update={"name": node}),
    }
    return decide(seen.model_copy(update=names))


FAILED_OVER = ended(decide(dead_active()), is_moved=True, fenced=FENCED)


def test_a_failover_is_one_outcome_whatever_its_other_alarms_find_afterwards() -> None:
    after = ended(standby_lost(), active="db-02", minutes=2)
    assert (FAILED_OVER.outcome, after.outcome) == (OutcomeKind.FAILED_OVER, OutcomeKind.WARNED)
    assert is_told_already(after, FAILED_OVER)
    assert is_told_already(ended(standby_lost(), active="db-02", minutes=3), after)


def test_the_loss_of_the_other_node_is_news() -> None:
    assert not is_told_already(ended(standby_lost("db-02"), minutes=2), FAILED_OVER)


def test_a_standby_that_is_still_lost_much_later_is_news() -> None:
    assert not is_told_already(ended(standby_lost(), active="db-02", minutes=31), FAILED_OVER)


def test_a_halt_after_the_failover_is_told() -> None:
    failure = Failure(step="SwapRoute", error="Failed", cause="No.")
    assert not is_told_already(ended(standby_lost(), active="db-02", minutes=2, failure=failure), FAILED_OVER)


@pytest.mark.parametrize("minutes", [1, 29])
def test_the_same_halt_is_told_once(minutes: float) -> None:
    both_down = decide(dead_active(standby_answer=Answer.NONE))
    first, again = ended(both_down), ended(both_down, minutes=minutes)
    assert first.outcome is OutcomeKind.HALTED
    assert is_told_already(again, first)


def test_what_was_put_right_and_comes_again_is_told() -> None:
    assert not is_told_already(FAILED_OVER.model_copy(update={"ended_at": NOW + timedelta(minutes=1)}), FAILED_OVER)
