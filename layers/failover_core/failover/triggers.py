"""Why an execution runs: reads the execution's input, which is an operator's or an event's."""

from typing import Any, assert_never

from pydantic import ConfigDict, Field, ValidationError

from failover.errors import InvalidInput, explain
from failover.messages import Message
from failover.models import Observed, Trigger, Value, Workflow
from failover.settings import Settings

STANDING_TROUBLE_SOURCE = "garoon-failover"
STANDING_TROUBLE_DETAIL_TYPE = "Garoon Failover Standing Trouble"

ACTING_ALARMS = ("heartbeat-lost", "status-check-failed", "services-failed")
"""What a node's alarms that call for action are named after the node's name."""
STARTING_ALARMS = (*ACTING_ALARMS, "peer-lost")
"""Those whose change to ALARM starts an execution. A standby that lost its peer calls for one look, not for one each
minute as long as that lasts: the peer may be well. No decision goes by this alarm, the standby itself is asked."""


_BY_HAND = Message("trigger.by-hand")


class OperatorInput(Value):
    """What an operator may write as the input of an execution of any workflow."""

    model_config = ConfigDict(strict=True)

    reason: str = Field(default=str(_BY_HAND), max_length=500)


class FailoverInput(OperatorInput):
    accept_data_loss: bool = False
    peer_is_gone: str | None = Field(default=None, max_length=60)
    """The id of the other node's instance, which EC2 has forgotten: an operator's word that the machine is gone."""


class SwitchbackInput(OperatorInput):
    target: str | None = None
    """The node that is to be active; the home node if it is left out."""


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
    signs: list[Message]


class _StandingTroubleEvent(Observed):
    """Our own: watch_cluster found a sign of trouble standing with nothing running."""

    detail: _StandingTroubleDetail


def read_trigger(workflow: Workflow, execution_input: object, settings: Settings) -> Trigger:
    """The trigger that the execution's input describes.

    An input with `detail-type` is an event of EventBridge's; every other one is an operator's.
    Raises InvalidInput, with what is wrong and what is allowed, for anything else.
    """
    allowed = _ALLOWED[workflow]
    if not isinstance(execution_input, dict):
        raise InvalidInput(Message("error.input-no-object", name=type(execution_input).__name__, allowed=allowed))
    try:
        if "detail-type" in execution_input:
            return _read_event(workflow, execution_input, settings)
        return _read_operator_input(workflow, execution_input, settings)
    except ValidationError as error:
        raise InvalidInput(Message("error.input-unusable", words=explain(error), allowed=allowed)) from error


_ALLOWED: dict[Workflow, Message] = {
    "failover": Message("allowed.failover"),
    "switchback": Message("allowed.switchback"),
    "rejoin": Message("allowed.rejoin"),
}


def _read_operator_input(workflow: Workflow, given: dict[str, Any], settings: Settings) -> Trigger:
    match workflow:
        case "failover":
            failover = FailoverInput.model_validate(given)
            gone = failover.peer_is_gone
            if gone is not None and settings.node_of_instance(gone) is None:
                raise InvalidInput(
                    Message("error.instance-not-ours", instance=f"{gone!r}", instances=_instances(settings))
                )
            return Trigger(
                kind="operator", reason=_why(failover), accept_data_loss=failover.accept_data_loss, peer_is_gone=gone
            )
        case "switchback":
            switchback = SwitchbackInput.model_validate(given)
            names = [node.name for node in settings.nodes]
            if switchback.target is not None and switchback.target not in names:
                raise InvalidInput(
                    Message(
                        "error.no-such-node",
                        words=f"{switchback.target!r:.100}",
                        pair=list(names),
                        allowed=_ALLOWED[workflow],
                    )
                )
            target = switchback.target or settings.home.name
            return Trigger(kind="operator", reason=_why(switchback), node=target)
        case "rejoin":
            return Trigger(kind="operator", reason=_why(OperatorInput.model_validate(given)))
    assert_never(workflow)


def _why(given: OperatorInput) -> Message:
    """The operator's own words, if there are any."""
    return _BY_HAND if given.reason == _BY_HAND else Message.of(given.reason)


_SIGNS = 5
_LONGEST_SIGN = 200


def _shown(sign: Message) -> Message:
    """Watch_cluster's, or what somebody else gave for one: that much of it anybody reads."""
    return sign if len(sign) <= _LONGEST_SIGN else Message.of(f"{sign!s:.{_LONGEST_SIGN}}")


def _instances(settings: Settings) -> str:
    return ", ".join(f"{node.instance_id} ({node.name})" for node in settings.nodes)


def _read_event(workflow: Workflow, event: dict[str, Any], settings: Settings) -> Trigger:
    match workflow, event["detail-type"]:
        case "failover", "CloudWatch Alarm State Change":
            alarm = _AlarmEvent.model_validate(event).detail
            known = [settings.alarm_name(node.name, what) for node in settings.nodes for what in STARTING_ALARMS]
            if alarm.alarm_name not in known:
                raise InvalidInput(Message("error.alarm-not-ours", words=f"{alarm.alarm_name:.100}", names=list(known)))
            return Trigger(
                kind="alarm", reason=Message("trigger.alarm", alarm=alarm.alarm_name, state=f"{alarm.state.value:.60}")
            )
        case "failover" | "rejoin", "EC2 Instance State-change Notification":
            instance = _InstanceEvent.model_validate(event).detail
            node = settings.node_of_instance(instance.instance_id)
            if node is None:
                raise InvalidInput(
                    Message(
                        "error.instance-not-ours",
                        instance=f"{instance.instance_id:.60}",
                        instances=_instances(settings),
                    )
                )
            return Trigger(
                kind="instance",
                reason=Message("trigger.instance", node=node.name, state=f"{instance.state:.60}"),
                node=node.name,
            )
        case "failover" | "rejoin", type_ if type_ == STANDING_TROUBLE_DETAIL_TYPE:
            signs = _StandingTroubleEvent.model_validate(event).detail.signs
            return Trigger(kind="schedule", reason=Message("trigger.standing", signs=[*map(_shown, signs[:_SIGNS])]))
        case _, other:
            raise InvalidInput(
                Message("error.event-not-for-this", words=f"{str(other)!r:.100}", allowed=_ALLOWED[workflow])
            )
