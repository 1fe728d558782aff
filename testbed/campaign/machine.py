"""Random walks by hypothesis, which shrinks one that broke a promise to its shortest form."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from testbed.campaign.case import End
from testbed.campaign.install import Controller
from testbed.campaign.walk import HOSTS, SERVICES, TROUBLES, Act, Walk

_STEPS = 14
_PERIODS = some.sampled_from([0.3, 1.0, 5.0, 20.0, 61.0, 130.0])


@dataclass(frozen=True)
class Walked:
    """A walk that came to its end."""

    end: End
    why_idle: str
    last_word: str
    acts: tuple[Act, ...]


class BrokenPromiseError(AssertionError):
    """A walk that broke a promise; `acts` is its shortest form."""

    def __init__(self, acts: list[Act], broken: list[str]) -> None:
        super().__init__("\n".join([*broken, "acts:", *(f"    {act!r}," for act in acts)]))
        self.acts, self.broken = acts, broken


def walk_machine(controller: Controller, ends: list[Walked]) -> type[RuleBasedStateMachine]:  # noqa: C901
    """The machine whose walks go through worlds of this controller; how each ended is added to `ends`."""
    states = sorted(
        {state for machine in controller.stack.state_machines.values() for state in machine.definition["States"]}
    )
    workflows = sorted({machine.name.rpartition("-")[2] for machine in controller.stack.state_machines.values()})

    class WalkMachine(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.walk = Walk(controller, "walk")

        @rule(seconds=_PERIODS)
        def wait(self, seconds: float) -> None:
            self.walk.act("wait", seconds)

        @precondition(lambda self: self.walk.world.engine.executions())
        @rule(state=some.sampled_from(states), seconds=some.sampled_from([0.02, 0.3, 0.9, 2.0]))
        def wait_for_state(self, state: str, seconds: float) -> None:
            self.walk.act("wait_for_state", state, seconds)

        @rule(host=some.sampled_from(HOSTS), what=some.sampled_from(TROUBLES))
        def trouble(self, host: str, what: str) -> None:
            self.walk.act("trouble", host, what)

        @rule(table=some.sampled_from(["rtb-0a", "rtb-0b"]), interface=some.sampled_from(["eni-0a", "eni-0b"]))
        def drift_route(self, table: str, interface: str) -> None:
            self.walk.act("drift_route", table, interface)

        @rule(workflow=some.sampled_from(workflows))
        def start(self, workflow: str) -> None:
            self.walk.act("start", workflow, {})

        @precondition(lambda self: self.walk.world.engine.running())
        @rule()
        def stop_execution(self) -> None:
            self.walk.act("stop_execution")

        @rule(service=some.sampled_from(SERVICES), seconds=some.sampled_from([2.0, 60.0]))
        def throttle(self, service: str, seconds: float) -> None:
            self.walk.act("throttle", service, seconds)

        @rule(seconds=some.sampled_from([10.0, 60.0]))
        def lose_control_plane(self, seconds: float) -> None:
            self.walk.act("lose_control_plane", seconds)

        @rule(seconds=some.sampled_from([30.0, 120.0]))
        def fall_behind(self, seconds: float) -> None:
            self.walk.act("fall_behind", seconds)

        @rule(seconds=some.sampled_from([10.0, 25.0, 45.0]))
        def freeze_next_change(self, seconds: float) -> None:
            self.walk.act("freeze_next_change", seconds)

        @rule(seconds=some.sampled_from([10.0, 28.0, 50.0]))
        def delay_next_command(self, seconds: float) -> None:
            self.walk.act("delay_next_command", seconds)

        @rule(count=some.integers(1, 3))
        def kill_next_functions(self, count: int) -> None:
            self.walk.act("kill_next_functions", count)

        @invariant()
        def keeps_its_promises(self) -> None:
            if self.walk.broken:
                raise BrokenPromiseError(
                    self.walk.acts, [f"promise {one.promise}: {one.what}" for one in self.walk.broken]
                )

        def teardown(self) -> None:
            try:
                if not self.walk.broken:
                    end = self.walk.finish()
                    ends.append(Walked(end, self.walk.why_idle, self.walk.last_word, tuple(self.walk.acts)))
                    self.keeps_its_promises()
            finally:
                self.walk.end()

    return WalkMachine


def run_walks(controller: Controller, count: int, first_seed: int) -> tuple[list[Walked], BrokenPromiseError | None]:
    """How so many random walks ended, and the shortest that broke a promise, if one did."""
    ends: list[Walked] = []
    machine = walk_machine(controller, ends)
    limits = settings(
        max_examples=count, stateful_step_count=_STEPS, deadline=None, database=None,
        suppress_health_check=list(HealthCheck), verbosity=Verbosity.quiet, phases=(Phase.generate, Phase.shrink),
    )  # fmt: skip
    try:
        run_state_machine_as_test(seed(first_seed)(machine), settings=limits)
    except BrokenPromiseError as error:
        return ends, error
    return ends, None
