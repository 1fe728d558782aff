"""Tell what the functions log: events on EventBridge, messages for a chat, and mail about what has begun or stands."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TypeVar

from aws_lambda_powertools.metrics import MetricUnit
from pydantic import ValidationError

from failover.adapters import event_bus, history_table, notifications
from failover.announcement import (
    Event,
    Line,
    OfExecution,
    ReadinessChanged,
    Remembered,
    change_of_readiness,
    events_of,
    read_line,
    to_remember,
)
from failover.chat import chat_message
from failover.errors import FailoverError
from failover.incident import Incident, follow, is_told, join, may_open, open_incident
from failover.log_batch import LogData, read_lines
from failover.models import Observed, Value
from failover.notice import write
from failover.opening import (
    Standing,
    decision_to_tell,
    follow_readiness,
    opening_lines,
    readiness_lines,
    readiness_subject,
)
from failover.runtime import logger, metrics
from failover.settings import Settings

T = TypeVar("T")


class LoggedEvent(Observed):
    """What CloudWatch Logs hands on of the functions' log."""

    awslogs: LogData


class Announced(Value):
    events: list[str]
    """The ids of those that are on the bus."""
    chat_messages: int
    mails: int


def announce(logged: LoggedEvent, settings: Settings) -> Announced:
    """What the log's lines give to tell is on the bus, in the topic of the chat, and mailed to the operators.

    No step waits for it. What it could not send it counts (EventsNotSent) and raises: Lambda runs it again, and
    whatever was sent is sent again with the same id (Lambda Developer Guide, "Asynchronous invocation"). Of each look
    at readiness that it has told, or found nothing to tell of, it counts ReadinessTold: an alarm tells when that stays
    away, as then nobody would hear what readiness finds.
    """
    try:
        lines = [line for text in read_lines(logged.awslogs) if (line := _read(text)) is not None]
        events_of_lines = [(line, _understood(_events_of, line, settings) or []) for line in lines]
        events = [event for _, of_line in events_of_lines for event in of_line]
        event_bus.put_events(events)
        chat_messages, mails = 0, 0
        for line, of_line in events_of_lines:
            mails += bool(_understood(_open, line, settings))
            chat_messages += sum(_tell_chat(event, settings) for event in of_line)
            if _understood(_tell_of_readiness, line, settings):
                chat_messages, mails = chat_messages + 1, mails + 1
    except FailoverError:
        metrics.add_metric(name="EventsNotSent", unit=MetricUnit.Count, value=1)
        raise
    return Announced(events=[event.id for event in events], chat_messages=chat_messages, mails=mails)


def _read(text: str) -> Line | None:
    line = read_line(text)
    if line is None:
        logger.warning("A line of the log is none of ours, and nothing is told of it.")
    return line


def _understood(told_of: Callable[[Line, Settings], T], line: Line, settings: Settings) -> T | None:
    try:
        return told_of(line, settings)
    except ValidationError as error:  # a step of another version, at work while the stack is updated
        logger.warning(f"What {line.service} logged is not understood, and nothing is told of it: {error}")
        return None


def _events_of(line: Line, settings: Settings) -> list[Event]:
    return _readiness(line, settings) if line.service == "check_readiness" else events_of(line, settings)


def _open(line: Line, settings: Settings) -> bool:
    """Whether operators were mailed that a move has begun."""
    decision = decision_to_tell(line)
    event = next(iter(events_of(line, settings)), None) if decision else None
    if decision is None or not isinstance(event, OfExecution):
        return False
    now = datetime.now(UTC)
    incident = history_table.change(settings, Incident, lambda known: join(event, known, now, begins=True))
    if not may_open(event, incident):
        return False
    _mail(settings, f"Begun: {decision.verdict}", opening_lines(decision, event.execution, settings))
    history_table.change(
        settings, Incident, lambda known: open_incident(event, join(event, known, now, begins=True), now)
    )
    return True


def _tell_of_readiness(line: Line, settings: Settings) -> bool:
    if line.service != "check_readiness" or line.error is not None:
        return False
    standing, change = follow_readiness(line, history_table.recall(settings, Standing), settings)
    if change is not None:
        _mail(settings, readiness_subject(change), readiness_lines(change, settings))
        languages = settings.notification_language.languages
        notifications.publish_to_chat(settings, chat_message(change, "readiness", languages, settings.runbook_url))
    history_table.remember(settings, standing)
    metrics.add_metric(name="ReadinessTold", unit=MetricUnit.Count, value=1)
    return change is not None


def _mail(settings: Settings, subject: str, lines: Iterable[str]) -> None:
    notifications.publish(
        settings,
        subject=f"[{settings.cluster_name}] {subject}",
        text=write(list(lines), settings),
        attributes={"attention": "needed"},
    )


def _readiness(line: Line, settings: Settings) -> list[Event]:
    if line.error is not None:
        return []
    event = change_of_readiness(line, history_table.recall(settings, Remembered), settings)
    return [] if event is None else [event]


def _tell_chat(event: Event, settings: Settings) -> bool:
    if isinstance(event, ReadinessChanged):
        history_table.remember(settings, to_remember(event))
    if not isinstance(event, OfExecution):
        return False
    languages = settings.notification_language.languages
    now = datetime.now(UTC)
    incident = history_table.change(settings, Incident, lambda known: join(event, known, now))
    if not is_told(event, incident):
        return False
    thread = incident.thread_of(event)
    notifications.publish_to_chat(settings, chat_message(event, thread, languages, settings.runbook_url))
    history_table.change(settings, Incident, lambda known: follow(event, join(event, known, now), now))
    return True
