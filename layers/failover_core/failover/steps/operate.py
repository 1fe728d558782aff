"""Do what an operator pressed on the dashboard and confirmed there, as the console or the command would.

CloudWatch calls this function with the rights of whoever presses (User Guide, "Interactivity in the custom widget"), so
whoever may not call it can't operate. It does not tell the function who that is: see WidgetContext.
"""

from datetime import UTC, datetime

from pydantic import AwareDatetime

from failover.adapters import cluster_table, executions, functions
from failover.adapters.execution_history import read_execution
from failover.buttons import MAINTENANCE_MINUTES, Action, Press, Refusal, is_of_another_state, is_old
from failover.confirmation import NO, YES
from failover.errors import CloudUnavailable, FailoverError, InvalidInput
from failover.hierarchy import State
from failover.messages import Message, say
from failover.models import Observed
from failover.runtime import logger, request_id
from failover.settings import Settings
from failover.widget import render_answer
from failover.widget_context import WidgetContext

DOCUMENTATION = """## Garoon failover: buttons

The widget's buttons call it: move the role, rejoin, look whether a failover would work, maintenance, and the answer to
an open question. It does nothing but what was confirmed.
"""

ALLOWED = Message("allowed.operate")


class OperateRequest(Observed):
    """What a button calls the function with."""

    describe: bool = False
    """It is asked what it is, and is to do nothing else."""
    press: Press | None = None
    widget_context: WidgetContext = WidgetContext()


class _Maintenance(Observed):
    until: AwareDatetime | None


class _Readiness(Observed):
    is_ready: bool
    summary: str


def operate(request: OperateRequest, settings: Settings) -> str:
    """A page that says what was done, or why not. Raises InvalidInput for what no button says.

    The same button of the same picture starts one execution, however often it is pressed.
    """
    if request.describe:
        return DOCUMENTATION
    press, context = request.press, request.widget_context
    if press is None:
        raise InvalidInput(Message("error.nothing-pressed", allowed=ALLOWED))
    words, caller = context.words, context.caller | {"call": request_id()}
    by = "pressed on the dashboard {dashboard} of account {account}, call {call}".format(**caller)
    try:
        said = _do(press, settings, context, by)
        refused = words.refusals[said] if isinstance(said, Refusal) else ""
        state, sentence = (State.FAILED, refused) if refused else (State.ACTIVE, str(said))
        told = words.not_done if refused else words.done
    except FailoverError as error:
        is_known = not isinstance(error, CloudUnavailable)
        state, told = (State.FAILED, words.not_done) if is_known else (State.UNKNOWN, words.not_known)
        why = say(error.said, words.language)
        sentence = why if is_known else f"{words.press_again} {why}"
    logger.info("operated", action=press.action, by=by, state=state, sentence=sentence)
    return render_answer(words, state, told, sentence, words.pressed_by.format(**caller))


def _do(press: Press, settings: Settings, context: WidgetContext, by: str) -> str | Refusal:
    """What was done, as a sentence; or why nothing was."""
    now = datetime.now(UTC)
    if is_old(press, now):
        return Refusal.OLD
    words = context.words
    done = words.results[press.action]
    match press.action:
        case Action.SWITCHBACK | Action.REJOIN:
            if is_of_another_state(press, cluster_table.read_record(settings)):
                return Refusal.MOVED
            if press.action is Action.SWITCHBACK:
                is_new = executions.start_switchback(settings, press.name, {"target": press.node, "reason": by})
            else:
                is_new = executions.start_rejoin(settings, press.name, {"reason": by})
            return done.format(execution=press.name) if is_new else Refusal.PRESSED
        case Action.READINESS:
            looked = _Readiness.model_validate(functions.call("check_readiness", {}, settings))
            told = words.ready if looked.is_ready else words.not_ready
            return f"{told}. {say(looked.summary, words.language)}"
        case Action.MAINTENANCE_ON | Action.MAINTENANCE_OFF:
            minutes = MAINTENANCE_MINUTES if press.action is Action.MAINTENANCE_ON else 0
            answer = functions.call("set_maintenance", {"minutes": minutes, "reason": by}, settings)
            until = _Maintenance.model_validate(answer).until
            return done.format(time=f"{until.astimezone(context.zone):%Y-%m-%d %H:%M %Z}" if until else "")
        case Action.PROCEED | Action.DECLINE:
            asking = read_execution(settings.execution_arn("failover", str(press.execution)))
            if asking is None or asking.task_token is None:
                return Refusal.ANSWERED
            executions.send_answer(asking.task_token, YES if press.action is Action.PROCEED else NO)
            return done.format(execution=press.execution)
