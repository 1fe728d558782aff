"""Tell other systems what the functions log: events on EventBridge, and messages for a chat."""

from datetime import UTC, datetime

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
from failover.incident import Incident, follow, is_told, join
from failover.log_batch import LogData, read_lines
from failover.models import Observed, Value
from failover.runtime import logger, metrics
from failover.settings import Settings


class LoggedEvent(Observed):
    """What CloudWatch Logs hands on of the functions' log."""

    awslogs: LogData


class Announced(Value):
    events: list[str]
    """The ids of those that are on the bus."""
    chat_messages: int


def announce(logged: LoggedEvent, settings: Settings) -> Announced:
    """What the log's lines give to tell is on the bus, and in the topic of the chat.

    No step waits for it. What it could not send it counts (EventsNotSent) and raises: Lambda runs it again, and
    whatever was sent is sent again with the same id (Lambda Developer Guide, "Asynchronous invocation").
    """
    try:
        events = [event for text in read_lines(logged.awslogs) for event in _read(text, settings)]
        event_bus.put_events(events)
        for event in events:
            if isinstance(event, ReadinessChanged):
                history_table.remember(settings, to_remember(event))
        told = [event for event in events if _tell_chat(event, settings)]
    except FailoverError:
        metrics.add_metric(name="EventsNotSent", unit=MetricUnit.Count, value=1)
        raise
    return Announced(events=[event.id for event in events], chat_messages=len(told))


def _read(text: str, settings: Settings) -> list[Event]:
    line = read_line(text)
    if line is None:
        logger.warning("A line of the log is none of ours, and nothing is told of it.")
        return []
    try:
        return _readiness(line, settings) if line.service == "check_readiness" else events_of(line, settings)
    except ValidationError as error:  # a step of another version, at work while the stack is updated
        logger.warning(f"What {line.service} logged is not understood, and nothing is told of it: {error}")
        return []


def _readiness(line: Line, settings: Settings) -> list[Event]:
    if line.error is not None:
        return []
    event = change_of_readiness(line, history_table.recall(settings, Remembered), settings)
    return [] if event is None else [event]


def _tell_chat(event: Event, settings: Settings) -> bool:
    languages = settings.notification_language.languages
    if not isinstance(event, OfExecution):
        notifications.publish_to_chat(settings, chat_message(event, "readiness", languages))
        return True
    now = datetime.now(UTC)
    incident = history_table.change(settings, Incident, lambda known: join(event, known, now))
    if not is_told(event, incident):
        return False
    notifications.publish_to_chat(settings, chat_message(event, incident.thread_of(event), languages))
    history_table.change(settings, Incident, lambda known: follow(event, join(event, known, now), now))
    return True
