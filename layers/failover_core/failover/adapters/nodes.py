"""The nodes' script over Systems Manager Run Command: the stack's own document, and nothing else."""

import time
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

from botocore.exceptions import ClientError
from pydantic import ValidationError

from failover.adapters.clients import client, error_code, translate_errors
from failover.errors import CloudUnavailable
from failover.messages import Message
from failover.node_answers import VerbResult
from failover.settings import Node, Settings

Verb = Literal["status", "probe", "survey", "promote", "start", "restart", "stop", "demote", "reconnect", "rejoin"]

PeerProof = Literal["none", "unseen", "secondary"]


class Promotion(NamedTuple):
    """How a node is to promote its replica."""

    accept_data_loss: bool = False
    peer_proof: PeerProof = "none"
    """What it must itself find of its peer right before; else it does nothing and says `peer_not_proven`. unseen: on
    neither path, and of neither service. secondary: on a link over which everything comes that is written."""
    and_start: bool = False
    """Its answer comes once it is promoted and mounted. What users reach is begun then, and `start` does the rest."""

    def parameters(self) -> dict[str, list[str]]:
        """Of the document. What is as it is by default is left out: the look document does not know it."""
        given = {"AcceptDataLoss": [str(self.accept_data_loss).lower()]}
        if self.peer_proof != "none":
            given["PeerProof"] = [self.peer_proof]
        return given | ({"AndStart": ["true"]} if self.and_start else {})


PLAIN = Promotion()

_LOOKS: tuple[Verb, ...] = ("status", "probe", "survey")
"""Verbs that change nothing."""

_DELIVERY_SECONDS = 30
"""SendCommand's TimeoutSeconds: a command not delivered by then is dropped. 30 is the least that AWS takes."""

_BUSY_PAUSE_SECONDS = 2.0
"""Between two questions to a node that is at work; the script itself waits some seconds for the earlier command."""

_FIRST_LOOK_SECONDS, _LOOK_SECONDS = 0.2, 0.5
"""Until the first look at what came of a command, and at most between two: four commands follow each other while users
wait, and each is done half a pause before that is seen."""

_NAP_SECONDS = 0.2
"""How soon it is noticed that nobody waits for an answer any more."""

_UNDER_WAY = ("Pending", "InProgress", "Delayed", "Cancelling")
_RAN = ("Success", "Failed")
"""StatusDetails of a command that the node ran to its end (Systems Manager User Guide, "Understanding command
statuses")."""
_SILENT = ("DeliveryTimedOut", "ExecutionTimedOut", "Undeliverable")
"""... of one that the node did not take, or not end. Any other end is Run Command's own doing (AccessDenied,
InvalidPlatform, Terminated, Cancelled), and says nothing about the node."""


def run_verb(
    node: Node,
    verb: Verb,
    settings: Settings,
    *,
    timeout_seconds: float,
    epoch: int = 0,
    promotion: Promotion = PLAIN,
    is_given_up: Callable[[], bool] = lambda: False,
) -> VerbResult | None:
    """What the verb said, or None if the node did not answer within `timeout_seconds`, or until it `is_given_up`.

    A look that was not answered is cancelled. Any other verb is left to go on: the SSM Agent kills the processes of a
    cancelled command, halfway through a mount or a database's recovery (its source, `executers`). A node that did not
    answer may also begin the verb later, but not once `timeout_seconds` and a delivery have passed: the command carries
    that moment, and the script refuses one that is late or of an epoch that has passed.
    Raises CloudUnavailable if the node could not be asked, if what came back makes no sense, or if it is another
    machine's: of a copy of the node, which has everything of it but the instance's id.

    The moment is one of the node's own clock. Where that is another than ours the node refuses, says what time it is,
    and is asked once more. A node at work on an earlier command is asked again until the time is over: a demote that
    writes much back takes longer than one step waits.
    """
    deadline = time.monotonic() + timeout_seconds
    parameters: dict[str, list[str]] = {
        "Verb": [verb],
        "Epoch": [str(epoch)],
        **promotion.parameters(),
    }

    def order(seconds_ahead: float) -> VerbResult | None:
        good_for_seconds = max(deadline - time.monotonic(), _DELIVERY_SECONDS)
        expires_at = int(time.time() + seconds_ahead + good_for_seconds)
        orders = parameters | {"ExpiresAt": [str(expires_at)]}
        return send(node, verb, settings.node_document, orders, deadline, is_given_up)

    seconds_ahead = 0.0
    result = order(seconds_ahead)
    if result is not None and result.code == "expired" and result.clock is not None and time.monotonic() < deadline:
        seconds_ahead = result.clock - time.time()
        result = order(seconds_ahead)
    while result is not None and result.code == "busy" and time.monotonic() + _BUSY_PAUSE_SECONDS < deadline:
        time.sleep(_BUSY_PAUSE_SECONDS)
        result = order(seconds_ahead)
    return result


