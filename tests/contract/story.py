"""What a story of a node is made of, how an arm takes part in it, and how it is judged line by line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, Protocol, get_args

from failover.node_answers import VerbResult

from testbed.cluster.node import PLAIN, Promotion
from testbed.cluster.report import RESULTS, NodeState, Sight

NAMES = ("db-01", "db-02")

LOOKS = ("status", "probe")
ORDERS = ("promote", "start", "restart", "stop", "demote", "reconnect", "rejoin")
VERBS = (*LOOKS, *ORDERS)

Event = Literal[
    "loses power",
    "boots",
    "loses its link",
    "finds its link again",
    "is outdated",
    "begins a long resync",
    "loses its database",
    "can't start its database",
    "has a database that recovers",
    "can't mount its volume",
    "can't see its replica",
    "is at work on an earlier order",
    "is well again",
]
"""What happens to a node, beside orders. A node that boots has done so when the line ends."""

EVENTS: tuple[Event, ...] = get_args(Event)

_NO_PROMISE = (
    "instance_id",
    "version",
    "answering_version",
    "booted_at",
    "clock",
    "sync_percent",
    "agent",
    "unwritable",
)
"""Fields of a status that differ from node to node, and from moment to moment."""
_IN_FLUX = ("link", "data", "protocol", "does_nfs_answer")
"""What may still be on its way when a verb ends that changes the link: it is looked at when the pair is at rest."""
_BEGUN = ("database", "does_database_answer", "is_exported", "has_virtual_ip")
"""What a promotion begins and does not wait for."""
STATE_FIELDS = tuple(each.name for each in fields(NodeState) if each.name not in (*_NO_PROMISE, "node"))

Change = Mapping[str, Any] | None
"""How a node's state differs from what it was; None for a node that is off from here on."""

STANDBY: dict[str, Any] = {
    "role": "secondary", "is_mounted": False, "is_writable": False, "database": "stopped", "scheduler": "stopped",
    "does_database_answer": False, "is_exported": False, "has_virtual_ip": False, "is_serving": False,
}  # fmt: skip
PROMOTED: dict[str, Any] = STANDBY | {"role": "primary", "is_mounted": True, "is_writable": True, "word": "active"}
SERVING: dict[str, Any] = PROMOTED | {
    "database": "running", "scheduler": "running", "does_database_answer": True, "is_exported": True,
    "has_virtual_ip": True, "is_serving": True,
}  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """What came back of an order: the script's exit code and the object that it printed."""

    exit_code: int
    report: Mapping[str, Any]


class Arm(Protocol):
    """Somebody who stands for the pair of nodes: in sync and without a role when a story begins."""

    @property
    def name(self) -> str: ...

    @property
    def lacks(self) -> Mapping[str, str]:
        """Fields of the status that say nothing on this arm, each with the reason."""

    @property
    def cannot(self) -> Mapping[str, str]:
        """Verbs and events that this arm doesn't have, each with the reason."""

    def obey(self, node: str, verb: str, epoch: int, expires_in: int | None, promotion: Promotion = PLAIN) -> Answer:
        """A verb on a node that is on. `expires_in` are seconds from the node's now; None: it does not expire."""

    def happen(self, node: str, event: Event) -> None: ...

    def crash(self, node: str, verb: str, epoch: int, is_moment: Callable[[NodeState], bool]) -> None:
        """The node loses its power while the verb works, at the moment when its state is so; then it boots."""

    def rest(self, is_at_rest: Callable[[], bool]) -> None:
        """Lets time pass until that is so, or as long as it may take on this arm; asks at least once."""


@dataclass(frozen=True)
class Order:
    """A verb, what its code is to be, and what is true then."""

    node: str
    verb: str
    code: str = "done"
    epoch: int = 1
    expires_in: int | None = 100
    promotion: Promotion = PLAIN
    sight: Mapping[str, Any] = field(default_factory=dict)
    """Of a probe: what it says."""
    first: Change = field(default_factory=dict)
    second: Change = field(default_factory=dict)

    @property
    def needs(self) -> str:
        return f"{self.verb} and start" if self.promotion.and_start else self.verb

    @property
    def is_obeyed(self) -> bool:
        """As far as it can be: the node has not refused it for its epoch, its time, or an order before it."""
        return self.code not in ("stale_epoch", "expired", "busy")

    def perform(self, arm: Arm, expected: Expected, seen: dict[str, NodeState]) -> list[str]:
        answer = arm.obey(self.node, self.verb, self.epoch, self.expires_in, self.promotion)
        result, exit_code = RESULTS[self.code]
        said = VerbResult.model_validate(answer.report)  # the controller understands it
        problems = _differences(
            {"exit code": answer.exit_code, "verb": said.verb, "result": said.result, "code": said.code},
            {"exit code": exit_code, "verb": self.verb, "result": result, "code": self.code},
        )
        if not said.message.strip():
            problems.append("it says nothing")
        status, probe = answer.report["status"], answer.report["probe"]
        if self.verb == "probe":
            sight = {} if probe is None else vars(Sight.from_json(probe))
            return problems + _differences(sight, {"peer": NAMES[1 - NAMES.index(self.node)], **self.sight})
        if self.is_obeyed != (status is not None):
            problems.append(f"it ends {'without' if self.is_obeyed else 'with'} a look at the node")
        if status is not None:
            seen[self.node] = NodeState.from_json(status)
            without: tuple[str, ...] = _IN_FLUX if expected.has_link_changed else ()
            without += _BEGUN if self.promotion.and_start else ()
            problems += _wrong_parts(seen[self.node], expected.on[self.node], arm, without)
        return problems

    def __str__(self) -> str:
        extras = [f"epoch {self.epoch}"] if self.verb in ORDERS else []
        extras += [f"as {self.promotion}"] if self.promotion != PLAIN else []
        extras += [] if self.expires_in == 100 else [f"which expires in {self.expires_in} s"]
        return f"{self.node} is told to {self.verb}, {', '.join(extras) or 'a look'}"


