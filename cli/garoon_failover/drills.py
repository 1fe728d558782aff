"""Drills on a real installation: something is broken, the controller deals with it, and everything is brought back.

What EC2 can do is done with the caller's own rights. What only a shell on the node can do is asked of whoever runs the
drill: no right to run any command on the database servers is needed here, or given to anybody.
"""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event, Lock, Thread
from typing import NamedTuple

from failover.adapters import cluster_table, instances, routes
from failover.adapters.clients import client, translate_errors
from failover.adapters.execution_history import Execution
from failover.asking import ask
from failover.errors import CloudUnavailable, Failed
from failover.models import InstanceState, OutcomeKind, Unknown, Workflow
from failover.settings import FenceMethod, Node

from garoon_failover import operate
from garoon_failover.installation import Installation
from garoon_failover.verification import PAUSE_SECONDS, Line, ask_readiness, failovers, wait_for_end, wait_for_new

BY_HAND_SECONDS = 600
"""How long it is waited for somebody to break what only a shell can break, and for the controller to see it."""
EXECUTION_SECONDS = 3600
"""The longest workflow waits 55 minutes for a replica to catch up."""
READY_SECONDS = 600
"""Readiness comes back with the next looks of the alarms and of the load balancer."""
STOP_SECONDS = 600
LONGEST_FENCE_SECONDS = 60
"""With isolation a fence waits for no stop."""

Tell = Callable[[str], None]


class Drill(NamedTuple):
    title: str
    run: Callable[[_Stage], Iterator[Line]]
    needs_automatic_failover: bool = False
    """Which does not come while MinimumFailoverInterval of an earlier one runs."""


# --- the user -------------------------------------------------------------------------------------------------------

PROBE_EVERY_SECONDS = 0.5
PROBE_TIMEOUT_SECONDS = 5.0
_PROBES_AT_ONCE = 16


