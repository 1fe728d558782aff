"""Random walks: whatever may happen to the cluster, in any order, with the observer watching.

A walk is a list of acts by name, so that one that broke a promise can be kept as a scenario of its own
(testbed/campaign/regressions.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from testbed.campaign.apis import READS, Command
from testbed.campaign.case import End, is_in_order, look_at_idleness, operate, settle
from testbed.campaign.engine import Invocation, Json
from testbed.campaign.faults import Fault, throttle
from testbed.campaign.install import Controller
from testbed.campaign.observer import Broken
from testbed.campaign.wire import Call
from testbed.campaign.world import World
from testbed.cluster.node import Weakness

Act = tuple[Any, ...]

HOSTS = ("db-01", "db-02")
TROUBLES = (
    "lose_power", "gain_power", "reboot", "hang", "wake", "lose_eth0", "lose_eth1", "lose_network", "regain_network",
    "lose_aws_path", "crash_database", "break_database", "break_mount", "break_unmount", "mend", "stop_instance",
    "start_instance",
)  # fmt: skip
SERVICES = ("ec2", "ssm", "dynamodb", "cloudwatch", "elbv2", "sns", "stepfunctions")


class Weather(Fault):
    """What is wrong with AWS for a while."""

    def __init__(self) -> None:
        super().__init__()
        self._throttled: dict[str, float] = {}
        self._gone_until = 0.0
        self._behind_until = 0.0
        self._kills = 0
        self._freeze_seconds = 0.0
        self._delay_seconds = 0.0

    def freeze_next_change(self, seconds: float) -> None:
        """The function that makes the next changing call stands still right before it."""
        self._freeze_seconds = seconds

    def delay_next_command(self, seconds: float) -> None:
        """The agent of a node takes the next command so much later."""
        self._delay_seconds = seconds

    def throttle(self, service: str, seconds: float) -> None:
        self._throttled[service] = self.world.loop.now + seconds

    def lose_control_plane(self, seconds: float) -> None:
        self._gone_until = self.world.loop.now + seconds

    def fall_behind(self, seconds: float) -> None:
        self._behind_until = self.world.loop.now + seconds

    def kill_next_functions(self, count: int) -> None:
        self._kills = count

    def on_command(self, command: Command, perform: Callable[[], None]) -> None:
        seconds, self._delay_seconds = self._delay_seconds, 0.0
        self.world.loop.sleep(seconds)
        perform()

    def on_call(self, call: Call, perform: Callable[[], Json]) -> Json:
        if call.name not in READS and self._freeze_seconds:
            seconds, self._freeze_seconds = self._freeze_seconds, 0.0
            self.world.loop.sleep(seconds)
        now = self.world.loop.now
        if now < self._gone_until:
            raise call.connect_timeout()
        if now < self._throttled.get(call.service, 0.0):
            raise throttle(call)
        if now >= self._behind_until:
            return perform()
        self.world.apis.seconds_behind = 20.0
        try:
            return perform()
        finally:
            self.world.apis.seconds_behind = 0.0

    def on_step(self, invocation: Invocation, perform: Callable[[], Any]) -> Any:
        if self._kills and invocation.task is not None:
            self._kills -= 1
            self.world.loop.spawn(invocation.task.kill, "kill", after=0.28)
        return perform()


class Walk:
    """A world, and what is done to it."""

    def __init__(self, controller: Controller, seed: str, *, is_logged: bool = False) -> None:
        controller.deploy({})
        self.world = World(controller.stack, controller.handlers, controller.clients, seed, is_logged=is_logged)
        self.acts: list[Act] = []
        self.why_idle = ""
        """Why the pair did not serve in the end although it could have."""
        self.last_word = ""
        """And in what state it was."""
        self.outcome: End | None = None
        """How it ended."""
        self._weather = Weather()
        self._weather.begin(self.world)
        self.world.faults = [self._weather]
        self.world.run(20.0)

    def act(self, name: str, *arguments: Any) -> None:
        """Does one thing, and lets a moment pass."""
        self.acts.append((name, *arguments))
        self.world.log(f"ACT {name} {' '.join(map(str, arguments))}".rstrip())
        getattr(self, f"_{name}")(*arguments)

    @property
    def broken(self) -> list[Broken]:
        return self.world.observer.broken

    def finish(self) -> End:
        """The faults stop, and in the end an operator brings the cluster in order."""
        world = self.world
        world.faults = []
        settle(world)
        is_restored = is_in_order(world)
        if not is_restored:
            self.why_idle, self.last_word = look_at_idleness(world)
            for host in world.hosts.values():
                host.weakness = Weakness()
            operate(world)
        world.observer.judge_the_end()
        self.outcome = End.BROKEN if self.broken else End.SURVIVED if is_restored else End.HALTED
        return self.outcome

    def end(self) -> None:
        self.world.end()

    # --- what can be done

    def _wait(self, seconds: float) -> None:
        self.world.run(seconds)

    def _wait_for_state(self, state: str, seconds: float) -> None:
        """Until an execution enters it, so that what comes next comes at a bad moment."""
        seen = len(self.world.states)
        self.world.run(240.0, until=lambda: any(one == state for _, one in self.world.states[seen:]))
        self.world.run(seconds)

    def _trouble(self, name: str, what: str) -> None:  # noqa: C901
        host = self.world.hosts[name]
        match what:
            case "lose_power" if host.is_on:
                host.lose_power()
            case "gain_power" if host.instance_state.get() == "running":
                host.gain_power()
            case "reboot" if host.is_on and host.instance_state.get() == "running":
                host.reboot()
            case "hang" if host.is_on:
                host.change("hangs", is_hung=True)
            case "wake" if host.is_on:
                host.change("wakes up", is_hung=False)
            case "lose_eth0":
                host.change("its eth0 goes down", eth0_up=False)
            case "lose_eth1":
                host.change("its eth1 goes down", eth1_up=False)
            case "lose_network":
                host.change("both its interfaces go down", eth0_up=False, eth1_up=False)
            case "regain_network":
                host.change("its interfaces come up", eth0_up=True, eth1_up=True, aws_path_up=True)
            case "lose_aws_path":
                host.change("loses its path to AWS", aws_path_up=False)
            case "crash_database" if host.is_database_up:
                host.change("its database crashes", is_database_up=False)
            case "break_database":
                host.weakness.does_database_start = False
            case "break_mount":
                host.weakness.does_volume_mount = False
            case "break_unmount":
                host.weakness.does_volume_unmount = False
            case "mend":
                host.weakness = Weakness()
            case "stop_instance":
                host.stop_instance(skips_shutdown=True)
            case "start_instance":
                host.start_instance()

    def _drift_route(self, table: str, interface: str) -> None:
        self.world.set_route(table, interface)

    def _start(self, workflow: str, given: Mapping[str, Any]) -> None:
        if given.get("acceptDataLoss") is True:
            self.world.is_data_loss_accepted = True
        machine = self.world.engine.machine(workflow)
        self.world.do(lambda: self.world.engine.start(machine.arn, dict(given)), "operator")

    def _stop_execution(self) -> None:
        running = [execution["executionArn"] for execution in self.world.engine.running()]
        if running:
            self.world.do(lambda: self.world.engine.stop(running[0], "stopped by an operator"))

    def _freeze_next_change(self, seconds: float) -> None:
        self._weather.freeze_next_change(seconds)

    def _delay_next_command(self, seconds: float) -> None:
        self._weather.delay_next_command(seconds)

    def _throttle(self, service: str, seconds: float) -> None:
        self._weather.throttle(service, seconds)

    def _lose_control_plane(self, seconds: float) -> None:
        self._weather.lose_control_plane(seconds)

    def _fall_behind(self, seconds: float) -> None:
        self._weather.fall_behind(seconds)

    def _kill_next_functions(self, count: int) -> None:
        self._weather.kill_next_functions(count)


def run_walk(controller: Controller, acts: Iterable[Act], seed: str, *, is_logged: bool = False) -> Walk:
    """Does the acts, to the end."""
    walk = Walk(controller, seed, is_logged=is_logged)
    try:
        for act in acts:
            walk.act(*act)
        walk.finish()
    finally:
        walk.end()
    return walk
