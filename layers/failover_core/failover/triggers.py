"""Why an execution runs: reads the execution's input, which is an operator's or an event's."""

from typing import Any

from pydantic import Field, ValidationError

from failover.errors import InvalidInput, explain
from failover.models import Observed, OperatorInput, Trigger
from failover.settings import Settings

STANDING_TROUBLE_SOURCE = "garoon-failover"
STANDING_TROUBLE_DETAIL_TYPE = "Garoon Failover Standing Trouble"

ACTING_ALARMS = ("heartbeat-lost", "status-check-failed", "services-failed")
"""What a node's alarms that call for action are named after the node's name."""


class _AlarmState(Observed):
    value: str


class _AlarmDetail(Observed):
    alarm_name: str
    state: _AlarmState


class _AlarmEvent(Observed):
    """CloudWatch Alarm State Change (Amazon CloudWatch User Guide, "Alarm events and EventBridge")."""

    detail: _AlarmDetail


class _InstanceDetail(Observed):
    instance_id: str = Field(alias="instance-id")
    state: str


class _InstanceEvent(Observed):
    """EC2 Instance State-change Notification (Amazon EC2 User Guide, "State change events")."""

    detail: _InstanceDetail


class _StandingTroubleDetail(Observed):
    signs: list[str]


class _StandingTroubleEvent(Observed):
    """Our own: watch_cluster found a sign of trouble standing with nothing running."""

    detail: _StandingTroubleDetail


def read_trigger(execution_input: object, settings: Settings) -> Trigger:
    """The trigger that the execution's input describes.

    An input with `detail-type` is an event of EventBridge's; every other one is an operator's.
    Raises InvalidInput, with what is wrong and what is allowed, for anything else.
    """
    if not isinstance(execution_input, dict):
        raise InvalidInput(f"The input must be a JSON object, not {type(execution_input).__name__}. {_ALLOWED}")
    try:
        if "detail-type" in execution_input:
            return _read_event(execution_input, settings)
        given = OperatorInput.model_validate(execution_input)
    except ValidationError as error:
        raise InvalidInput(f"The input is not usable: {explain(error)}. {_ALLOWED}") from error
    return Trigger(kind="operator", reason=given.reason, accept_data_loss=given.accept_data_loss)


_ALLOWED = 'Allowed are {} and {"reason": "a sentence", "acceptDataLoss": true or false}.'


def _read_event(event: dict[str, Any], settings: Settings) -> Trigger:
    match event["detail-type"]:
        case "CloudWatch Alarm State Change":
            alarm = _AlarmEvent.model_validate(event).detail
            known = [settings.alarm_name(node.name, what) for node in settings.nodes for what in ACTING_ALARMS]
            if alarm.alarm_name not in known:
                raise InvalidInput(
                    f"The alarm {alarm.alarm_name} is not one that this cluster acts on: {', '.join(known)}."
                )
            return Trigger(kind="alarm", reason=f"alarm {alarm.alarm_name} went to {alarm.state.value}")
        case "EC2 Instance State-change Notification":
            instance = _InstanceEvent.model_validate(event).detail
            node = settings.node_of_instance(instance.instance_id)
            if node is None:
                ours = ", ".join(f"{node.instance_id} ({node.name})" for node in settings.nodes)
                raise InvalidInput(f"The instance {instance.instance_id} is not one of this cluster's: {ours}.")
            return Trigger(kind="instance", reason=f"the instance of {node.name} went to {instance.state}")
        case type_ if type_ == STANDING_TROUBLE_DETAIL_TYPE:
            signs = _StandingTroubleEvent.model_validate(event).detail.signs
            return Trigger(kind="schedule", reason=f"trouble stands and nothing was running: {', '.join(signs)}")
        case other:
            raise InvalidInput(f"Events of the type {str(other)!r:.100} do not start this workflow. {_ALLOWED}")
