"""The words in which the flows are written: a workflow is its legs, a leg is states that follow each other.

A state leads to the one after it in its leg, unless `to` names another state or a leg, which stands for its first
state. So a step that is put into a leg needs one line, and whoever led to its place leads to it.

A string that begins with `$` is a JSONata expression; any other is itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from failover.step_catalogue import Retry

Content = Mapping[str, Any]
EXECUTION = "$states.context.Execution.Id"
ENTERED_AT = "$states.context.State.EnteredTime"
RESULT = "$states.result"
ACTIVE, STANDBY = "$lock.record.active", "$lock.standby"
END = "end"
"""The leg in which every execution ends."""


@dataclass(frozen=True)
class Catch:
    """Where errors lead; `is_told`: the outcome tells the failure."""

    errors: tuple[str, ...]
    to: str = END
    is_told: bool = True
    assign: Content = field(default_factory=dict)


def on(*errors: str, to: str = END, is_told: bool = True, assign: Content | None = None) -> Catch:
    return Catch(errors, to, is_told, assign or {})


def otherwise(to: str, *, is_told: bool = True) -> Catch:
    return Catch(("States.ALL",), to, is_told)


@dataclass(frozen=True)
class _Named:
    name: str
    comment: str | None
    to: str | None = None
    """A state or a leg; None: what comes next."""


@dataclass(frozen=True)
class Task(_Named):
    """A step of the catalogue; what this flow says differently of it replaces what the catalogue says."""

    arguments: Content = field(default_factory=dict)
    """Beside the execution, which every step is given."""
    assign: Content = field(default_factory=dict)
    retries: tuple[Retry, ...] | None = None
    catches: tuple[Catch, ...] = ()
    timeout: str | None = None


@dataclass(frozen=True)
class Pass(_Named):
    assign: Content = field(default_factory=dict)


@dataclass(frozen=True)
class Rule:
    condition: str
    to: str
    assign: Content


@dataclass(frozen=True)
class Choice(_Named):
    """The first rule whose condition holds decides, else `to`."""

    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True)
class Success(_Named):
    pass


@dataclass(frozen=True)
class Fail(_Named):
    error: str = ""
    cause: str = ""


State = Task | Pass | Choice | Success | Fail


@dataclass(frozen=True)
class Workflow:
    comment: str
    timeout_seconds: int
    legs: Mapping[str, Sequence[State]]


def step(
    name: str,
    arguments: Content | None = None,
    *,
    to: str | None = None,
    comment: str | None = None,
    assign: Content | None = None,
    catches: Sequence[Catch] = (),
    retries: Sequence[Retry] | None = None,
    timeout: str | None = None,
) -> Task:
    """A step of the catalogue. An error that no catch names is told, and leads to the end."""
    return Task(
        name, comment, to, arguments or {}, assign or {}, None if retries is None else tuple(retries),
        (*catches, *(() if catches and catches[-1].errors == ("States.ALL",) else (otherwise(END),))), timeout,
    )  # fmt: skip


def choice(name: str, comment: str, *rules: Rule, otherwise: str) -> Choice:
    return Choice(name, comment, otherwise, rules)


def when(condition: str, to: str, assign: Content | None = None) -> Rule:
    return Rule(condition, to, assign or {})


def begin(*, to: str | None = None, **variables: Any) -> Pass:
    return Pass(
        "Begin", "Nothing is known yet: every variable that a later state reads is given a value here.", to, variables,
    )  # fmt: skip


def wait_for_stop() -> Sequence[State]:
    """How a leg ends that moved the role."""
    return [
        choice(
            "IsStopAwaited",
            "A node that was isolated first may still be on: the users are served, now its stop is awaited.",
            when("$fenced != null and $fenced.isOff = false", "ConfirmStop"),
            otherwise=END,
        ),
        step(
            "ConfirmStop", {"fenced": "$fenced", "startedAt": ENTERED_AT},
            catches=[otherwise(END, is_told=False)], assign={"fenced": RESULT}, to=END,
        ),
    ]  # fmt: skip


def ending(outcome: Content) -> Sequence[State]:
    """The leg in which every execution ends, with what it tells RecordOutcome beside what all tell."""
    told = {"startedAt": "$states.context.Execution.StartTime"}
    told |= {name: f"${name}" for name in ("lock", "decision", "failure")}
    return [
        step("RecordOutcome", {**told, **outcome}, catches=[otherwise("OutcomeNotRecorded", is_told=False)]),
        choice(
            "IsDone", "An execution that could not do what was called for ends red in the console.",
            when("$states.input.outcome in ['Halted', 'Refused', 'Failed']", "NotDone"),
            otherwise="Done",
        ),
        Success("Done", "The outcome is the execution's output."),
        Fail(
            "NotDone", "The outcome is recorded and published; its name is the error, its reason the cause.",
            error="$states.input.outcome",
            cause="$states.input.reason & ' Next step: ' & $states.input.nextStep",
        ),
        Fail(
            "OutcomeNotRecorded", "RecordAbort, started by this execution's failure, records the outcome in its place.",
            error="OutcomeNotRecorded", cause="RecordOutcome failed; see its log.",
        ),
    ]  # fmt: skip
