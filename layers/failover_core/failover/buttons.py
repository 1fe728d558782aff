"""What an operator can press on the dashboard: what is offered, and what a press means. Pure functions.

A press is bound to the picture that it was made on: it carries the picture's time and epoch, and holds for these alone.
"""

import re
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal, NamedTuple, Self

from pydantic import AwareDatetime, Field, model_validator

from failover.adapters.execution_history import name_of
from failover.models import ClusterRecord, Value
from failover.status import Status

OLDEST_PICTURE = timedelta(minutes=10)
MAINTENANCE_MINUTES = 120
_EXECUTION_NAME = r"^[^\s:/]{1,80}$"


class Action(StrEnum):
    SWITCHBACK = "switchback"
    REJOIN = "rejoin"
    READINESS = "readiness"
    MAINTENANCE_ON = "maintenanceOn"
    MAINTENANCE_OFF = "maintenanceOff"
    PROCEED = "proceed"
    DECLINE = "decline"


_NEEDED = {
    Action.SWITCHBACK: ("epoch", "node"),
    Action.REJOIN: ("epoch",),
    Action.PROCEED: ("execution",),
    Action.DECLINE: ("execution",),
}


class Press(Value):
    """What a button says when it is pressed."""

    action: Action
    confirmed: Literal[True]
    """CloudWatch calls only after its question was answered with yes; a call by hand has to say so."""
    shown_at: AwareDatetime
    """When the picture was made."""
    epoch: int | None = Field(default=None, ge=0)
    """Of the picture. For what moves or brings back a node."""
    node: str | None = None
    """Who is to be active."""
    execution: str | None = Field(default=None, pattern=_EXECUTION_NAME)
    """Name of the execution that asks."""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        missing = [name for name in _NEEDED.get(self.action, ()) if getattr(self, name) is None]
        if missing:
            raise ValueError(f"{self.action} needs {' and '.join(missing)}")
        return self

    @property
    def name(self) -> str:
        """The same for each press of this button on this picture: an execution's name is taken once."""
        return f"dashboard-{self.action}-{self.shown_at:%Y%m%dT%H%M%S%f}"


class Offer(NamedTuple):
    press: Press
    is_primary: bool = False
    """It answers what somebody waits for."""


class Refusal(StrEnum):
    """Why a press is not obeyed."""

    OLD = "old"
    MOVED = "moved"
    ANSWERED = "answered"
    PRESSED = "pressed"


def offer(status: Status) -> list[Offer]:
    """What can be pressed on this picture.

    What is unknown is not operated on: without the record only a look is offered. While an execution is at work no
    other is offered, which would be Skipped.
    """
    work, epoch = status.at_work, status.epoch

    def press(action: Action, *, node: str | None = None, execution: str | None = None, of: int | None = None) -> Press:
        return Press(action=action, confirmed=True, shown_at=status.at, epoch=of, node=node, execution=execution)

    offers: list[Offer] = []
    question = name_of(work.execution) if work is not None and work.is_asking else ""
    if re.fullmatch(_EXECUTION_NAME, question):
        offers.append(Offer(press(Action.PROCEED, execution=question), is_primary=True))
        offers.append(Offer(press(Action.DECLINE, execution=question)))
    if status.is_record_known and work is None:
        offers += [
            Offer(press(Action.SWITCHBACK, node=node.name[:64], of=epoch))
            for node in status.nodes
            if node.role == "standby"
        ]
        offers.append(Offer(press(Action.REJOIN, of=epoch)))
    offers.append(Offer(press(Action.READINESS)))
    if status.is_record_known:
        offers.append(Offer(press(Action.MAINTENANCE_ON)))
        if status.maintenance_until is not None:
            offers.append(Offer(press(Action.MAINTENANCE_OFF)))
    return offers


def is_old(press: Press, now: datetime) -> bool:
    """Whether the picture says nothing of the cluster any more. Nor does one from a time to come."""
    return abs(now - press.shown_at) > OLDEST_PICTURE


def is_of_another_state(press: Press, record: ClusterRecord) -> bool:
    """Whether the role has moved since: then something else was confirmed than would be done."""
    return press.epoch != record.epoch or press.node == record.active
