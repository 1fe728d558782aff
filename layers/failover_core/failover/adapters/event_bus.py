"""The controller's own events, on the account's default bus of EventBridge."""

import json
from collections.abc import Sequence

from failover.adapters.clients import client, translate_errors
from failover.announcement import SOURCE, Event
from failover.errors import CloudUnavailable
from failover.messages import Message

_AT_ONCE = 10
"""Entries that one request takes (EventBridge API Reference, "PutEvents")."""


@translate_errors
def put_events(events: Sequence[Event]) -> None:
    """All of them are on the bus. Raises CloudUnavailable if one was not taken; sent again, all are sent again."""
    for start in range(0, len(events), _AT_ONCE):
        answer = client("events").put_events(
            Entries=[
                {
                    "Source": SOURCE,
                    "DetailType": event.TYPE,
                    "Time": event.at,
                    "Resources": [event.execution] if hasattr(event, "execution") else [],
                    "Detail": json.dumps(event.to_json()),
                }
                for event in events[start : start + _AT_ONCE]
            ]
        )
        if answer["FailedEntryCount"]:
            codes = sorted({one["ErrorCode"] for one in answer["Entries"] if "ErrorCode" in one})
            raise CloudUnavailable(Message("error.events-not-taken", count=answer["FailedEntryCount"], names=codes))
