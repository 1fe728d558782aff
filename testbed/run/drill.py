"""Runs one scenario on a testbed: break something, watch, wait for the end, judge."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from testbed.garoon.installation import HOME, read_network_acls
from testbed.garoon.user import Outage, User, find_outages
from testbed.hosts import HostError
from testbed.hosts.layout import host_files
from testbed.judges import oracle, timeline
from testbed.judges.history import Call, Execution, History, Repeat, Sample, Snapshot
from testbed.judges.observer import Observer, read_calls, read_discards, read_snapshots
from testbed.judges.phases import measure_phases
from testbed.judges.timeline import Moment
from testbed.run.bed import Testbed
from testbed.run.view import Picture, View
from testbed.scenarios.scenario import Fence, Scenario, Service
from testbed.scenarios.stage import Stage
from testbed.stack.deployment import changed_parameters
from testbed.stack.steps import CHANGING_STEPS, sample_input
from testbed.world.waiting import wait_until

_LOOK_SECONDS = 0.25
_GOOD_VISITS_BEFORE = 3
_GOOD_VISITS_AFTER = 4


@dataclass
class Result:
    """How a drill went."""

    scenario: str
    decisive: Execution | None
    active_before: str
    active_after: str | None
    epoch_before: int
    epoch_after: int
    outage_seconds: float | None
    """The longest outage; None when it did not end."""
    memos: int
    """How many were acknowledged to the user."""
    lost_memos: int
    """How many of them are missing or different at the end."""
    broken_promises: dict[str, Sequence[str]]
    api_calls: Mapping[str, Mapping[str, int]]
    moments: Sequence[Moment]
    broken_at: float
    executions: Sequence[Execution] = ()
    snapshots: Sequence[Snapshot] = ()
    """Those that the controller took, of whatever a node alone held."""
    readiness: Mapping[str, Any] = field(default_factory=dict)
    """What check_readiness says at the end."""
    phases: Mapping[str, float] = field(default_factory=dict)
    """Seconds of each part of the recovery."""
    problems: list[str] = field(default_factory=list)
    """What is not as the scenario expects; empty if the drill passed."""

    @property
    def has_passed(self) -> bool:
        return not self.problems

    @property
    def controller_seconds(self) -> float | None:
        if self.decisive is None or self.decisive.ended_at is None:
            return None
        return self.decisive.ended_at - self.decisive.started_at

    def to_json(self) -> dict[str, Any]:
        """The object that `--json` writes."""
        return {
            "scenario": self.scenario,
            "outcome": self.decisive and self.decisive.outcome,
            "verdict": self.decisive and self.decisive.verdict,
            "reason": self.decisive and self.decisive.output.get("reason"),
            "activeBefore": self.active_before,
            "activeAfter": self.active_after,
            "epochBefore": self.epoch_before,
            "epochAfter": self.epoch_after,
            "outageSeconds": _rounded(self.outage_seconds),
            "controllerSeconds": _rounded(self.controller_seconds),
            "phases": self.phases,
            "dataIntact": self.lost_memos == 0,
            "memos": self.memos,
            "lostMemos": self.lost_memos,
            "promises": {number: not broken for number, broken in self.broken_promises.items()},
            "apiCalls": self.api_calls,
            "readiness": self.readiness,
            "snapshots": [
                {"id": one.id, "node": one.node, "seconds": round(one.time - self.broken_at, 2)}
                for one in self.snapshots
            ],
            "timeline": [
                {"seconds": round(moment.time - self.broken_at, 2), "source": moment.source, "event": moment.what}
                for moment in self.moments
            ],
        }

    def sentence(self) -> str:
        """The one line at the end."""
        if self.problems:
            return f"FAIL {self.scenario}: {' '.join(self.problems)}"
        assert self.decisive is not None
        outage = "did not end" if self.outage_seconds is None else f"{self.outage_seconds:.1f} s"
        data = f"{self.lost_memos} of {self.memos} acknowledged memos lost" if self.lost_memos else "data intact"
        return (
            f"PASS {self.scenario}: {self.decisive.outcome} in {self.controller_seconds:.1f} s, outage {outage}, "
            f"{self.active_after} is active, epoch {self.epoch_after}, {data}, promises kept. "
            f"{self.decisive.output.get('reason')}"
        )


def run(bed: Testbed, scenario: Scenario, view: View | None = None) -> Result:
    """Runs the scenario on a testbed that is as new, and judges it. What does not come in time is a problem.

    Without a `view` nothing is shown.
    """
    with changed_parameters(bed.clients, scenario.parameters):
        return _Drill(bed, scenario, view).run()


class _Drill:
    def __init__(self, bed: Testbed, scenario: Scenario, view: View | None) -> None:
        self._bed = bed
        self._scenario = scenario
        self._expected = scenario.expected
        self._view = view
        self._since = time.time()
        self._broken_at: float | None = None
        self._acts: list[Moment] = []
        self._problems: list[str] = []
        self._notifications: list[dict[str, Any]] = []
        self._phase = "the user opens Garoon"
        self._is_over = threading.Event()

    def run(self) -> Result:
        bed = self._bed
        stage = bed.make_stage(self._note)
        if self._scenario.prepare is not None:
            self._scenario.prepare(stage)
            # What the preparations did is no part of the story.
            self._since = time.time()
            bed.read_notifications()
        pace = bed.pace
        with (
            Observer(bed.clients, bed.installation, bed.stack, bed.world.directory, self._since) as observer,
            User(bed.door, pace.user_interval_seconds, pace.user_timeout_seconds) as user,
            self._shown(observer, user),
        ):
            return self._play(stage, observer, user)

    def _play(self, stage: Stage, observer: Observer, user: User) -> Result:
        before = observer.sample_now()
        self._wait(lambda: user.good_since(0) >= _GOOD_VISITS_BEFORE, "the user being served before anything is broken")
        self._broken_at = time.time()
        self._phase = "something breaks"
        try:
            self._scenario.break_it(stage)
        except (TimeoutError, HostError) as error:
            self._problems.append(str(error))
        self._phase = "the controller works"
        decisive = self._wait_for_the_end(observer)
        self._phase = "looking whether all is well"
        self._wait_until_settled(observer, user, decisive)
        after = observer.sample_now()
        calls = list(read_calls(self._bed.world.directory / "api-calls.jsonl", self._bed.stack, self._since))
        readiness = stage.check_readiness()
        self._phase = "doing finished work once more"
        repeats = self._repeat(observer, decisive)
        user.leave()
        self._phase = "reading everything back"
        lost_memos = self._check_data(user, after)
        history = self._history(observer, user, repeats)
        broken_promises = oracle.judge(history)
        self._check(before, after, calls, history, decisive)
        for number, broken in broken_promises.items():
            self._problems += [f"Promise {number} is broken: {evidence}" for evidence in broken]
        outages = find_outages(user.visits)
        longest = max(outages, key=lambda outage: outage.seconds(time.time()), default=None)
        return Result(
            scenario=self._scenario.name,
            decisive=decisive,
            active_before=before.active or HOME,
            active_after=after.active or HOME,
            epoch_before=before.epoch,
            epoch_after=after.epoch,
            outage_seconds=_outage_seconds(longest),
            memos=len(user.acknowledged),
            lost_memos=lost_memos,
            broken_promises=dict(broken_promises),
            api_calls=count_calls(calls),
            moments=timeline.tell(history, self._acts),
            broken_at=self._broken_at or self._since,
            executions=history.executions,
            snapshots=history.snapshots,
            readiness=readiness,
            phases=measure_phases(
                decisive, history.samples, self._broken_at or self._since, longest.ended_at if longest else None
            ),
            problems=self._problems,
        )

    # --- waiting ---

    def _wait(self, condition: Callable[[], bool], what: str) -> bool:
        try:
            wait_until(condition, what, self._bed.patience_seconds)
        except TimeoutError as error:
            self._problems.append(str(error))
            return False
        return True

    def _wait_for_the_end(self, observer: Observer) -> Execution | None:
        """The execution that dealt with what was broken; those of the preparations do not count.

        One that was under way just then may do so, too: on a busy machine a node can be found silent before it breaks.
        """
        broken_at = self._broken_at or self._since

        def decisive() -> list[Execution]:
            return [
                execution
                for execution in observer.known_executions
                if execution.ended_at is not None
                and execution.ended_at >= broken_at
                and execution.outcome == self._expected.outcome
            ]

        def is_over() -> bool:
            # An outcome that the scenario does not allow ends the wait: it will not become right by waiting.
            return len(decisive()) >= self._expected.decisive or bool(self._unexpected(observer.known_executions))

        self._wait(is_over, f"{self._expected.decisive} x {self._expected.outcome}")
        return next(iter(decisive()), None)

    def _unexpected(self, executions: Sequence[Execution]) -> list[Execution]:
        allowed = self._expected.others | {self._expected.outcome}
        return [execution for execution in executions if execution.is_over and execution.outcome not in allowed]

    def _wait_until_settled(self, observer: Observer, user: User, decisive: Execution | None) -> None:
        if decisive is None or decisive.ended_at is None:
            return
        ended_at = decisive.ended_at

        def is_well() -> bool:
            if self._expected.service is Service.GONE:
                return True
            unhealthy = {server for server, state in observer.view.targets.items() if state != "healthy"}
            return user.good_since(ended_at) >= _GOOD_VISITS_AFTER and unhealthy == self._expected.targets_down

        self._wait(is_well, "the user being served, and every target that is left healthy")
        off = self._expected.instances_off
        self._wait(
            lambda: all(observer.view.instances.get(node) != "running" for node in off), f"not running: {set(off)}"
        )

    # --- once more ---

    def _repeat(self, observer: Observer, decisive: Execution | None) -> list[Repeat]:
        """Calls each changing step of the finished execution again, too late, then delivers its event again."""
        if decisive is None:
            return []
        repeats = list(self._repeat_steps(observer, decisive))
        # A planned move that was undone is not done: ordered again, it is tried again.
        if not (decisive.is_planned and decisive.outcome == "Restored"):
            repeats.append(self._repeat_event(observer, decisive))
        return repeats

    def _repeat_steps(self, observer: Observer, decisive: Execution) -> Iterator[Repeat]:
        done = {step.state: step for step in decisive.steps if step.state in CHANGING_STEPS}
        started_at = str(decisive.output.get("startedAt"))
        for state, step in done.items():
            if step.function is None:
                continue
            before, errors = observer.sample_now(), list[str]()
            for node in {decisive.output.get("activeBefore"), decisive.output.get("activeAfter")} - {None}:
                payload = sample_input(
                    CHANGING_STEPS[state], execution=decisive.arn, node=str(node), started_at=started_at
                )
                errors.append(self._call_late(step.function, payload))
            what = f"{state} was called once more after its execution had ended"
            yield Repeat(what, self._changes(observer, before), errors)

    def _call_late(self, function: str, payload: Mapping[str, Any]) -> str:
        """The name of the error that the call ends with; empty if it ends with none."""
        answer = self._bed.clients.functions.invoke(FunctionName=function, Payload=json.dumps(payload))
        said = json.loads(answer["Payload"].read())
        return str(said.get("errorType")) if "FunctionError" in answer else ""

    def _repeat_event(self, observer: Observer, decisive: Execution) -> Repeat:
        before = observer.sample_now()
        arn = self._bed.clients.stepfunctions.start_execution(
            stateMachineArn=decisive.state_machine_arn, input=json.dumps(decisive.input)
        )["executionArn"]

        def is_over() -> bool:
            executions = observer.executions.refresh()
            return any(execution.arn == arn and execution.is_over for execution in executions)

        self._wait(is_over, "the repeated event's execution")
        return Repeat("The event was delivered once more", self._changes(observer, before))

    @staticmethod
    def _changes(observer: Observer, before: Sample) -> list[str]:
        return observer.sample_now().changes_since(before)

    # --- judging ---

    def _check_data(self, user: User, after: Sample) -> int:
        """How many memos are lost, which is a problem unless the scenario allows it."""
        if self._expected.service is Service.GONE:
            missing = list(self._missing_on_volume(after.active or HOME, user.acknowledged))
        else:
            missing = user.read_back()
        if not self._expected.may_lose_writes:
            self._problems += missing[:3]
            if len(missing) > 3:
                self._problems.append(f"And {len(missing) - 3} more memos.")
        return len(missing)

    def _missing_on_volume(self, node: str, memos: Mapping[str, bytes]) -> Iterator[str]:
        """With nobody serving, what was acknowledged must lie on the volume of the node that was active last."""
        files = host_files(self._bed.world.directory, node)
        volume, (number, folder) = files.volume, files.settings().attachments
        for memo, attachment in memos.items():
            stored = files.volume_of(number) / folder / memo
            if not stored.is_file() or stored.read_bytes() != attachment:
                yield f"The attachment of memo {memo} is not on the volume of {node}."
            if not (volume / "cybozu/mysql-5.0/data/memo" / memo).is_file():
                yield f"Memo {memo} is not on the volume of {node}."

    def _history(self, observer: Observer, user: User, repeats: Sequence[Repeat]) -> History:
        """Everything up to now; an execution that runs now is waited for, those that start later are left out."""
        now = time.time()
        executions: list[Execution] = []

        def has_told_everything() -> bool:
            self._notifications = self._bed.read_notifications()
            told = {notification["execution"] for notification in self._notifications}
            executions[:] = [one for one in observer.executions.refresh() if one.started_at <= now]
            return all(execution.is_over and execution.arn in told for execution in executions)

        # What is not told in the end is the oracle's to report.
        with suppress(TimeoutError):
            wait_until(has_told_everything, "the end of every execution", self._bed.patience_seconds / 4, _LOOK_SECONDS)
        observer.look_at_cloud()
        calls = read_calls(self._bed.world.directory / "api-calls.jsonl", self._bed.stack, self._since)
        return History(
            samples=observer.samples,
            executions=executions,
            calls=[call for call in calls if call.time <= now],
            notifications=self._notifications,
            visits=user.visits,
            repeats=repeats,
            recorded_outcomes=observer.recorded_outcomes,
            discards=read_discards(self._bed.world.directory, self._since),
            snapshots=read_snapshots(self._bed.clients, self._bed.installation, self._bed.world.directory),
        )

    def _check(
        self, before: Sample, after: Sample, calls: Sequence[Call], history: History, decisive: Execution | None
    ) -> None:
        expected = self._expected
        if decisive is None:
            seen = ", ".join(f"{execution.outcome} ({execution.status})" for execution in history.executions)
            self._problems.append(f"No execution ended with {expected.outcome}; those seen: {seen or 'none'}.")
        else:
            self._require("The verdict", expected.verdict, decisive.verdict)
            if expected.reason not in (reason := str(decisive.output.get("reason"))):
                self._problems.append(f"The reason does not say {expected.reason!r}: {reason}")
            if expected.is_served_before_the_end and not self._is_served_before(decisive, history):
                self._problems.append(f"The user was not served again before {decisive.name} ended.")
        for execution in self._unexpected(history.executions):
            self._problems.append(
                f"Execution {execution.name} ended with {execution.outcome}: {execution.output.get('reason')}"
            )
        if expected.standby is not None:
            standby = after.hosts[expected.standby]
            state = (standby.is_active, standby.data, standby.link)
            self._require(f"The state of {expected.standby}", (False, "current", "connected"), state)
        if expected.is_data_discarded:
            self._require("That a resync overwrote something", True, bool(history.discards))
        if expected.snapshot_of is not None:
            named = str(decisive.output.get("snapshotId") if decisive else "").split(",")
            taken_of = [one.node for one in history.snapshots if one.id in named]
            of_each = [expected.snapshot_of] * len(self._bed.shape.mount_points)
            self._require("The nodes whose snapshots the outcome names", of_each, taken_of)
        if expected.is_decisive_only_once:
            ended_so = [execution for execution in history.executions if execution.outcome == expected.outcome]
            self._require(f"The number of {expected.outcome}", 1, len(ended_so))
        self._require("The active node", expected.active, after.active or HOME)
        self._require("The epoch's growth", expected.moves, after.epoch - before.epoch)
        for table, node in after.routes.items():
            self._require(f"The virtual IP's target in {table}", expected.active, node)
        off = {node for node, state in after.instances.items() if state != "running"}
        self._require("The instances that do not run", set(expected.instances_off), off)
        self._check_network_acls(expected.isolated)
        others = self._bed.original_routes.others
        for table, routes in self._other_routes().items():
            if routes != others[table]:
                self._problems.append(f"Other routes of {table} were changed: {sorted(routes ^ others[table])}.")
        fences = sum(call.action == "StopInstances" and call.status < 400 for call in calls)
        if expected.fence is Fence.NEVER and fences:
            self._problems.append("A node was fenced.")
        if expected.fence is Fence.NEEDED and not fences:
            self._problems.append("No node was fenced.")
        failed = [visit for visit in history.visits if not visit.is_good and visit.started_at >= (self._broken_at or 0)]
        if expected.service is Service.KEPT and failed:
            self._problems.append(f"{len(failed)} of the user's requests failed: {failed[0].error}")

    def _is_served_before(self, execution: Execution, history: History) -> bool:
        outages = find_outages([visit for visit in history.visits if visit.started_at >= (self._broken_at or 0)])
        served_again_at = outages[0].ended_at if outages else None
        return served_again_at is not None and served_again_at < (execution.ended_at or 0)

    def _check_network_acls(self, isolated: frozenset[str]) -> None:
        acls, installation = read_network_acls(self._bed.clients, self._bed.installation), self._bed.installation
        for node in installation.nodes.values():
            are_as_they_were = [acls[subnet_id].acl_id == installation.db_acl_id for subnet_id in node.subnet_ids]
            if node.name in isolated and any(are_as_they_were):
                self._problems.append(f"{node.name} is not isolated at the end.")
            if node.name not in isolated and not all(are_as_they_were):
                self._problems.append(f"The subnets of {node.name} do not have the network ACLs that they had.")

    def _other_routes(self) -> Mapping[str, frozenset[tuple[str, str]]]:
        return self._bed.read_routes().others

    def _require(self, what: str, expected: object, found: object) -> None:
        if expected != found:
            self._problems.append(f"{what} should be {expected} and is {found}.")

    # --- showing ---

    def _note(self, what: str) -> None:
        self._acts.append(Moment(time.time(), "drill", what))

    @contextmanager
    def _shown(self, observer: Observer, user: User) -> Iterator[None]:
        if self._view is None:
            yield
            return
        screen = threading.Thread(target=self._show, args=(self._view, observer, user), name="view", daemon=True)
        screen.start()
        try:
            yield
        finally:
            self._is_over.set()
            screen.join()

    def _show(self, view: View, observer: Observer, user: User) -> None:
        for turn in count():
            is_last = self._is_over.wait(_LOOK_SECONDS if turn else 0)
            samples, executions, visits = observer.samples, observer.known_executions, user.visits
            seen = History(samples, executions, (), tuple(self._notifications), visits)
            view.show(
                Picture(
                    title=f"{self._scenario.name}: {self._scenario.title}",
                    phase=self._phase,
                    started_at=self._since,
                    sample=samples[-1] if samples else None,
                    executions=executions,
                    visits=visits,
                    moments=timeline.tell(seen, tuple(self._acts)),
                    broken_at=self._broken_at,
                )
            )
            if is_last:
                return


def count_calls(calls: Sequence[Call]) -> dict[str, dict[str, int]]:
    """How often each action of each service was called."""
    counts: dict[str, Counter[str]] = {}
    for call in calls:
        counts.setdefault(call.service, Counter())[call.action] += 1
    return {service: dict(sorted(actions.items())) for service, actions in sorted(counts.items())}


def write_json(result: Result, file: Path) -> None:
    file.write_text(json.dumps(result.to_json(), indent=2, ensure_ascii=False) + "\n")


def keep(bed: Testbed, result: Result) -> None:
    """Keeps what the world wrote and what the drill saw in .testbed/last/SCENARIO, for a look afterwards."""
    directory = bed.keep_logs(result.scenario)
    write_json(result, directory / "result.json")
    seen = [asdict(execution) for execution in result.executions]
    (directory / "executions.json").write_text(json.dumps(seen, indent=2, ensure_ascii=False) + "\n")


def _outage_seconds(outage: Outage | None) -> float | None:
    if outage is None:
        return 0.0
    return None if outage.ended_at is None else outage.ended_at - outage.started_at


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 2)
