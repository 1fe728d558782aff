"""Which outcomes tell operators nothing that they have not been told: a pure function.

Every execution notifies (promise 7); one that repeats what was told asks for no attention, and subscriptions leave it
out. An incident is so one outcome that asks for attention, and another one for each change.
"""

from datetime import timedelta

from failover.messages import is_same, parts_of
from failover.models import Outcome, OutcomeKind

MAY_STAND = (OutcomeKind.WARNED, OutcomeKind.HALTED, OutcomeKind.FAILED, OutcomeKind.REFUSED)
"""Outcomes that put nothing right, so that the next look may find the same."""
STANDS_FOR = timedelta(minutes=30)
"""What was found this long ago is news when it is found again."""
_SAYS_THAT_THERE_IS_NO_STANDBY = {
    "next.bring-back-as-standby": "active",
    "next.start-the-instance": "node",
    "next.stop-the-isolated": "node",
}
"""Next steps of a move, and the parameter that has the node's name."""


def is_told_already(outcome: Outcome, last: Outcome) -> bool:
    """The last outcome told this trouble, a short while ago. Codes and names are compared, not sentences."""
    if outcome.outcome not in MAY_STAND or outcome.ended_at - last.ended_at >= STANDS_FOR:
        return False
    is_still_so = last.outcome == outcome.outcome and is_same(last.messages.reason, outcome.messages.reason)
    return is_still_so or _follows_from(outcome, last)


def _follows_from(outcome: Outcome, last: Outcome) -> bool:
    """What it warns of is that the standby is lost, which the outcome of the move from it told."""
    lost = {
        part.params["standby"] for part in parts_of(outcome.messages.reason) if part.code == "decision.standby-lost"
    }
    told = {
        part.params[_SAYS_THAT_THERE_IS_NO_STANDBY[part.code]]
        for part in parts_of(last.messages.next_step)
        if part.code in _SAYS_THAT_THERE_IS_NO_STANDBY
    }
    return outcome.outcome is OutcomeKind.WARNED and bool(lost) and lost <= told
