"""An event as a message of a chat: the custom notification of Amazon Q Developer in chat applications, a pure function.

Its schema: Amazon Q Developer in chat applications Administrator Guide, "Custom notifications". Slack and Microsoft
Teams make the message of it; both read Markdown of their own, so whatever is not written here is made harmless.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from failover.adapters.execution_history import name_of
from failover.announcement import (
    Event,
    ExecutionEnded,
    ExecutionStarted,
    OfExecution,
    QuestionAsked,
    ReadinessChanged,
    StepEnded,
)
from failover.messages import Language, Message, say, visible
from failover.models import OutcomeKind
from failover.notice import runbook, runbook_of_finding

_LONGEST_TITLE = 250
_LONGEST_TEXT = 8_000
_LONGEST_LINE = 1_500
"""Escaping may make five signs of one."""
_LONGEST_STEP = 400
_FINDINGS = 10
_GOOD, _LOOK, _BAD, _ASK, _GO = "✔", "▲", "✖", "?", "▶"
_SIGNS = {
    OutcomeKind.WARNED: _LOOK, OutcomeKind.RESTORED: _LOOK, OutcomeKind.HALTED: _BAD, OutcomeKind.REFUSED: _LOOK,
    OutcomeKind.FAILED: _BAD,
}  # fmt: skip
_BREAK = "\u200b"
"""Shows nothing, and keeps the sign after it from being read as Markdown."""


def chat_message(
    event: Event, thread: str, languages: Sequence[Language] = (Language.ENGLISH,), runbook_url: str = "docs"
) -> dict[str, Any]:
    """The notification, in each language. One `thread` is one thread of the channel, if its preferences allow that."""
    sign, title, lines, next_steps = _content(event)
    links = list(_links(event, runbook_url))
    message = chat_notice(event.cluster, title, lines, thread, languages, sign=sign, next_steps=next_steps, links=links)
    resources = [event.execution] if isinstance(event, OfExecution) else []
    metadata = message["metadata"] | {"eventType": event.TYPE, "relatedResources": resources}
    return message | {"id": event.id, "metadata": metadata}


def chat_notice(
    cluster: str, title: str, lines: Sequence[str], thread: str, languages: Sequence[Language],
    *, sign: str = _LOOK, next_steps: Sequence[str] = (), links: Sequence[Message] = (),
) -> dict[str, Any]:  # fmt: skip
    """The same of a message that no event stands for. `links` are the stack's own words, and stay links."""

    def said(message: str, longest: int) -> list[str]:
        return [text(say(message, language), longest) for language in languages]

    told, own = said(title, _LONGEST_TITLE // 4), [line for line in lines if line]
    headline = " / ".join(dict.fromkeys(told))
    return {
        "version": "1.0",
        "source": "custom",
        "content": {
            "textType": "client-markdown",
            "title": f"{sign} [{text(cluster, _LONGEST_TITLE // 4)}] {headline}",
            "description": _fitting([part for line in own for part in said(line, _LONGEST_LINE)]),
            "nextSteps": [part for step in next_steps if step for part in said(step, _LONGEST_STEP)]
            + [say(link, language) for link in links for language in languages],
            "keywords": [text(cluster, _LONGEST_TITLE)],
        },
        "metadata": {
            "threadId": f"{cluster}-{thread}",
            "summary": headline,
            "eventType": "Garoon Failover Notice",
            "relatedResources": [],
            "additionalContext": {"cluster": cluster},
        },
    }


def _fitting(lines: Sequence[str]) -> str:
    """As many of the lines as the schema takes."""
    told = ""
    for line in lines:
        if len(told) + 1 + len(line) > _LONGEST_TEXT:
            break
        told = f"{told}\n{line}" if told else line
    return told


def text(words: str, longest: int) -> str:
    """Anybody's words on one line, so that a chat shows them and obeys none: no mention, no link, no format."""
    cut = words if len(words) <= longest else f"{words[: longest - 1]}…"
    shown = "".join(map(visible, cut))
    escaped = shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")  # Slack's own, and so mentions
    return re.sub(r"([*~`|\[\]@]|(?<!\w)_|_(?!\w)|(?<=\w)://)", rf"{_BREAK}\1", escaped)


def _content(event: Event) -> tuple[str, Message, list[Message], list[Message]]:
    """Sign, title, lines, next steps."""
    match event:
        case ExecutionStarted():
            title = Message("chat.began", workflow=event.workflow, execution=name_of(event.execution))
            why = Message("chat.why", why=event.said.reason.message)
            return _GO, title, [why, Message("chat.nodes", active=event.active, standby=event.standby)], []
        case StepEnded(is_done=True):
            return _GOOD, Message("chat.step-done", step=event.step), [Message("chat.took", seconds=event.seconds)], []
        case StepEnded():
            return _BAD, Message("chat.step-failed", step=event.step), [Message.of(event.message)], []
        case QuestionAsked():
            title = Message("chat.answer-wanted", standby=event.standby, active=event.active)
            until = Message("chat.answer-until", until=f"{event.answer_until:%Y-%m-%d %H:%M:%S} UTC")
            return _ASK, title, [event.reason.message, until], [Message("chat.how-to-answer")]
        case ExecutionEnded():
            sign = _SIGNS.get(event.outcome, _GOOD)
            title = Message(f"kind.{event.outcome}")
            return sign, title, list(_facts(event)), [event.said.next_step.message]
        case ReadinessChanged():
            new = [one for one in event.findings if one.name in event.appeared][:_FINDINGS]
            lines = [one.line for one in new]
            lines += [Message("chat.gone", findings=list(event.gone))] if event.gone else []
            sign, ready = (_GOOD, "chat.ready") if event.is_ready else (_BAD, "chat.not-ready")
            return (
                sign,
                Message(ready),
                lines,
                [one.said.action.message for one in new],
            )
        case _:
            raise ValueError(f"no chat message for {event.TYPE}")


def _links(event: Event, runbook_url: str) -> Iterator[Message]:
    """Where it stands what it means and what to do."""
    match event:
        case ExecutionEnded():
            yield runbook(event.outcome, runbook_url)
        case ReadinessChanged():
            for one in event.findings[:_FINDINGS]:
                if one.name in event.appeared:
                    yield runbook_of_finding(one.id, runbook_url)


def _facts(event: ExecutionEnded) -> Iterator[Message]:
    yield event.said.reason.message
    if event.active_after is not None:
        yield Message("notice.active", active=event.active_after, before=event.active_before or "?")
    if event.outage_seconds is not None:
        yield Message("notice.outage", seconds=event.outage_seconds)
    if event.snapshot_id is not None:
        yield Message("notice.snapshot", snapshot=event.snapshot_id)
    yield Message("notice.took", seconds=(event.ended_at - event.started_at).total_seconds())
