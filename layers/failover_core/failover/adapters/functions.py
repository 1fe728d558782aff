"""The stack's own functions, called as the workflows call them."""

import json
from typing import Any

from failover.adapters.clients import client, translate_errors
from failover.errors import Failed, read_said
from failover.messages import Message
from failover.models import REHEARSAL, Rehearsal, Rehearsed
from failover.settings import Settings


def rehearse(step: str, settings: Settings) -> Rehearsed:
    """What would keep the step's function from its work: it runs and changes nothing. Failed if it does not run.

    A function that was not called for weeks is Inactive, and its first calls are refused while Lambda makes it ready
    (AWS Lambda Developer Guide, "Lambda function states"), for up to 106 s as reported. Here that is Failed, too, and
    the call is what wakes it.
    """
    return Rehearsed.model_validate(call(step, REHEARSAL, settings))


def rehearse_all(settings: Settings) -> Rehearsal:
    """What would keep which function from its work, by the one that may call all of them. Raises Failed."""
    return Rehearsal.model_validate(call("rehearse", {}, settings))


@translate_errors
def call(step: str, given: dict[str, Any], settings: Settings) -> Any:
    """What the step's function answers. Raises Failed, with its words, if it failed."""
    # The name is template.yaml's.
    name = settings.own_name(step.replace("_", "-"))
    answer = client("lambda").invoke(FunctionName=name, Payload=json.dumps(given))
    said = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        why = read_said(str(said.get("errorMessage") or answer["FunctionError"]))
        raise Failed(Message("error.function-does-not-run", function=name, why=why))
    return said
