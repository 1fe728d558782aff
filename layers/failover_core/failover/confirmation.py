"""Whether an operator is asked before the role moves, and what the answer means: pure functions."""

import json
from typing import Any

from pydantic import ConfigDict, ValidationError

from failover.errors import InvalidInput
from failover.messages import Message
from failover.models import AutomaticLimit, Decision, Evidence, Trigger, Value, Verdict
from failover.settings import ConfirmFailover

YES = '{"proceed": true}'
NO = '{"proceed": false}'


class Asked(Value):
    """What came of asking: an answer, or none in time."""

    is_answered: bool
    answer: Any = None
    """Whatever the operator sent, as it came."""


class _Answer(Value):
    model_config = ConfigDict(strict=True)

    proceed: bool


def must_ask(decision: Decision, evidence: Evidence, trigger: Trigger, mode: ConfirmFailover) -> bool:
    """Whether an operator is asked before the move that this decision is, or may come to.

    Nobody is asked for what an operator started, for what is done in place (only for the move if that does not help),
    or to finish a move that has promoted the standby already: from there the only safe way is forward.
    """
    if mode is ConfirmFailover.NEVER or not trigger.is_automatic or evidence.standby.is_primary:
        return False
    if decision.verdict in (Verdict.RESTART_SERVICES, Verdict.RESUME_ACTIVE):
        return not decision.why_no_move
    return decision.verdict is Verdict.FAIL_OVER


def read_answer(asked: Asked | None, mode: ConfirmFailover) -> AutomaticLimit:
    """What the answer forbids: NONE if the move may go on, or if nobody was asked.

    Raises InvalidInput for an answer that is not one of the two that count; it is never taken for a yes.
    """
    if asked is None:
        return AutomaticLimit.NONE
    if not asked.is_answered:
        return AutomaticLimit.NONE if mode is ConfirmFailover.PROCEED else AutomaticLimit.UNANSWERED
    try:
        answer = _Answer.model_validate(asked.answer)
    except ValidationError:
        raise InvalidInput(
            Message("error.answer-not-one-of-two", words=f"{json.dumps(asked.answer):.200}", yes=YES, no=NO)
        ) from None
    return AutomaticLimit.NONE if answer.proceed else AutomaticLimit.DECLINED