@translate_errors
def send(
    node: Node,
    verb: Verb,
    document: str,
    parameters: Mapping[str, list[str]],
    deadline: float,
    is_given_up: Callable[[], bool] = lambda: False,
) -> VerbResult | None:
    """As `run_verb`, once, by a document that runs the script; `deadline` is one of time.monotonic()."""
    ssm = client("ssm")
    try:
        command = ssm.send_command(
            DocumentName=document,
            # The default version may be an older one: docs/decisions/0008-look-document.md.
            DocumentVersion="$LATEST",
            InstanceIds=[node.instance_id],
            TimeoutSeconds=_DELIVERY_SECONDS,
            Comment=f"garoon-failover: {verb}",
            Parameters=dict(parameters),
        )["Command"]["CommandId"]
    except ClientError as error:
        if error_code(error) == "InvalidInstanceId":
            return None  # Systems Manager knows no running agent there: it was asked, and nobody is in.
        raise
    pause_seconds = _FIRST_LOOK_SECONDS
    while True:
        _rest(pause_seconds, is_given_up)
        result = _read_result(node, command)
        if result is not _PENDING:
            return result
        if time.monotonic() >= deadline or is_given_up():
            if verb in _LOOKS:
                ssm.cancel_command(CommandId=command, InstanceIds=[node.instance_id])
            return None
        pause_seconds = min(pause_seconds * 1.25, _LOOK_SECONDS)


def _rest(seconds: float, is_given_up: Callable[[], bool]) -> None:
    """A pause, cut short when nobody waits any more."""
    while seconds > 0 and not is_given_up():
        nap_seconds = min(seconds, _NAP_SECONDS)
        time.sleep(nap_seconds)
        seconds -= nap_seconds


_PENDING = VerbResult(verb="", result="failed", code="pending", message="")


def _read_result(node: Node, command: str) -> VerbResult | None:
    try:
        invocation = client("ssm").get_command_invocation(CommandId=command, InstanceId=node.instance_id)
    except ClientError as error:
        if error_code(error) == "InvocationDoesNotExist":
            return _PENDING  # Run Command is eventually consistent just after SendCommand.
        raise
    if invocation["Status"] in _UNDER_WAY:
        return _PENDING
    details = invocation["StatusDetails"].replace(" ", "")  # the API Reference writes "Delivery Timed Out"
    if details in _SILENT:
        return None
    if details not in _RAN:
        raise CloudUnavailable(Message("error.run-command-ended", node=node.name, words=details))
    output = invocation["StandardOutputContent"].strip()
    try:
        result = VerbResult.model_validate_json(output)
    except ValidationError as error:
        raise CloudUnavailable(
            Message(
                "error.answer-not-understood",
                node=node.name,
                exit_code=invocation["ResponseCode"],
                words=f"{output[-200:] or invocation['StandardErrorContent'][-200:]!r}",
            )
        ) from error
    if result.status is not None and result.status.instance_id not in ("", node.instance_id):
        raise CloudUnavailable(
            Message(
                "error.other-machine-answered",
                instance_id=node.instance_id,
                node=node.name,
                other=result.status.instance_id,
            )
        )
    return result
