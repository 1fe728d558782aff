"""The signs that nodes write into a log, as CloudWatch Logs hands them on: they call for a look, and decide nothing."""

from typing import Literal

from pydantic import ValidationError

from failover.log_batch import LogData, read_lines
from failover.messages import Message
from failover.models import Observed
from failover.runtime import logger
from failover.settings import Node, Settings


class _Sign(Observed):
    """One line of garoon-node.sh's raise_sign."""

    node: str
    instance: str = ""
    sign: Literal["peerLost", "notServing"]


def read_signs(log: LogData, active: Node, settings: Settings) -> list[Message]:
    """Those of the signs that call for action, in words: the active node does not serve, or its peer has lost it.

    A sign of any other node or kind calls for none, nor does one of another machine: a copy of a node raises the same
    signs, but bears another id. Raises Failed if the log is not what CloudWatch Logs documents.
    """
    standby = settings.peer_of(active.name)
    words = {
        (standby.name, "peerLost"): Message("sign.peer-lost", standby=standby.name, active=active.name),
        (active.name, "notServing"): Message("sign.not-serving", node=active.name),
    }
    signs = [_read_sign(line, settings) for line in read_lines(log)]
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
