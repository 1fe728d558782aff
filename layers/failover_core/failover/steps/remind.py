"""Send again what nobody reacted to, and once a week say that all is well, or what is not."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

from failover.adapters import cluster_table, functions, history_table, notifications
from failover.adapters.execution_history import name_of, read_execution
from failover.asking import ask
from failover.chat import chat_notice
from failover.finding import Finding
from failover.incident import Incident
from failover.messages import Message
from failover.models import ClusterRecord, Observed, Unknown, Value
from failover.notice import write
from failover.reminder import Reminded, unseen, weekly_lines
from failover.settings import Settings
from failover.steps.record_outcome import commands_by_hand, describe_outcome

_LOOKED_THROUGH = 50


class RemindRequest(Observed):
    """The schedule's input."""

    send: Literal["again", "weekly"]


class Reminding(Value):
    sent: str
    """What it was about; empty if nothing was to be sent."""


class _Looked(Observed):
    is_ready: bool
    findings: list[Finding]


def remind(request: RemindRequest, settings: Settings) -> Reminding:
    """What is due is published in both topics. Run twice at once, it may be published twice."""
    now = datetime.now(UTC)
    cluster = cluster_table.read_record(settings)
    if request.send == "weekly":
        return _send_weekly(settings, cluster, now)
    if settings.repeat_after_minutes == 0:
        return Reminding(sent="")
    question = _open_question(settings, cluster, now)
    return _send_question(settings, question) if question else _send_outcome(settings, cluster, now)


def _send_weekly(settings: Settings, cluster: ClusterRecord, now: datetime) -> Reminding:
    looked = ask(lambda: _Looked.model_validate(functions.call("check_readiness", {}, settings)))
    readiness = looked if isinstance(looked, Unknown) else (looked.is_ready, looked.findings)
    records = history_table.read_newest(settings, _LOOKED_THROUGH)
    lines = list(weekly_lines(readiness, cluster, records, settings, now))
    how = "unknown" if isinstance(looked, Unknown) else "ready" if looked.is_ready else "not ready"
    _publish(settings, f"Weekly message: {how}", lines, "weekly", f"weekly-{now:%Y-%m-%d}")
    return Reminding(sent="weekly")


def _open_question(settings: Settings, cluster: ClusterRecord, now: datetime) -> str | None:
    """The execution that asked and waits, once half of its time is over."""
    if cluster.lock_owner is None:
        return None
    execution = read_execution(cluster.lock_owner)
    if execution is None or execution.task_token is None:
        return None
    has_waited = now - execution.steps[-1].started_at
    return execution.arn if has_waited >= timedelta(seconds=settings.confirm_timeout_seconds / 2) else None


def _send_question(settings: Settings, execution: str) -> Reminding:
    if not _is_due(settings, f"{execution}?"):
        return Reminding(sent="")
    lines = [
        Message("reminder.question", execution=name_of(execution)),
        Message("reminder.how-to-answer"),
        "",
        Message("notice.cluster", cluster=settings.cluster_name),
        Message("question.asked-by", execution=execution),
    ]
    _publish(settings, "Answer still wanted", lines, "needed", name_of(execution))
    history_table.remember(settings, Reminded(of=f"{execution}?"))
    return Reminding(sent=execution)


def _send_outcome(settings: Settings, cluster: ClusterRecord, now: datetime) -> Reminding:
    after = timedelta(minutes=settings.repeat_after_minutes)
    record = unseen(history_table.read_newest(settings, _LOOKED_THROUGH), cluster, now, after)
    if record is None or record.outcome is None or not _is_due(settings, record.execution):
        return Reminding(sent="")
    minutes = round((now - record.outcome.ended_at).total_seconds() / 60)
    said = record.outcome.messages
    lines = [Message("reminder.nobody", minutes=minutes), "", said.reason, said.next_step]
    by_hand = commands_by_hand(record.outcome, settings, record.decision, record.lock)
    text = write([*lines[:2], Message("reminder.how-to-end"), ""], settings)
    text += describe_outcome(record.outcome, settings, by_hand)
    subject = f"Sent again: {record.outcome.outcome}"
    incident = history_table.recall(settings, Incident)
    _publish(settings, subject, lines, "needed", incident.thread if incident else record.name, text)
    history_table.remember(settings, Reminded(of=record.execution))
    return Reminding(sent=record.execution)


def _is_due(settings: Settings, of: str) -> bool:
    """Each is sent once more, not for ever."""
    last = history_table.recall(settings, Reminded)
    return last is None or last.of != of


def _publish(
    settings: Settings, subject: str, lines: Sequence[str], attention: str, thread: str, text: str | None = None
) -> None:
    notifications.publish(
        settings,
        subject=f"[{settings.cluster_name}] {subject}",
        text=write(lines, settings) if text is None else text,
        attributes={"attention": attention},
    )
    languages = settings.notification_language.languages
    notifications.publish_to_chat(settings, chat_notice(settings.cluster_name, subject, lines, thread, languages))
