"""Messages about evidence: their parameters are the facts that their words name."""

from collections.abc import Callable

from failover.messages import Message, Param
from failover.models import Evidence


def tell(seen: Evidence, code: str, **more: Param) -> Message:
    """The message of that code about this evidence. Raises KeyError if its words name what is no fact."""
    return Message.about(code, lambda name: more[name] if name in more else _FACTS[name](seen))


_FACTS: dict[str, Callable[[Evidence], Param]] = {
    "active": lambda seen: seen.active.name,
    "standby": lambda seen: seen.standby.name,
    "instance": lambda seen: seen.standby.instance_id,
    "active_state": lambda seen: seen.active.instance.words,
    "standby_state": lambda seen: seen.standby.instance.words,
    "active_answer": lambda seen: seen.active.answer.words,
    "standby_answer": lambda seen: seen.standby.answer.words,
    "active_replica": lambda seen: seen.active.replica.words,
    "detail": lambda seen: seen.active.detail,
    "trouble": lambda seen: seen.active.trouble,
    "why_demoted": lambda seen: seen.why_demoted,
}
"""What messages about evidence may name."""
