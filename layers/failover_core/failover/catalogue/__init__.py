"""What every message says, in each language: code -> (English, Japanese).

Both stand side by side, so that neither changes without the other; tests hold them to the same parameters, and to codes
that somebody says. A `{parameter}` is a name, a number, or a message; `words` and `cause` are somebody else's words and
stand in quotation marks. The terms are those of docs/glossary.md. Plain tuples: every function loads them.
"""

from failover.catalogue.actions import ACTIONS
from failover.catalogue.chat import CHAT
from failover.catalogue.decision import DECISION
from failover.catalogue.errors import ERRORS
from failover.catalogue.findings import FINDINGS
from failover.catalogue.node import NODE
from failover.catalogue.notice import NOTICE
from failover.catalogue.opening import OPENING
from failover.catalogue.outcome import OUTCOME
from failover.catalogue.reminder import REMINDER
from failover.catalogue.steps import STEPS
from failover.catalogue.trigger import TRIGGER

CATALOGUE: dict[str, tuple[str, str]] = {
    "text": ("{words}", "「{words}」"),
    "together": ("{sentences}", "{sentences}"),
    **CHAT,
    **DECISION,
    **NODE,
    **NOTICE,
    **OPENING,
    **OUTCOME,
    **REMINDER,
    **ERRORS,
    **FINDINGS,
    **ACTIONS,
    **STEPS,
    **TRIGGER,
}
