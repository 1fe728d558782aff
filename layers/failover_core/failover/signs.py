"""The signs that nodes write into a log, as CloudWatch Logs hands them on: they call for a look, and decide nothing."""

import base64
import binascii
import gzip
import zlib
from typing import Literal

from pydantic import ValidationError

from failover.errors import Failed
from failover.models import Observed
from failover.runtime import logger
from failover.settings import Node, Settings


class LogData(Observed):
    """`awslogs` of a subscription's event (CloudWatch Logs User Guide, "Subscription filters with AWS Lambda")."""

    data: str
    """Base64 of gzip of JSON."""


class _LogEvent(Observed):
    message: str


class _LogBatch(Observed):
    log_events: list[_LogEvent]


class _Sign(Observed):
    """One line of garoon-node.sh's raise_sign."""

    node: str
    instance: str = ""
    sign: Literal["peerLost", "notServing"]


def read_signs(log: LogData, active: Node, settings: Settings) -> list[str]:
    """Those of the signs that call for action, in words: the active node does not serve, or its peer has lost it.

    A sign of any other node or kind calls for none, nor does one of another machine: a copy of a node raises the same
    signs, but bears another id. Raises Failed if the log is not what CloudWatch Logs documents.
    """
    try:
        batch = _LogBatch.model_validate_json(gzip.decompress(base64.b64decode(log.data, validate=True)))
    except (binascii.Error, gzip.BadGzipFile, zlib.error, EOFError, ValidationError) as error:
        raise Failed(f"CloudWatch Logs passed on something that is not a batch of log events: {error}") from error
    standby = settings.peer_of(active.name)
    words = {
        (standby.name, "peerLost"): f"{standby.name} reaches {active.name} on neither path",
        (active.name, "notServing"): f"{active.name} says that it does not serve",
    }
    signs = [_read_sign(event.message, settings) for event in batch.log_events]
    return list(dict.fromkeys(words[key] for key in signs if key in words))


def _read_sign(line: str, settings: Settings) -> tuple[str, str] | None:
    try:
        sign = _Sign.model_validate_json(line)
    except ValidationError:
        return None  # a line without sense, cut, or of a version of the script that knows more signs
    if not any((node.name, node.instance_id) == (sign.node, sign.instance) for node in settings.nodes):
        logger.warning(
            f"A sign was ignored: it came from {sign.instance or 'a machine that does not know its id'}, which calls "
            f"itself {sign.node} and is not that node's instance."
        )
        return None
    return sign.node, sign.sign