class Probe:
    """Fetches a page twice a second, as a user would, and knows when it could not."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = Lock()
        self._visits: list[tuple[float, float, bool]] = []
        self._is_over = Event()

    @contextmanager
    def running(self) -> Iterator[None]:
        thread = Thread(target=self._fetch_all)
        thread.start()
        try:
            yield
        finally:
            self._is_over.set()
            thread.join()

    def outages(self) -> list[float]:
        """Seconds of each: from the first fetch that failed to the end of the first good one begun after it."""
        with self._lock:
            visits = sorted(self._visits)
        return outages_of(visits)

    def fetch(self) -> bool:
        """Whether the page comes, as it should."""
        try:
            with urllib.request.urlopen(self._url, timeout=PROBE_TIMEOUT_SECONDS) as answer:  # noqa: S310 -- http(s), see verify
                return bool(answer.status < 400)
        except (urllib.error.URLError, OSError, ValueError):
            return False

    def _fetch_all(self) -> None:
        with ThreadPoolExecutor(max_workers=_PROBES_AT_ONCE) as pool:
            while not self._is_over.wait(PROBE_EVERY_SECONDS):
                pool.submit(self._visit)

    def _visit(self) -> None:
        started_at = time.monotonic()
        is_good = self.fetch()
        with self._lock:
            self._visits.append((started_at, time.monotonic(), is_good))


def outages_of(visits: list[tuple[float, float, bool]]) -> list[float]:
    """Of visits in the order in which they began, each with begin, end, and whether it was good."""
    outages: list[float] = []
    began: float | None = None
    for started_at, ended_at, is_good in visits:
        if not is_good and began is None:
            began = started_at
        elif is_good and began is not None:
            outages.append(ended_at - began)
            began = None
    if began is not None:
        outages.append(visits[-1][1] - began)
    return outages


# --- what a drill does ------------------------------------------------------------------------------------------------


def _line(what: str, expected: str, seen: str, evidence: str, *, is_as_expected: bool) -> Line:
    return Line(what=what, expected=expected, seen=seen, evidence=evidence, is_as_expected=is_as_expected)


class _Stage:
    """The installation during one drill."""

    def __init__(self, found: Installation, probe: Probe | None, tell: Tell) -> None:
        self.found, self.probe, self.tell = found, probe, tell
        self.settings = found.settings
        self.active = self.settings.node(cluster_table.read_record(self.settings).active)
        self.standby = self.settings.peer_of(self.active.name)

    def run_workflow(self, workflow: Workflow, given: dict[str, str]) -> Execution:
        """To its end, with an operator's input."""
        self.tell(f"The workflow {workflow} is started.")
        arn = _start(self.found.state_machine_arn(workflow), {"reason": "garoon-failover verify", **given})
        return wait_for_end(arn, EXECUTION_SECONDS, self.tell)

    def wait_for_trouble(self, earlier: set[str], wanted: OutcomeKind) -> tuple[Execution | None, float]:
        """The execution that dealt with it, and after how many seconds it began. A look that found nothing is none."""
        began_at = time.monotonic()
        seen = set(earlier)
        last: Execution | None = None
        while time.monotonic() < began_at + BY_HAND_SECONDS:
            arn = wait_for_new(self.found, seen, BY_HAND_SECONDS - (time.monotonic() - began_at))
            if arn is None:
                break
            seconds = time.monotonic() - began_at
            last = wait_for_end(arn, EXECUTION_SECONDS, self.tell)
            seen.add(arn)
            self.tell(f"The execution {last.name} ended with {last.came_to}.")
            if last.came_to == wanted:
                return last, seconds
        return last, time.monotonic() - began_at

    def ended(self, what: str, wanted: OutcomeKind, execution: Execution | None) -> Line:
        got = execution.came_to if execution else "no execution began"
        reason = execution.outcome.reason if execution and execution.outcome else ""
        return _line(
            what,
            f"outcome {wanted}",
            f"{got}: {reason}" if reason else str(got),
            f"execution {execution.name}" if execution else "the failover workflow's executions",
            is_as_expected=got == wanted,
        )

    def roles(self, active: Node) -> Line:
        """Who the record and the routes say is active."""
        record = cluster_table.read_record(self.settings)
        entries = routes.read_entries(self.settings)
        wrong = [entry.route_table_id for entry in entries if not entry.points_to(active)]
        return _line(
            f"{active.name} is active",
            f"the record names it, and all {len(entries)} routes lead to it",
            f"active is {record.active}" + (f"; {', '.join(wrong)} lead elsewhere" if wrong else "; all lead to it"),
            "cluster record, EC2 DescribeRouteTables",
            is_as_expected=record.active == active.name and not wrong,
        )

    def ready_again(self) -> Line:
        deadline = time.monotonic() + READY_SECONDS
        self.tell("Waiting until a failover would work again.")
        while time.monotonic() < deadline:
            said = ask(ask_readiness, self.found)
            if not isinstance(said, Unknown) and said.is_ready:
                break
            time.sleep(PAUSE_SECONDS)
        is_ready = not isinstance(said, Unknown) and said.is_ready
        return _line(
            "everything is back", "ready", said.why if isinstance(said, Unknown) else said.summary,
            "the function check-readiness", is_as_expected=is_ready,
        )  # fmt: skip

    def home_again(self) -> Iterator[Line]:
        """The node that was active is brought back, and active again."""
        execution = self.run_workflow("switchback", {"target": self.active.name})
        yield self.ended("it rejoins, and the role moves back", OutcomeKind.SWITCHED_OVER, execution)
        if execution.outcome and execution.outcome.outage_seconds is not None:
            yield _line(
                "the planned move's outage", "told", f"{execution.outcome.outage_seconds:.1f} s",
                f"execution {execution.name}", is_as_expected=True,
            )  # fmt: skip
        yield self.roles(self.active)

    def user(self) -> Iterator[Line]:
        """How long users were away, and that they are no longer."""
        if self.probe is None:
            return
        outages = ", ".join(f"{one:.1f} s" for one in self.probe.outages())
        does_come = self.probe.fetch()
        yield _line(
            "users are served", "the page comes",
            f"it comes; it was away {outages or 'never'}" if does_come else "it does not come",
            "--probe-url, fetched twice a second", is_as_expected=does_come,
        )  # fmt: skip


_start = translate_errors(operate.start)


@translate_errors
def _stop_instance(node: Node) -> None:
    client("ec2").stop_instances(InstanceIds=[node.instance_id])


# --- the drills -------------------------------------------------------------------------------------------------------


def _network_loss(stage: _Stage) -> Iterator[Line]:
    earlier = failovers(stage.found)
    stage.tell(
        f"On {stage.active.name} ({stage.active.instance_id}), now, as root; a boot undoes it:\n"
        "    nohup sh -c 'sleep 2; ip link set eth1 down; ip link set eth0 down' >/dev/null 2>&1 &"
    )
    yield from _fail_over(stage, earlier)


