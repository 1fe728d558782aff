"""Where the seconds of a drill go: per step, what the simulated world injects and what is the controller's own.

Own is everything that this product or its platform could do faster: cold starts, API calls one after the other, pauses
between looks. Not its own is what the scenario's world takes: a node that says nothing for the whole answer time-out,
a command on its way to a node, a load balancer that looks at its targets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from failover.step_catalogue import BY_STATE, STEPS

from statemachines.generate_workflows import resource_of
from testbed import scenarios
from testbed.cloud.recorder import API_CALLS_FILE
from testbed.judges.history import Call, Step
from testbed.judges.observer import read_calls
from testbed.run.bed import running_testbed
from testbed.run.drill import Result, run
from testbed.world.profiles import Profile, load_profile


@dataclass(frozen=True)
class Phase:
    """One state of the workflow, all its tries together."""

    step: str
    seconds: float
    injected: float
    tries: int
    calls: str
    """AWS API calls of its function while it lasted, in their order; equal ones next to each other are counted."""

    @property
    def own(self) -> float:
        return max(0.0, self.seconds - self.injected)


@dataclass(frozen=True)
class Drill:
    scenario: str
    profile: str
    result: Result
    phases: list[Phase]

    @property
    def own(self) -> float:
        """Seconds of the execution that are the controller's own, pauses between states among them."""
        return (self.result.controller_seconds or 0.0) - sum(min(each.injected, each.seconds) for each in self.phases)

    @property
    def detection(self) -> float:
        decisive = self.result.decisive
        assert decisive is not None
        return decisive.started_at - self.result.broken_at


def measure(scenario: str, profile_name: str, times: int) -> list[Drill]:
    """That many drills, each on a testbed of its own, so that every function starts cold. Raises RuntimeError."""
    drills = []
    for _ in range(times):
        profile = load_profile(profile_name)
        with running_testbed(profile, lambda _what: None) as bed:
            result = run(bed, scenarios.ALL[scenario])
            timeout = float(bed.pace.parameters.get("AnswerTimeoutSeconds", "10"))
            calls = list(read_calls(bed.world.directory / API_CALLS_FILE, bed.stack, result.broken_at))
        if not result.has_passed:
            raise RuntimeError(result.sentence())
        drills.append(Drill(scenario, profile_name, result, _phases(result, calls, profile, timeout)))
    return drills


def _phases(result: Result, calls: Sequence[Call], profile: Profile, answer_timeout: float) -> list[Phase]:
    assert result.decisive is not None
    is_anybody_silent = any("CancelCommand" in call.action for call in calls)
    injected = _injected(profile, answer_timeout if is_anybody_silent else 0.0)
    phases = []
    for state, steps in groupby(result.decisive.steps, key=lambda step: step.state):
        tries = [step for step in steps if step.ended_at is not None]
        if tries:
            phases.append(_phase(state, tries, calls, injected))
    return phases


def _phase(state: str, tries: Sequence[Step], calls: Sequence[Call], injected: Mapping[str, float]) -> Phase:
    last = tries[-1]
    assert last.ended_at is not None
    seconds = last.ended_at - tries[0].started_at
    # The load balancer's looks are over when the last try begins; how long they took is what came before it.
    waited = last.started_at - tries[0].started_at if state == "CheckTargets" else injected.get(state, 0.0)
    role = resource_of(BY_STATE[state]).removesuffix("Function") + "Role"
    own_calls = [
        call.action
        for call in calls
        if f"-{role}-" in call.caller and tries[0].started_at <= call.time <= last.ended_at
    ]
    counted = [(action, len(list(same))) for action, same in groupby(own_calls)]
    words = ", ".join(action if count == 1 else f"{count} {action}" for action, count in counted)
    return Phase(state, seconds, waited, len(tries), words)


def _injected(profile: Profile, answer_timeout: float) -> dict[str, float]:
    """What the profile makes each step take at least; `answer_timeout` is what a silent node makes it wait."""
    command = sum(profile.command_delivery_seconds) / 2
    orders = {step.state: command for step in STEPS if step.orders_node}
    # A fence by isolation, the default, waits for the standby's look and for no stop.
    return orders | {"AssessCluster": max(answer_timeout, command), "FenceNode": command}