@dataclass(frozen=True)
class Happening:
    """An event, and what is true then."""

    node: str
    event: Event
    first: Change = field(default_factory=dict)
    second: Change = field(default_factory=dict)

    @property
    def needs(self) -> str:
        return self.event

    def perform(self, arm: Arm, expected: Expected, seen: dict[str, NodeState]) -> list[str]:
        arm.happen(self.node, self.event)
        return []

    def __str__(self) -> str:
        return f"{self.node} {self.event}"


@dataclass(frozen=True)
class Crash:
    """The node dies in the middle of a verb and boots, and what is true then."""

    node: str
    verb: str
    moment: Mapping[str, Any]
    """The state at which it dies, as far as it is named."""
    epoch: int = 1
    first: Change = field(default_factory=dict)
    second: Change = field(default_factory=dict)

    @property
    def needs(self) -> str:
        return f"dies in the middle of {self.verb}"

    def perform(self, arm: Arm, expected: Expected, seen: dict[str, NodeState]) -> list[str]:
        def is_moment(state: NodeState) -> bool:
            return all(getattr(state, name) == value for name, value in self.moment.items())

        arm.crash(self.node, self.verb, self.epoch, is_moment)
        return []

    def __str__(self) -> str:
        return f"{self.node} dies in the middle of {self.verb}, when {self.moment}"


Line = Order | Happening | Crash


@dataclass(frozen=True)
class Story:
    """Lines that are told one after the other, on a pair that is in sync and of which no node has a role."""

    name: str
    lines: tuple[Line, ...]

    @property
    def needs(self) -> frozenset[str]:
        return frozenset(line.needs for line in self.lines)


def why_not(story: Story, cannot: Mapping[str, str]) -> str | None:
    """Why an arm that can't do that can't take part in the story; None when it can."""
    return next((f"{need}: {cannot[need]}" for need in sorted(story.needs) if need in cannot), None)


class Expected:
    """How the pair is to be: what each node says of itself, and which is off."""

    def __init__(self) -> None:
        self.states = {name: NodeState(node=name) for name in NAMES}
        self.off: set[str] = set()
        self.has_link_changed = False

    @property
    def on(self) -> dict[str, NodeState]:
        return {name: state for name, state in self.states.items() if name not in self.off}

    def follow(self, line: Line) -> None:
        """From here on it is as after that line."""
        before = dict(self.states)
        for name, change in zip(NAMES, (line.first, line.second), strict=True):
            if change is None:
                self.off.add(name)
            else:
                self.states[name] = replace(self.states[name], **change)
        if isinstance(line, Happening) and line.event == "boots":
            self.off.remove(line.node)
        if isinstance(line, Crash) or (isinstance(line, Order) and line.verb in ORDERS and line.is_obeyed):
            ordered = self.states[line.node]
            self.states[line.node] = replace(ordered, epoch=max(ordered.epoch, line.epoch))
        on = self.on
        self.states |= {name: _with_protocol(state) for name, state in on.items()}
        self.has_link_changed = any(before[name].link != state.link for name, state in on.items())


def wrong_at_start(story: Story, arm: Arm) -> list[str]:
    """What keeps the pair from being as every story begins with it, once it has come to rest."""
    return [f"{arm.name}: {story.name}, before line 1: {problem}" for problem in _wrong_states(arm, Expected(), {})]


def play(story: Story, arm: Arm) -> list[str]:
    """What the arm did otherwise than the story has it, as sentences; it ends with the first line that differs."""
    expected = Expected()
    for number, line in enumerate(story.lines, start=1):
        expected.follow(line)
        seen: dict[str, NodeState] = {}
        problems = line.perform(arm, expected, seen)
        if not problems:
            problems = _wrong_states(arm, expected, seen)
        if problems:
            return [f"{arm.name}: {story.name}, line {number}: {line}: {problem}" for problem in problems]
    return []


def _wrong_states(arm: Arm, expected: Expected, seen: Mapping[str, NodeState]) -> list[str]:
    """Of a pair that has come to rest; what the line itself has shown to be as expected need not be asked again."""
    open_questions = {
        name: state for name, state in expected.on.items() if name not in seen or _wrong_parts(seen[name], state, arm)
    }
    problems: list[str] = []

    def is_at_rest() -> bool:
        problems.clear()
        for name, state in open_questions.items():
            report = arm.obey(name, "status", 0, None).report
            wrong = _wrong_parts(NodeState.from_json(report["status"]), state, arm)
            problems.extend(f"then, {name}: {problem}" for problem in wrong)
        return not problems

    arm.rest(is_at_rest)
    return problems


def _with_protocol(state: NodeState) -> NodeState:
    """There is one while there is a peer, or the wish for one."""
    return replace(state, protocol=None if state.link in ("apart", "unknown") else "C")


def _wrong_parts(seen: NodeState, expected: NodeState, arm: Arm, without: tuple[str, ...] = ()) -> list[str]:
    names = ["node", *(name for name in STATE_FIELDS if name not in arm.lacks and name not in without)]
    return _differences(
        {name: getattr(seen, name) for name in names}, {name: getattr(expected, name) for name in names}
    )


def _differences(seen: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
    return [
        f"{name} is {seen.get(name)!r}, not {value!r}" for name, value in expected.items() if seen.get(name) != value
    ]