def _stop(stage: _Stage) -> Iterator[Line]:
    earlier = failovers(stage.found)
    stage.tell(f"The instance of {stage.active.name} is stopped.")
    _stop_instance(stage.active)
    yield from _fail_over(stage, earlier)


def _fail_over(stage: _Stage, earlier: set[str]) -> Iterator[Line]:
    execution, seconds = stage.wait_for_trouble(earlier, OutcomeKind.FAILED_OVER)
    ended = stage.ended("the failover", OutcomeKind.FAILED_OVER, execution)
    yield ended
    if execution is None or not ended.is_as_expected:
        stage.tell("The role did not move, so nothing is moved back. See garoon-failover status.")
        return
    yield _line(
        "it was seen", "an execution begins", f"{seconds:.0f} s after the drill began to wait",
        "the failover workflow's executions", is_as_expected=True,
    )  # fmt: skip
    yield from _fence(stage, execution)
    yield stage.roles(stage.standby)
    yield from stage.home_again()


def _fence(stage: _Stage, execution: Execution) -> Iterator[Line]:
    steps = [step for step in execution.steps if step.name == "FenceNode"]
    if not steps or stage.settings.fence_method is not FenceMethod.ISOLATE_AND_STOP:
        return
    seconds = sum(step.seconds or 0 for step in steps)
    reason = execution.outcome.reason if execution.outcome else ""
    yield _line(
        "the rights to isolate",
        f"it is not fenced by its stop alone, and FenceNode takes less than {LONGEST_FENCE_SECONDS} s",
        f"FenceNode took {seconds:.1f} s. {reason}",
        f"execution {execution.name}",
        is_as_expected="fenced by its stop alone" not in reason and seconds < LONGEST_FENCE_SECONDS,
    )


def _service(stage: _Stage) -> Iterator[Line]:
    earlier = failovers(stage.found)
    stage.tell(f"On {stage.active.name} ({stage.active.instance_id}), now, as root:\n    /etc/init.d/cyss_cbgrn stop")
    execution, _seconds = stage.wait_for_trouble(earlier, OutcomeKind.SERVICES_RESTARTED)
    yield stage.ended("the service is restarted where it is", OutcomeKind.SERVICES_RESTARTED, execution)
    yield stage.roles(stage.active)


def _switchback(stage: _Stage) -> Iterator[Line]:
    execution = stage.run_workflow("switchback", {"target": stage.standby.name})
    ended = stage.ended("the role moves", OutcomeKind.SWITCHED_OVER, execution)
    yield ended
    if not ended.is_as_expected:
        stage.tell("The role did not move, so nothing is moved back. See garoon-failover status.")
        return
    yield stage.roles(stage.standby)
    yield from stage.home_again()


def _rejoin(stage: _Stage) -> Iterator[Line]:
    stage.tell(f"The instance of {stage.standby.name}, the standby, is stopped.")
    _stop_instance(stage.standby)
    deadline = time.monotonic() + STOP_SECONDS
    while (state := instances.read_instance(stage.standby)[0]) is not InstanceState.OFF:
        if time.monotonic() > deadline:
            raise Failed(f"The instance of {stage.standby.name} is still {state} after {STOP_SECONDS} s.")
        time.sleep(PAUSE_SECONDS)
    yield stage.ended("it is brought back", OutcomeKind.REJOINED, stage.run_workflow("rejoin", {}))
    yield stage.roles(stage.active)


DRILLS = {
    "network-loss": Drill("Both network interfaces of the active node go down, by your hand.", _network_loss, True),
    "stop": Drill("The active node's instance is stopped.", _stop, True),
    "service": Drill("A service of the active node ends, by your hand.", _service),
    "switchback": Drill("The role moves to the standby, and back.", _switchback),
    "rejoin": Drill("The standby's instance is stopped, and brought back.", _rejoin),
}


def run_drill(name: str, found: Installation, probe: Probe | None, tell: Tell) -> Iterator[Line]:
    """Each line as it is known. Whatever comes of it, the last lines say how things stand."""
    stage = _Stage(found, probe, tell)
    try:
        yield from DRILLS[name].run(stage)
    except (CloudUnavailable, Failed) as error:
        yield _line("the drill", "it comes to its end", str(error), "this command", is_as_expected=False)
    yield stage.ready_again()
    yield from stage.user()
