"""The lock and the epoch: two executions never both win, and a lost lock stops every write."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from failover.adapters import cluster_table as table
from failover.errors import Failed, LockHeld, LockLost
from failover.models import Fence, Outcome, OutcomeKind
from failover.settings import LOCK_SECONDS, Settings

from tests.unit.conftest import EXECUTION, OTHER_EXECUTION

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
pytestmark = pytest.mark.usefixtures("cluster_table")


def an_outcome() -> Outcome:
    return Outcome(
        outcome=OutcomeKind.FAILED_OVER, verdict=None, reason="It was down.", next_step="Nothing.",
        active_before="db-01", active_after="db-02", epoch_before=1, epoch_after=2,
        execution=EXECUTION, started_at=NOW, ended_at=NOW + timedelta(seconds=30),
    )  # fmt: skip


def test_a_cluster_that_never_ran_has_home_active(settings: Settings) -> None:
    record = table.read_record(settings)
    assert (record.active, record.epoch, record.lock_owner) == ("db-01", 0, None)


def test_second_execution_finds_the_lock_held(settings: Settings) -> None:
    table.acquire_lock(settings, EXECUTION, NOW)
    with pytest.raises(LockHeld):
        table.acquire_lock(settings, OTHER_EXECUTION, NOW)
    assert table.read_record(settings).lock_owner == EXECUTION


def test_retried_step_takes_its_own_lock_again(settings: Settings) -> None:
    table.acquire_lock(settings, EXECUTION, NOW)
    table.acquire_lock(settings, EXECUTION, NOW)


def test_expired_lock_may_be_taken(settings: Settings) -> None:
    table.acquire_lock(settings, EXECUTION, NOW)
    with pytest.raises(LockHeld):
        table.acquire_lock(settings, OTHER_EXECUTION, NOW + timedelta(seconds=LOCK_SECONDS - 1))
    table.acquire_lock(settings, OTHER_EXECUTION, NOW + timedelta(seconds=LOCK_SECONDS + 1))
    with pytest.raises(LockLost):
        table.require_lock(settings, EXECUTION)


def test_lock_of_an_ended_execution_may_be_taken(settings: Settings) -> None:
    table.acquire_lock(settings, EXECUTION, NOW)
    table.acquire_lock(settings, OTHER_EXECUTION, NOW, stale_owner=EXECUTION)
    assert table.read_record(settings).lock_owner == OTHER_EXECUTION


def test_epoch_grows_by_one_with_each_move_and_not_with_a_retry(settings: Settings) -> None:
    table.acquire_lock(settings, EXECUTION, NOW)
    assert table.begin_move(settings, EXECUTION, "db-02") == 1
    assert table.begin_move(settings, EXECUTION, "db-02") == 1
    assert table.begin_move(settings, EXECUTION, "db-01") == 2
    record = table.read_record(settings)
    assert (record.active, record.moving_to, record.epoch) == ("db-01", "db-01", 2)


def test_same_move_of_a_later_execution_is_a_new_epoch(settings: Settings) -> None:
    """What the earlier execution still has on its way to a node must count as old."""
    table.acquire_lock(settings, EXECUTION, NOW)
    table.begin_move(settings, EXECUTION, "db-02")
    table.acquire_lock(settings, OTHER_EXECUTION, NOW, stale_owner=EXECUTION)
    assert table.begin_move(settings, OTHER_EXECUTION, "db-02") == 2


def test_completed_move_makes_the_target_active(settings: Settings) -> None:
    table.acquire_lock(settings, EXECUTION, NOW)
    epoch = table.begin_move(settings, EXECUTION, "db-02")
    table.complete_move(settings, EXECUTION, "db-02", epoch)
    table.complete_move(settings, EXECUTION, "db-02", epoch)
    record = table.read_record(settings)
    assert (record.active, record.moving_to, record.epoch) == ("db-02", None, 1)


def test_execution_without_the_lock_writes_nothing(settings: Settings) -> None:
    table.acquire_lock(settings, EXECUTION, NOW)
    before = table.read_record(settings)
    with pytest.raises(LockLost):
        table.begin_move(settings, OTHER_EXECUTION, "db-02")
    with pytest.raises(LockLost):
        table.complete_move(settings, OTHER_EXECUTION, "db-02", 0)
    with pytest.raises(LockLost):
        table.record_fence(settings, OTHER_EXECUTION, "db-01", is_off_proven=True)
    with pytest.raises(LockLost):
        table.clear_fence(settings, OTHER_EXECUTION)
    assert not table.release_lock(settings, OTHER_EXECUTION, an_outcome(), is_automatic_failover=True)
    assert table.read_record(settings) == before


def test_fence_stays_recorded_until_it_is_cleared(settings: Settings) -> None:
    """Whoever brings the node back, in whatever execution, must find which network ACLs to put back."""
    table.acquire_lock(settings, EXECUTION, NOW)
    table.record_fence(settings, EXECUTION, "db-01", is_off_proven=False, acls={"subnet-0a": "acl-0a"})
    table.record_fence(settings, EXECUTION, "db-01", is_off_proven=True)
    table.release_lock(settings, EXECUTION, an_outcome(), is_automatic_failover=True)
    proven = Fence(
        node="db-01",
        instance_id="i-0a",
        volume_id="vol-0a",
        execution=EXECUTION,
        is_off_proven=True,
        acls={"subnet-0a": "acl-0a"},
    )
    assert table.read_record(settings).fence == proven
    table.acquire_lock(settings, OTHER_EXECUTION, NOW)
    table.clear_fence(settings, OTHER_EXECUTION)
    table.clear_fence(settings, OTHER_EXECUTION)
    assert table.read_record(settings).fence is None


def test_released_lock_is_free_and_leaves_the_outcome(settings: Settings) -> None:
    table.acquire_lock(settings, EXECUTION, NOW)
    assert table.release_lock(settings, EXECUTION, an_outcome(), is_automatic_failover=True)
    record = table.read_record(settings)
    assert record.lock_owner is None
    assert record.last_failover_at == NOW + timedelta(seconds=30)
    assert record.last_outcome is not None
    assert record.last_outcome["reason"] == "It was down."
    table.acquire_lock(settings, OTHER_EXECUTION, NOW)


def test_unreadable_item_is_named(settings: Settings, cluster_table: Any) -> None:
    cluster_table.put_item(Item={"clusterName": "garoon", "active": "db-01", "epoch": "many"})
    with pytest.raises(Failed, match=r"The item garoon of clusters cannot be read: epoch"):
        table.read_record(settings)


@pytest.mark.parametrize(
    ("field", "value"),
    [("active", "db-03"), ("movingTo", "db-03"), ("fence", {"node": "db-03", "execution": EXECUTION})],
)
def test_item_that_names_another_node_is_not_believed(
    field: str, value: object, settings: Settings, cluster_table: Any
) -> None:
    cluster_table.put_item(Item={"clusterName": "garoon", "active": "db-01", "epoch": 1} | {field: value})
    with pytest.raises(Failed, match=rf"{field}: 'db-03' is not a node, db-01 and db-02 are\. Correct it"):
        table.read_record(settings)
