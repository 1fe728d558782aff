"""What may start the workflow, and what is refused with a sentence."""

import json
from pathlib import Path
from typing import Any

import pytest
from failover.errors import InvalidInput
from failover.messages import Language, say
from failover.settings import Settings
from failover.triggers import STARTING_ALARMS, read_trigger

from testbed.stack.template import read_template

EVENTS = Path(__file__).parents[2] / "events"


def event(name: str) -> Any:
    return json.loads((EVENTS / f"{name}.json").read_text())


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The cluster whose instances the event files name."""
    nodes = {
        "node_a": settings.node_a.model_copy(update={"instance_id": "i-0a1b2c3d4e5f60001"}),
        "node_b": settings.node_b.model_copy(update={"instance_id": "i-0a1b2c3d4e5f60002"}),
    }
    return settings.model_copy(update=nodes)


OPERATORS_WORDS = ("drill of the emergency plan", "db-01 is lost for good")


@pytest.mark.parametrize(
    ("name", "kind", "reason"),
    [
        ("alarm-heartbeat-lost", "alarm", "alarm garoon-db-01-heartbeat-lost went to ALARM"),
        ("alarm-peer-lost", "alarm", "alarm garoon-db-02-peer-lost went to ALARM"),
        ("alarm-services-failed", "alarm", "alarm garoon-db-01-services-failed went to ALARM"),
        ("alarm-status-check-failed", "alarm", "alarm garoon-db-01-status-check-failed went to ALARM"),
        ("instance-stopped", "instance", "the instance of db-01 went to stopped"),
        ("instance-terminated", "instance", "the instance of db-01 went to terminated"),
        (
            "standing-trouble",
            "schedule",
            "trouble stands and nothing was running: the alarm garoon-db-01-heartbeat-lost",
        ),
        ("operator", "operator", "drill of the emergency plan"),
        ("operator-accepts-data-loss", "operator", "db-01 is lost for good"),
        ("operator-empty", "operator", "started by an operator"),
    ],
)
def test_every_event_file_is_understood(name: str, kind: str, reason: str, settings: Settings) -> None:
    trigger = read_trigger("failover", event(name), settings)
    assert (trigger.kind, trigger.reason) == (kind, reason)
    japanese = say(trigger.reason, Language.JAPANESE)
    assert not japanese.isascii()
    assert ("「" in japanese) == (reason in OPERATORS_WORDS), "only somebody else's words stay as they are"


def test_signs_of_a_version_without_codes_are_told_as_they_are(settings: Settings) -> None:
    """An execution may have been started while the stack was updated."""
    given = event("standing-trouble")
    given["detail"]["signs"] = ["x" * 1000, "the alarm of before"]
    reason = read_trigger("failover", given, settings).reason
    assert reason.endswith("x, the alarm of before")
    assert len(reason) < 300


def test_no_event_file_is_forgotten() -> None:
    used = {path.stem for path in EVENTS.glob("*.json")}
    assert used >= {"alarm-heartbeat-lost", "instance-stopped", "operator"}
    not_for_this_workflow = {
        "schedule",
        "node-sign",
        "execution-timed-out",
        "health-event",
        "health-event-volume",
        "dashboard-widget",
    }
    assert used - not_for_this_workflow == {
        "alarm-heartbeat-lost", "alarm-peer-lost", "alarm-services-failed", "alarm-status-check-failed",
        "instance-stopped", "instance-terminated", "standing-trouble", "operator", "operator-accepts-data-loss",
        "operator-empty",
    }  # fmt: skip


def test_only_an_operator_accepts_data_loss(settings: Settings) -> None:
    assert read_trigger("failover", event("operator-accepts-data-loss"), settings).accept_data_loss
    assert not read_trigger(
        "failover", event("alarm-heartbeat-lost") | {"acceptDataLoss": True}, settings
    ).accept_data_loss


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"acceptDataloss": True}, "acceptDataloss"),
        ({"acceptDataLoss": "yes"}, "acceptDataLoss"),
        ({"acceptDataLoss": 1}, "acceptDataLoss"),
        ({"reason": 7}, "reason"),
        ({"reason": "x" * 501}, "reason"),
        ([], "JSON object"),
        (None, "JSON object"),
        ("failover", "JSON object"),
    ],
)
def test_an_unusable_input_is_refused_with_what_is_allowed(given: object, what: str, settings: Settings) -> None:
    with pytest.raises(InvalidInput) as refusal:
        read_trigger("failover", given, settings)
    assert what in str(refusal.value)
    assert "Allowed are {}" in str(refusal.value)


def test_an_instance_of_somebody_else_is_refused(settings: Settings) -> None:
    stranger = event("instance-stopped")
    stranger["detail"]["instance-id"] = "i-0stranger"
    with pytest.raises(InvalidInput, match=r"i-0stranger is not one of this cluster's: .*\(db-01\)"):
        read_trigger("failover", stranger, settings)


def test_an_alarm_of_somebody_else_is_refused(settings: Settings) -> None:
    stranger = event("alarm-heartbeat-lost")
    stranger["detail"]["alarmName"] = "billing"
    with pytest.raises(InvalidInput, match="billing is not one that this cluster acts on"):
        read_trigger("failover", stranger, settings)


@pytest.mark.parametrize(
    "broken",
    [
        {"detail-type": "Something Else", "detail": {}},
        {"detail-type": None},
        {"detail-type": "CloudWatch Alarm State Change"},
        {"detail-type": "EC2 Instance State-change Notification", "detail": {"instance-id": 3}},
    ],
)
def test_a_malformed_event_is_refused(broken: dict[str, Any], settings: Settings) -> None:
    with pytest.raises(InvalidInput):
        read_trigger("failover", broken, settings)


def test_rule_starts_on_the_alarms_that_the_workflow_understands(settings: Settings) -> None:
    """An alarm that one of both does not know either starts nothing, or is refused as unknown."""
    resources = read_template()["Resources"]
    pattern = resources["FailoverStateMachine"]["Properties"]["Events"]["ActingAlarm"]["Properties"]["Pattern"]
    named = [resources[_logical_id(arn)]["Properties"]["AlarmName"] for arn in pattern["resources"]]
    assert sorted(name["Fn::Sub"].rpartition("Name}-")[2] for name in named) == sorted([*STARTING_ALARMS] * 2)


def _logical_id(arn: dict[str, Any]) -> str:
    attribute = arn["Fn::GetAtt"]
    return str(attribute[0] if isinstance(attribute, list) else attribute.partition(".")[0])
