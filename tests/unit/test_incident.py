"""Which events are one incident: what a chat is told of, and in which thread."""

from datetime import timedelta
from typing import Any

import pytest
from failover.adapters import history_table as past
from failover.errors import CloudUnavailable
from failover.incident import Incident, follow, is_told, join
from failover.models import OutcomeKind
from failover.settings import Settings

from tests.unit.fake_events import ended, started, step_ended
from tests.unit.fake_records import START


def told(*events: tuple[float, Any]) -> list[tuple[str, str]]:
    """Thread and kind of what a chat is told of events, each after so many minutes."""
    incident: Incident | None = None
    messages = []
    for minutes, event in events:
        now = START + timedelta(minutes=minutes)
        incident = join(event, incident, now)
        if is_told(event, incident):
            incident = follow(event, incident, now)
            messages.append(
                (incident.thread_of(event), getattr(event, "outcome", None) or event.TYPE.rpartition(" ")[2])
            )
    return messages


def test_a_failover_is_one_thread_of_start_changes_and_outcome() -> None:
    assert told(
        (0, started()), (0, step_ended("assess_cluster")), (1, step_ended("fence_node")),
        (2, step_ended("record_outcome")), (2, ended(OutcomeKind.FAILED_OVER)),
    ) == [("da8566d2", "Started"), ("da8566d2", "Ended"), ("da8566d2", "FailedOver")]  # fmt: skip


def test_while_trouble_stands_what_is_found_again_is_not_said_again() -> None:
    minutes = [(at, one) for at in range(1, 10) for one in (started("schedule", f"r{at}"), ended(OutcomeKind.HALTED))]
    assert told((0, started()), (0, ended(OutcomeKind.HALTED)), *minutes) == [
        ("da8566d2", "Started"), ("da8566d2", "Halted"),
    ]  # fmt: skip
    assert told((0, started()), (0, ended(OutcomeKind.HALTED)), (3, ended(OutcomeKind.FAILED_OVER, name="two"))) == [
        ("da8566d2", "Started"), ("da8566d2", "Halted"), ("da8566d2", "FailedOver"),
    ]  # fmt: skip


def test_trouble_that_stands_for_long_is_told_anew() -> None:
    assert told((0, ended(OutcomeKind.HALTED)), (31, ended(OutcomeKind.HALTED, name="two"))) == [
        ("da8566d2", "Halted"), ("two", "Halted"),
    ]  # fmt: skip


def test_after_an_incident_is_over_the_next_is_a_thread_of_its_own() -> None:
    assert told((0, ended(OutcomeKind.FAILED_OVER)), (5, started("operator", "two"))) == [
        ("da8566d2", "FailedOver"), ("two", "Started"),
    ]  # fmt: skip


def test_an_execution_that_found_another_at_work_is_not_told() -> None:
    assert told((0, started()), (0, ended(OutcomeKind.SKIPPED, name="two"))) == [("da8566d2", "Started")]


def test_a_late_word_of_an_execution_stays_in_its_thread_and_changes_nothing_of_the_next_incident() -> None:
    assert told(
        (0, started()), (1, ended(OutcomeKind.FAILED_OVER)), (1, started("schedule", "two")),
        (1, step_ended("swap_route")), (1, ended(OutcomeKind.FAILED_OVER)), (2, ended(OutcomeKind.WARNED, name="two")),
        (3, ended(OutcomeKind.WARNED, name="three")),
    ) == [
        ("da8566d2", "Started"), ("da8566d2", "FailedOver"), ("two", "Started"), ("da8566d2", "Ended"),
        ("da8566d2", "FailedOver"), ("two", "Warned"),
    ]  # fmt: skip


# --- what runs that come at once remember ---------------------------------------------------------------------------


def test_what_others_change_each_time_is_unavailable(settings: Settings, history_table: Any) -> None:
    def changed_meanwhile(known: Incident | None) -> Incident:
        told_at = START if known is None else known.told_at + timedelta(minutes=1)
        past.remember(settings, Incident(thread="other", told_at=told_at))
        return Incident(thread="own", told_at=START)

    with pytest.raises(CloudUnavailable, match="Incident was changed by others 5 times"):
        past.change(settings, Incident, changed_meanwhile)
    remembered = past.recall(settings, Incident)
    assert remembered is not None
    assert remembered.thread == "other"


@pytest.mark.usefixtures("history_table")
def test_what_another_version_remembered_is_changed_too(settings: Settings, history_table: Any) -> None:
    history_table.put_item(Item={"kind": "memory", "at": "Incident", "record": '{"more": 1}'})
    own = Incident(thread="own", told_at=START)
    assert past.change(settings, Incident, lambda known: own if known is None else known) == own
    assert past.recall(settings, Incident) == own
