"""One case: a situation, a fault on top, and what came of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from testbed.campaign.faults import EventFault, Fault
from testbed.campaign.hosts import BOOT_SECONDS, Host
from testbed.campaign.idle import why_idle
from testbed.campaign.install import Controller
from testbed.campaign.observer import Broken
from testbed.campaign.situations import Situation
from testbed.campaign.stack import ISOLATION_ACL
from testbed.campaign.world import World

_WARM_UP_SECONDS = 20.0
_AUTOMATIC_SECONDS = 1500.0
_CALM_SECONDS = 130.0
_SAME_WORDS = 3
_AFTER_THE_LONGEST_EXECUTION_SECONDS = 300.0
_QUIET_SECONDS = 4.0
_RESYNC_SECONDS = 120.0
_STOPPING_SECONDS = 120.0
_OPERATOR_TRIES = 3
_SCHEDULE_SECONDS = 130.0


class End(StrEnum):
    """How a case ended."""

    SURVIVED = "survived"
    """Service was restored, or never lost, with nobody doing anything."""
    HALTED = "halted safely"
    """The controller stopped and told; an operator repaired what was broken, started it again, and it served."""
    BROKEN = "broken"


@dataclass(frozen=True)
class Report:
    """What came of a case."""

    name: str
    kind: str
    end: End
    broken: tuple[Broken, ...]
    has_fired: bool
    outage_seconds: float
    why_idle: str = ""
    """Of a halted case: why the pair did not serve although it could have; testbed.campaign.idle."""
    last_word: str = ""
    lines: tuple[str, ...] = ()


def run_case(
    controller: Controller, name: str, situation: Situation, faults: list[Fault], kind: str, *, is_logged: bool = False
) -> Report:
    """Runs it to the end, operator and all. The name seeds everything that is random."""
    controller.deploy(situation.environment)
    world = World(controller.stack, controller.handlers, controller.clients, name, is_logged=is_logged)
    try:
        end, why_not_served, last_word = _play(world, situation, faults)
    finally:
        world.end()
    broken = tuple(world.observer.broken)
    return Report(
        name, kind, End.BROKEN if broken else end, broken, any(fault.fired for fault in faults),
        world.outage_seconds, why_not_served, last_word, tuple(world.lines),
    )  # fmt: skip


def _play(world: World, situation: Situation, faults: list[Fault]) -> tuple[End, str, str]:
    world.run(_WARM_UP_SECONDS)
    prepare_situation(world, situation)
    for fault in faults:
        fault.begin(world)
    world.faults = faults
    moves_before = world.observer.moves
    begin_situation(world, situation)
    world.run(_AUTOMATIC_SECONDS, until=_calm(world))
    is_restored = is_in_order(world)
    world.log("the faults are over")
    world.faults = []
    settle(world)
    moves = world.observer.moves - moves_before
    if moves > 1 and any(isinstance(fault, EventFault) for fault in faults):
        world.observer.report(4, "moves", f"the role moved {moves} times, whatever became of one event.")
    why_not_served = last_word = ""
    if not is_restored:
        _look_at_the_last_word(world)
        why_not_served, last_word = look_at_idleness(world)
        situation.repair(world)
        operate(world)
    world.observer.judge_the_end()
    return (End.SURVIVED if is_restored else End.HALTED), why_not_served, last_word


def look_at_idleness(world: World) -> tuple[str, str]:
    """Why the pair does not serve although it could, and in what state it is; empty if that is not so.

    The schedule looks once more, now that the faults are over: what it puts right needs no person.
    """
    world.run(_SCHEDULE_SECONDS, until=lambda: is_in_order(world))
    settle(world)
    return ("", "") if is_in_order(world) else (why_idle(world), _words(world))


def prepare_situation(world: World, situation: Situation) -> None:
    """What came before is no place for a fault."""
    situation.prepare(world)
    for seen in (world.calls, world.commands, world.states, world.events, world.engine.invocations):
        seen.clear()


def begin_situation(world: World, situation: Situation) -> None:
    """What happens happens, and the operator starts what he starts."""
    world.is_data_loss_accepted = bool(situation.input and situation.input.get("acceptDataLoss"))
    situation.begin(world)
    if situation.input is not None:
        machine = world.engine.machine(situation.workflow)
        world.do(lambda: world.engine.start(machine.arn, dict(situation.input or {})), "operator")


def is_in_order(world: World) -> bool:
    """The user is served, and the record says by whom."""
    serving = [host for host in world.hosts.values() if host.is_serving and host.is_reachable]
    active = world.record().get("active", "db-01")
    return world.is_served() and len(serving) == 1 and serving[0].name == active


def _calm(world: World) -> Callable[[], bool]:
    """True once nothing has run and the cluster has been in order for a while, or once nothing new can be expected."""
    calm_since: list[float] = []

    def is_calm() -> bool:
        if world.engine.is_anything_running() or not world.engine.executions():
            calm_since.clear()
            return False
        if _repeats_itself(world):
            return True
        if not is_in_order(world):
            calm_since.clear()
            return False
        if not calm_since:
            calm_since.append(world.loop.now)
        return world.loop.now - calm_since[0] >= _CALM_SECONDS

    return is_calm


def _repeats_itself(world: World) -> bool:
    """The schedule starts the workflow every minute, and it always says the same.

    What found another execution at work was started by several alarms at once.
    """
    told = [json.loads(execution["output"] or "{}") for execution in world.engine.executions()]
    told = [one for one in told if one.get("outcome") != "Skipped"][-_SAME_WORDS:]
    reasons = {(one.get("outcome"), one.get("reason"), one.get("Error"), one.get("Cause")) for one in told}
    return len(told) == _SAME_WORDS and len(reasons) == 1 and world.loop.now > world.busy_until


def settle(world: World) -> None:
    """Waits for the end of all executions, and of what is told of them."""
    quiet_since: list[float] = []

    def is_quiet() -> bool:
        if not world.engine.is_at_rest() or world.loop.now < world.busy_until:
            quiet_since.clear()
            return False
        quiet_since.append(world.loop.now)
        return world.loop.now - quiet_since[0] >= _QUIET_SECONDS

    longest = max(machine.definition["TimeoutSeconds"] for machine in world.engine.stack.state_machines.values())
    world.run(longest + _AFTER_THE_LONGEST_EXECUTION_SECONDS, until=is_quiet)


def operate(world: World) -> None:
    """The operator has the machines repaired, and starts the workflow by hand."""
    if world.is_record_tampered:
        _correct_record(world)
    world.run(_STOPPING_SECONDS, until=lambda: not any(_is_between(host) for host in world.hosts.values()))
    for host in world.hosts.values():
        host.change("is repaired", eth0_up=True, eth1_up=True, aws_path_up=True, is_hung=False)
        if host.instance_state.get() == "stopped":
            _let_in(world, host)
            host.start_instance()
        elif host.instance_state.get() != "terminated":
            host.gain_power()
    world.run(_RESYNC_SECONDS + BOOT_SECONDS)
    for _ in range(_OPERATOR_TRIES):
        settle(world)
        if is_in_order(world):
            return
        world.log("the operator starts the workflow by hand")
        machine = world.engine.machine("failover").arn
        world.do(partial(world.engine.start, machine, _input_of_the_message(world)), "operator")
        world.run(1.0)
        settle(world)
        world.run(60.0, until=lambda: is_in_order(world))
    if not is_in_order(world):
        world.observer.report(0, "stuck", f"the cluster is stuck: {_words(world)}")


def _input_of_the_message(world: World) -> dict[str, str]:
    """The operator does as the last message says: what he starts the workflow with."""
    last = world.notifications[-1][1]["Message"] if world.notifications else ""
    found = re.search(r'{"peerIsGone": "([^"]+)"}', last)
    return {"peerIsGone": found[1]} if found else {}


def _let_in(world: World, host: Host) -> None:
    """A node that was off since it was isolated may have its network back: docs/operations.md."""
    for subnet in host.subnet_ids:
        if world.acls[subnet].get()[0] == ISOLATION_ACL:
            world.set_acl(subnet, "acl-0fine")


def _is_between(host: Host) -> bool:
    """EC2 starts no instance that is still stopping."""
    return host.instance_state.get() in ("stopping", "pending")


def _correct_record(world: World) -> None:
    """The item says again who is active: the node that is primary, or held the role last."""
    primary = next((host.name for host in world.hosts.values() if host.is_primary), None)
    last = next((host.name for host in world.hosts.values() if host.word), "db-01")
    epoch = max(host.epoch for host in world.hosts.values())
    world.log(f"the operator corrects the cluster record: {primary or last} is active, epoch {epoch}")
    item = {"clusterName": {"S": "garoon"}, "active": {"S": primary or last}, "epoch": {"N": str(epoch)}}
    world.apis.table.put(item)


def _look_at_the_last_word(world: World) -> None:
    if not world.notifications:
        world.observer.report(7, "silence", "service was not restored and nobody was told anything.")


def _words(world: World) -> str:
    hosts = ", ".join(
        f"{host.name} {host.instance_state.get()} {world.mirror.replica(host.name).role}"
        f"/{world.mirror.replica(host.name).data}/{world.mirror.replica(host.name).link}"
        f"{' serving' if host.is_serving else ''}"
        for host in world.hosts.values()
    )
    last = world.notifications[-1][1]["Message"].split("\n")[0] if world.notifications else "nothing was said"
    return f"{hosts}; record {json.dumps(world.record().get('active'))}; last word: {last}"
