"""Watches the promises of docs/architecture.md from outside the controller, at every change of the world.

It knows what no controller can know: who writes at this moment, and every write that the user was told is safe.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from testbed.campaign.apis import READS, Command
from testbed.campaign.engine import Invocation
from testbed.campaign.hosts import Host
from testbed.campaign.wire import Call

if TYPE_CHECKING:
    from testbed.campaign.world import World

_HARMLESS_VERBS = ("status", "probe", "survey")
_LOCK_CHECK_GOOD_SECONDS = 60.0
"""A step that has seen its lock may act on it for as long as a function runs: AWS's calls take no condition."""

_BOOKKEEPING = ("dynamodb:UpdateItem", "sns:Publish", "ssm:CancelCommand", "stepfunctions:StartExecution")
"""They change nothing on the nodes or in the network; the table's writes carry their own condition."""


@dataclass(frozen=True)
class Broken:
    """A promise that was broken, and how."""

    promise: int
    what: str


class Observer:
    """Collects what broke a promise; each kind once."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.broken: list[Broken] = []
        self.moves = 0
        """How often the record's active node changed."""
        self._seen: set[tuple[int, str]] = set()
        self._primaries: set[str] = {name for name, host in world.hosts.items() if host.is_primary}
        self._active: str | None = None
        self._epoch = 0
        self._owner: str | None = None
        self._without_lock: set[str] = set()
        """Executions whose lock another one took over."""
        self._changers: set[str] = set()
        self._recorded: set[str] = set()
        """Executions that changed something; that are or were the record's last outcome."""
        self._discarded = 0

    def report(self, promise: int, kind: str, what: str) -> None:
        if (promise, kind) not in self._seen:
            self._seen.add((promise, kind))
            self.broken.append(Broken(promise, f"at +{self._world.seconds:.1f} s {what}"))
            self._world.log(f"BROKEN PROMISE {promise}: {what}")

    def look(self) -> None:
        """At the world as it is now."""
        world = self._world
        writers = [host for host in world.hosts.values() if host.can_write and not host.is_isolated]
        if len(writers) > 1:
            self.report(1, "writers", f"both {' and '.join(host.name for host in writers)} could write.")
        primaries = {name for name, host in world.hosts.items() if host.is_primary and host.is_on}
        for name in sorted(primaries - self._primaries):
            self._look_at_promotion(world.hosts[name])
        self._primaries = primaries
        for lost in world.mirror.discarded[self._discarded :]:
            kept = {
                one for snapshot in world.snapshots.values() for one in snapshot.data if snapshot.node == lost["node"]
            }
            gone = {int(number) for number in lost["files"]} - kept
            if gone:
                self.report(6, "discarded", f"a resync threw away {len(gone)} writes that only {lost['node']} held.")
        self._discarded = len(world.mirror.discarded)
        self._look_at_record()

    def _look_at_promotion(self, host: Host) -> None:
        world, peer = self._world, host.peer
        is_off = peer.instance_state.get() in ("stopped", "terminated")
        # A node that obeyed and lost its power then is as demoted as before.
        has_died_writing = not peer.is_on and world.mirror.replica(peer.name).is_crashed_primary
        is_demoted = not peer.is_primary and not peer.is_mounted and not has_died_writing
        if not (is_off or is_demoted or peer.is_isolated):
            self.report(
                1, "unproven",
                f"{host.name} was promoted while {peer.name} was {peer.instance_state.get()}"
                f"{', primary' if peer.is_primary else ''}{', mounted' if peer.is_mounted else ''}.",
            )  # fmt: skip
        missing = self._world.acknowledged - set(host.data)
        if missing and not self._world.is_data_loss_accepted:
            self.report(
                3, "stale", f"{host.name} was promoted without {len(missing)} writes that the user was told of."
            )

    def _look_at_record(self) -> None:
        item = self._world.apis.table.item
        if item is None:
            return
        active = item.get("active", {}).get("S")
        if self._active is not None and active != self._active:
            self.moves += 1
        self._active = active or self._active
        epoch = int(item.get("epoch", {}).get("N", "0")) if "N" in item.get("epoch", {}) else self._epoch
        if epoch < self._epoch and not self._world.is_record_tampered:
            self.report(4, "epoch", f"the epoch went from {self._epoch} back to {epoch}.")
        self._epoch = epoch
        owner = item.get("lockOwner", {}).get("S")
        if owner and self._owner and owner != self._owner:
            self._without_lock.add(self._owner)
        self._owner = owner
        if outcome := item.get("lastOutcome", {}).get("M"):
            self._recorded.add(outcome["execution"]["S"])

    def told_of_lost_lock(self, execution: str) -> None:
        """DynamoDB told the execution so: it has to believe that, and writes nothing more."""
        self._without_lock.add(execution)

    def read_by_user(self, host: Host) -> None:
        """The user is served by another node than before, and looks for what he wrote."""
        missing = self._world.acknowledged - set(host.data)
        if missing and not self._world.is_data_loss_accepted:
            self.report(3, "lost", f"the user is served by {host.name} and misses {len(missing)} of his writes.")

    def called(self, call: Call) -> None:
        """Right before the effect of a call."""
        verb = call.parameters["Parameters"]["Verb"][0] if call.operation == "SendCommand" else ""
        if call.name in READS or call.name in _BOOKKEEPING or verb in _HARMLESS_VERBS or _is_rehearsal(call):
            return
        invocation: Invocation = call.caller
        what = f"{call.name} {call.subject}".strip()
        if invocation.execution is None:
            self.report(4, "nobody", f"{invocation.function.name}, which belongs to no execution, called {what}.")
            return
        self._changers.add(invocation.execution)
        if self._world.lock_owner() != invocation.execution:
            seen = invocation.lock_seen_at
            if seen is None or self._world.loop.now - seen > _LOCK_CHECK_GOOD_SECONDS:
                self.report(4, "lock", f"{invocation.where} called {what} without the lock.")
        if call.operation == "StopInstances":
            for host in self._world.hosts.values():
                if host.instance_id in call.parameters["InstanceIds"]:
                    self._look_at_fence(host, invocation.execution, what)

    def verb_begins(self, command: Command) -> None:
        if command.verb in ("demote", "stop") and command.caller is not None:
            self._look_at_fence(command.host, command.caller.execution, f"{command.verb} on {command.host.name}")

    def verb_ended(self, command: Command, said: dict[str, Any]) -> None:
        """For the log."""
        self._world.log(f"{command.host.name} ends {command.verb}: {said['code']}")

    def _look_at_fence(self, host: Host, execution: str | None, what: str) -> None:
        """Promise 2: nobody takes a node out of service that served through the whole assessment."""
        world = self._world
        if execution is None or world.is_planned(execution):
            return
        assessed_at = max(
            (one.started_at for one in world.engine.invocations
             if one.execution == execution and one.function.name == "assess_cluster"),
            default=None,
        )  # fmt: skip
        if assessed_at is None:
            self.report(2, "unassessed", f"{what} without an assessment.")
        elif world.serving is host and world.serving_since is not None and world.serving_since < assessed_at:
            self.report(2, "serving", f"{what}, which has served its user since before the assessment.")

    def execution_ended(self, execution: dict[str, Any]) -> None:
        """For the log; what must have been told by the end is judged then."""
        output = json.loads(execution["output"] or "{}")
        if isinstance(output, dict):
            self._world.log(
                f"{execution['name']}: {output.get('outcome')} {output.get('reason') or output.get('Cause')}"
            )

    def judge_the_end(self) -> None:
        """Promise 7, and the user's data, once everything has ended."""
        world = self._world
        told = " ".join(message["Message"] for _, message in world.notifications)
        for execution in world.engine.executions():
            name = execution["name"]
            if execution["status"] == "RUNNING":
                self.report(7, f"running {name}", f"{name} never ended.")
                continue
            if execution["executionArn"] not in told:
                self.report(7, f"silent {name}", f"nobody was told how {name} ended ({execution['status']}).")
        unrecorded = self._changers - self._recorded - self._without_lock
        if unrecorded and not world.is_record_tampered:
            self.report(
                7, "unrecorded", f"{', '.join(sorted(unrecorded))} changed something, and no outcome was recorded."
            )
        for _, message in world.notifications:
            text = message["Message"]
            if not text.strip() or "Next step: " not in text or not text.split("\n")[0].rstrip().endswith((".", ")")):
                self.report(7, "words", f"a notification lacks a reason or a next step: {text[:200]!r}")
            if "Traceback" in text:
                self.report(7, "traceback", f"a notification shows a traceback: {text[:200]!r}")
        if world.serving is not None:
            self.read_by_user(world.serving)


def _is_rehearsal(call: Call) -> bool:
    """A call that only asks whether it would be done; what a function does that is called so is observed itself."""
    if call.name == "lambda:Invoke":
        return bool(json.loads(call.parameters["Payload"]) == {"rehearse": True})
    return bool(call.parameters.get("DryRun"))
