"""Maintenance must not be forgotten, nor switched by a slip of the pen, nor in secret."""

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from failover import runtime
from failover.adapters import cluster_table as table
from failover.errors import InvalidInput
from failover.models import UNTIL_ENDED
from failover.runtime import lambda_step
from failover.settings import Settings
from failover.steps.set_maintenance import ALLOWED, SetMaintenanceInput, set_maintenance

CONTEXT = SimpleNamespace(
    function_name="garoon-set-maintenance", memory_limit_in_mb=128, invoked_function_arn="arn", aws_request_id="1"
)


def switch(settings: Settings, **given: Any) -> Any:
    return set_maintenance(SetMaintenanceInput.model_validate(given), settings)


@pytest.mark.usefixtures("cluster_table")
def test_maintenance_begins_and_ends_and_everybody_is_told(settings: Settings, published: list[dict[str, Any]]) -> None:
    begun = switch(settings, minutes=120, reason="kernel update")
    until = table.read_record(settings).maintenance_until
    assert begun.until == until
    assert timedelta(minutes=119) < until - datetime.now(UTC) <= timedelta(minutes=120)
    assert not switch(settings, minutes=0).is_on
    assert table.read_record(settings).maintenance_until is None
    assert [message["subject"] for message in published] == [
        "[garoon] Maintenance is on",
        "[garoon] Maintenance is off",
    ]
    assert "kernel update" in published[0]["text"]
    assert all(message["attention"] == "needed" for message in published)


@pytest.mark.usefixtures("cluster_table")
def test_a_stack_deployed_in_maintenance_stays_in_it_until_somebody_ends_it(
    settings: Settings, published: list[dict[str, Any]]
) -> None:
    """Also once an operator's execution has made the record; and what is ended does not come back."""
    settings = settings.model_copy(update={"start_in_maintenance": True})
    assert table.read_record(settings).maintenance_until == UNTIL_ENDED
    table.acquire_lock(settings, "arn:one", datetime.now(UTC))
    assert table.read_record(settings).maintenance_until == UNTIL_ENDED
    ended = switch(settings, minutes=0)
    assert ended.message.startswith("Maintenance is off; it would have lasted until it is ended.")
    assert [message["subject"] for message in published] == ["[garoon] Maintenance is off"]
    assert table.read_record(settings).maintenance_until <= datetime.now(UTC)  # type: ignore[operator]
    assert switch(settings, minutes=0).message == "Maintenance was not on."
    assert "no longer until" not in switch(settings, minutes=5).message
    assert switch(settings, minutes=0).message.startswith("Maintenance is off")
    assert table.read_record(settings).maintenance_until < UNTIL_ENDED  # type: ignore[operator]


@pytest.mark.usefixtures("cluster_table")
def test_a_new_end_says_which_one_it_replaces(settings: Settings, published: list[dict[str, Any]]) -> None:
    first = switch(settings, minutes=1440)
    second = switch(settings, minutes=10)
    assert f"no longer until {first.until:%Y-%m-%d %H:%M}" in second.message
    assert table.read_record(settings).maintenance_until == second.until


@pytest.mark.usefixtures("cluster_table")
def test_ending_what_is_not_on_tells_nobody(settings: Settings, published: list[dict[str, Any]]) -> None:
    table.set_maintenance(settings, datetime.now(UTC) - timedelta(minutes=1))
    assert switch(settings, minutes=0).message == "Maintenance was not on."
    assert switch(settings, minutes=0).message == "Maintenance was not on."
    assert published == []


@pytest.mark.usefixtures("cluster_table")
def test_maintenance_leaves_the_lock_and_the_roles_alone(settings: Settings, published: list[dict[str, Any]]) -> None:
    table.acquire_lock(settings, "arn:one", datetime.now(UTC))
    table.begin_move(settings, "arn:one", "db-02")
    before = table.read_record(settings)
    switch(settings, minutes=5)
    switch(settings, minutes=0)
    assert table.read_record(settings) == before


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"minutes": 1441},
        {"minutes": -1},
        {"minutes": "120"},
        {"minutes": 1.5},
        {"minutes": True},
        {"minutes": 5, "hours": 1},
        {"minutes": 5, "reason": "x" * 501},
        "on",
        None,
    ],
    ids=json.dumps,
)
@pytest.mark.usefixtures("cluster_table")
def test_unusable_input_is_refused_with_a_sentence_and_changes_nothing(
    given: Any, settings: Settings, published: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "settings", lambda: settings)
    monkeypatch.setenv("POWERTOOLS_TRACE_DISABLED", "true")
    handler = lambda_step(SetMaintenanceInput, allowed=ALLOWED)(set_maintenance)
    with pytest.raises(InvalidInput, match=r"The input is not usable: .*Allowed are .*Nothing was changed\."):
        handler(given, CONTEXT)  # type: ignore[arg-type]
    assert table.read_record(settings).maintenance_until is None
    assert published == []
