"""Controller and world together: the state of everything, and every way in which it can go on.

What happens is of two kinds. *Events* are what may always happen: a step makes its next call, a command arrives, a stop
completes, a link heals. *Faults* are what must not be taken for granted, and there is a budget of them. A step's
attempt goes on by one call that changes something, with the reading calls after it up to the next one that does: so
everything that others do may come between a look and the act that it led to.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from failover.node_answers import VerbResult
from ministack.services import dynamodb

from testbed.cluster.report import NodeState, Sight, make_report
from testbed.model import world as worlds
from testbed.model.code import (
    EXECUTION_ARN,
    ISOLATION_ACL_ID,
    NOW,
    Call,
    Code,
    Ended,
    an_hour_ago,
    in_an_hour,
    when_the_lock_ends,
)
from testbed.model.workflow import Place, Workflow
from testbed.model.world import INSTANCE_IDS, INTERFACE_IDS, NAMES, SUBNET_IDS, Answer, Command, World

_LOOKS = ("status", "probe")
_READING = frozenset(
    {
        "get_item", "describe_execution", "describe_instance_status", "describe_alarms", "describe_route_tables",
        "describe_network_interfaces", "describe_target_health", "cancel_command", "get_metric_data",
        "describe_network_acls", "describe_instances",
    }
)  # fmt: skip
_CRASHED = "Runtime.ExitError"
_SENT = json.dumps({"Command": {"CommandId": "1"}})
_SILENT = json.dumps({"Status": "InProgress", "StatusDetails": "InProgress"})


class Attempt(NamedTuple):
    """One run of a step's function, stopped between two calls."""

    owner: int
    """Which execution it works for."""
    step: str
    arguments: str
    answers: tuple[str, ...] = ()
    command: Command | None = None
    """Sent, and not yet arrived."""
    has_acted: bool = False


class Execution(NamedTuple):
    """One execution of the workflow."""

    place: Place | None = None
    """None before it starts."""
    attempt: Attempt | None = None
    is_told: bool = False
    """Its outcome was published."""

    @property
    def is_running(self) -> bool:
        return self.place is not None and self.place.status == "RUNNING"

    @property
    def has_ended(self) -> bool:
        return self.place is not None and self.place.status != "RUNNING"


class State(NamedTuple):
    """All there is."""

    world: World = World()
    item: str = "{}"
    """The cluster table's item, typed as DynamoDB has it, as JSON."""
    executions: tuple[Execution, ...] = (Execution(), Execution())
    detached: tuple[Attempt, ...] = ()
    """Attempts that nobody waits for: of aborted executions, given up by the workflow, and record_abort's."""
    faults_left: int = 0


class Step(NamedTuple):
    """One way on."""

    what: str
    """A sentence of the story."""
    after: State
    broken: str = ""
    """The promise that this very step breaks."""
    is_fault: bool = False


@dataclass(frozen=True)
class Switches:
    """Defects of the world, which no change of the code can stand for."""

    nodes_check_epochs: bool = True
    nodes_boot_demoted: bool = True
    nodes_check_replicas: bool = True
    nodes_prove_peers: bool = True


class System:
    """The rules by which states follow each other."""

    def __init__(
        self,
        code: Code,
        workflow: Workflow,
        inputs: tuple[tuple[str, ...], ...],
        *,
        switches: Switches = Switches(),
        faults: frozenset[str] | None = None,
    ) -> None:
        self._code = code
        self._workflow = workflow
        self._inputs = inputs
        self._switches = switches
        self._faults = faults

    # --- ways on -------------------------------------------------------------------------------------------------

    def steps(self, state: State) -> Iterator[Step]:
        """Every way on from here."""
        yield from self.events(state)
        if state.faults_left:
            paid = state._replace(faults_left=state.faults_left - 1)
            for step in self._all_faults(paid):
                yield step._replace(is_fault=True)

    def events(self, state: State) -> Iterator[Step]:
        """What may happen without a fault.

        An end that is only told touches nothing that others look at, so what others do may as well come after it.
        """
        for index, execution in enumerate(state.executions):
            if execution.attempt is not None and self._only_tells(execution.attempt):
                yield from self._go_on(state, execution.attempt, index)
                return
        for position, attempt in enumerate(state.detached):
            if self._only_tells(attempt):
                yield from self._go_on(state, attempt, None, position)
                return
        yield from self._starts(state)
        for index, execution in enumerate(state.executions):
            if execution.is_running:
                assert execution.attempt is not None
                yield from self._go_on(state, execution.attempt, index)
        for position, attempt in enumerate(state.detached):
            yield from self._go_on(state, attempt, None, position)
        yield from self._late_arrivals(state)
        yield from self.world_events(state)

    def _only_tells(self, attempt: Attempt) -> bool:
        if attempt.step not in ("record_outcome", "record_abort") or not attempt.answers:
            return False
        move = self._code.next_move(attempt.step, attempt.arguments, attempt.answers)
        return isinstance(move, Ended) or move.operation == "publish"

    def _starts(self, state: State) -> Iterator[Step]:
        for index, execution in enumerate(state.executions):
            if execution.place is None:
                if index and state.executions[index - 1].place is None:
                    return
                for given in self._inputs[index]:
                    yield self.start(state, index, given)

    def start(self, state: State, index: int, given: str) -> Step:
        place = self._workflow.start(EXECUTION_ARN.format(index + 1), given)
        what = f"execution {index + 1} starts with {given[:90]}"
        return Step(what, _with_execution(state, index, _entered(state.executions[index], place, index)))

    def world_events(self, state: State) -> Iterator[Step]:
        """Machines and links, by themselves or by an operator's hand."""
        world = state.world
        for index, node in enumerate(world.nodes):
            name = NAMES[index]
            if node.power == "stopping":
                yield Step(f"{name} is stopped", _stopped(state, index))
            if not node.is_reached and node.is_up:
                yield self._moved(state, f"{name} comes back as it was", index, is_reached=True)
            if world.is_connected and node.data == "stale":
                after = world.with_node(1 - index, is_ahead=False).with_node(index, data="current")
                yield Step(f"the resync of {name} is done", state._replace(world=after))
            if (
                not world.is_link_up
                and not node.is_primary
                and node.answers
                and node.data == "current"
                and world.nodes[1 - index].is_serving
                and world.nodes[1 - index].answers
            ):
                yield self._moved(state, f"{name} outdates its own replica", index, data="stale")
        if not world.is_link_up:
            yield Step("the replication link heals", state._replace(world=world._replace(is_link_up=True).settled()))

    def _booted(self, node: worlds.Node) -> worlds.Node:
        return node.booted() if self._switches.nodes_boot_demoted else node._replace(power="running", is_reached=True)

    @staticmethod
    def _moved(state: State, what: str, index: int, **changes: Any) -> Step:
        return Step(what, state._replace(world=state.world.with_node(index, **changes)))

    def _late_arrivals(self, state: State) -> Iterator[Step]:
        for command in state.world.late:
            if state.world.nodes[command.node].answers:
                late = tuple(other for other in state.world.late if other != command)
                world, answer = self._obey(state.world._replace(late=late), command)
                yield self._arrived(state, world, command, answer, "late, ")

    # --- faults --------------------------------------------------------------------------------------------------

    def _all_faults(self, state: State) -> Iterator[Step]:
        for kind, steps in (
            ("nodes", self._node_faults),
            ("attempts", self._attempt_faults),
            ("executions", self._execution_faults),
            ("commands", self._command_faults),
        ):
            if self._faults is None or kind in self._faults:
                yield from steps(state)

    def _node_faults(self, state: State) -> Iterator[Step]:
        for index, node in enumerate(state.world.nodes):
            name = NAMES[index]
            if node.power == "running":
                if node.is_reached:
                    yield self._moved(state, f"{name} loses its network and runs on", index, is_reached=False)
                    if node.is_serving:
                        yield self._moved(state, f"a service of {name} dies", index, is_serving=False)
                yield self._moved(state, f"{name} reboots", index, **self._booted(node)._asdict())
                yield Step(f"the instance of {name} fails and is stopped", _stopped(state, index))
            elif node.power == "stopped":
                yield self._moved(state, f"somebody starts {name}; it boots", index, **self._booted(node)._asdict())
        if state.world.is_link_up:
            cut = state.world._replace(is_link_up=False).settled()
            yield Step("the replication link breaks", state._replace(world=cut))

    def _attempt_faults(self, state: State) -> Iterator[Step]:
        for index, execution in enumerate(state.executions):
            attempt = execution.attempt
            if attempt is None or not execution.is_running:
                continue
            name = f"execution {index + 1}: {attempt.step}"
            crashed = state
            if attempt.command:
                crashed = state._replace(world=_with_late(state.world, attempt.command))
            yield from self._failed(crashed, index, _CRASHED, f"{name} crashes")
            if len(state.detached) < 2:
                detached = state._replace(detached=tuple(sorted((*state.detached, attempt), key=_order)))
                yield from self._failed(detached, index, "States.Timeout", f"{name} is lost sight of and runs on")

    def _execution_faults(self, state: State) -> Iterator[Step]:
        for index, execution in enumerate(state.executions):
            if execution.is_running and len(state.detached) < 3:
                yield self._aborted(state, index)
        item = json.loads(state.item)
        if "lockExpiresAt" in item and item["lockExpiresAt"]["S"] == when_the_lock_ends():
            expired = {**item, "lockExpiresAt": {"S": an_hour_ago()}}
            yield Step("the lock expires", state._replace(item=json.dumps(expired, sort_keys=True)))
        if "maintenanceUntil" not in item:
            on = {**item, "maintenanceUntil": {"S": in_an_hour()}}
            yield Step("an operator switches maintenance on", state._replace(item=json.dumps(on, sort_keys=True)))

    def _aborted(self, state: State, index: int) -> Step:
        execution = state.executions[index]
        assert execution.place is not None
        assert execution.attempt is not None
        detached = [*state.detached, execution.attempt, _record_abort(index, "ABORTED", None)]
        place = execution.place._replace(status="ABORTED", variables="{}", step="", arguments="")
        after = _with_execution(state, index, execution._replace(place=place, attempt=None))
        what = (
            f"an operator aborts execution {index + 1} in {execution.place.state}; its {execution.attempt.step} runs on"
        )
        return Step(what, after._replace(detached=tuple(sorted(detached, key=_order))))

    def _command_faults(self, state: State) -> Iterator[Step]:
        for index, execution in enumerate(state.executions):
            attempt = execution.attempt
            if attempt is None or attempt.command is None or not execution.is_running:
                continue
            command = attempt.command
            name = NAMES[command.node]
            if state.world.nodes[command.node].answers:
                yield self._give_up(state, attempt, index, None)
                said = _invocation(state.world, command.node, Answer(command.verb, "failed", "failed"))
                failed = attempt._replace(command=None, answers=(*attempt.answers, said))
                yield Step(f"{command.verb} fails on {name}", self._read_on(state, failed, index, None))
                broken = worlds.break_off(state.world, command)
                if broken is not None:
                    half = broken.with_node(command.node, is_reached=False)
                    gone = _with_attempt(state._replace(world=half), index, None, attempt._replace(command=None))
                    yield Step(f"{name} gets stuck halfway through {command.verb}, and is not reached any more", gone)

    # --- attempts ------------------------------------------------------------------------------------------------

    def _go_on(self, state: State, attempt: Attempt, index: int | None, position: int | None = None) -> Iterator[Step]:
        who = f"execution {attempt.owner + 1}: {attempt.step}" + ("" if index is not None else ", which runs on,")
        if attempt.command is not None:
            if state.world.nodes[attempt.command.node].answers:
                yield self._delivered(state, attempt, attempt.command, index, position)
            else:
                yield self._give_up(state, attempt, index, position)
            return
        move = self._code.next_move(attempt.step, attempt.arguments, attempt.answers)
        if isinstance(move, Ended):
            yield from self._ended(state, move, index, position, who)
            return
        if move.operation == "get_command_invocation":  # its command was lost with the node
            yield self._give_up(state, attempt, index, position)
            return
        if move.operation in _READING or _is_look(move):
            yield Step(f"{who} looks further", self._read_on(state, attempt, index, position))
            return
        answer, after, what, broken = self._call(state, attempt, move)
        gone_on = attempt._replace(has_acted=True)
        if move.operation == "send_command":
            command = _command_of(move)
            is_lost = state.world.nodes[command.node].power == "stopped"  # it expires before the instance can boot
            gone_on = gone_on._replace(command=None if is_lost else command)
        gone_on = gone_on._replace(answers=(*attempt.answers, answer))
        yield Step(f"{who} {what}", self._read_on(after, gone_on, index, position), broken)

    def _delivered(
        self, state: State, attempt: Attempt, command: Command, index: int | None, position: int | None
    ) -> Step:
        """The command arrives, and its answer comes back. (That it does not come back is a fault.)"""
        world, answer = self._obey(state.world, command)
        arrived = self._arrived(state, world, command, answer, f"execution {attempt.owner + 1}: ")
        said = _invocation(world, command.node, answer)
        heard = attempt._replace(command=None, answers=(*attempt.answers, said))
        return arrived._replace(after=self._read_on(arrived.after, heard, index, position))

    def _read_on(self, state: State, attempt: Attempt, index: int | None, position: int | None) -> State:
        """Answers the reading calls that come next; a look at another node than before comes in a turn of its own."""
        asked: int | None = None
        while attempt.command is None:
            move = self._code.next_move(attempt.step, attempt.arguments, attempt.answers)
            if isinstance(move, Ended):
                break
            if _is_look(move):
                node, verb = _look_of(move)
                if asked not in (None, node):
                    break
                asked = node
                attempt = attempt._replace(
                    answers=(*attempt.answers, _SENT, _look(state.world.without_late(), node, verb))
                )
                continue
            if move.operation not in _READING:
                break
            attempt = attempt._replace(answers=(*attempt.answers, self._read(state, move)))
        return _with_attempt(state, index, position, attempt)

    def _ended(self, state: State, end: Ended, index: int | None, position: int | None, who: str) -> Iterator[Step]:
        if index is None:
            assert position is not None
            rest = state.detached[:position] + state.detached[position + 1 :]
            yield Step(f"{who} ends{f' with {end.error}' if end.error else ''}", state._replace(detached=rest))
        elif end.error:
            yield from self._failed(state, index, end.error, f"{who} ends with {end.error}: {end.message}")
        else:
            execution = state.executions[index]
            assert execution.place is not None
            place = self._workflow.on_result(execution.place, end.result, EXECUTION_ARN.format(index + 1))
            yield Step(f"{who} is done{_words_of(end)}", self._enter(state, index, place))

    def _failed(self, state: State, index: int, error: str, what: str) -> Iterator[Step]:
        execution = state.executions[index]
        assert execution.place is not None
        arn = EXECUTION_ARN.format(index + 1)
        if self._workflow.is_retried(execution.place, error):
            yield Step(f"{what}; it is retried", self._enter(state, index, execution.place))
        place = self._workflow.on_error(execution.place, error, arn)
        yield Step(f"{what}; on to {place.state}", self._enter(state, index, place))

    def _enter(self, state: State, index: int, place: Place) -> State:
        execution = _entered(state.executions[index], place, index)
        after = _with_execution(state, index, execution)
        if place.status == "FAILED":
            told = (*after.detached, _record_abort(index, "FAILED", place.output))
            return after._replace(detached=tuple(sorted(told, key=_order)))
        if execution.attempt is None:
            return after
        return self._read_on(after, execution.attempt, index, None)

    def _give_up(self, state: State, attempt: Attempt, index: int | None, position: int | None) -> Step:
        what = f"execution {attempt.owner + 1}: {attempt.step} gives up waiting"
        if attempt.command is not None:
            state = state._replace(world=_with_late(state.world, attempt.command))
            what += f" for {NAMES[attempt.command.node]} to {attempt.command.verb}"
        waited = attempt._replace(command=None, answers=(*attempt.answers, _SILENT))
        return Step(what, self._read_on(state, waited, index, position))

    # --- the AWS APIs --------------------------------------------------------------------------------------------

    def _call(self, state: State, attempt: Attempt, call: Call) -> tuple[str, State, str, str]:
        """A call that changes something: its answer, the state after it, a sentence, and what it breaks."""
        parameters = _parameters_of(call)
        match call.operation:
            case "update_item":
                return self._update_item(state, attempt, call.parameters)
            case "send_command":
                command = _command_of(call)
                what = f"sends {command.verb} of epoch {command.epoch} to {NAMES[command.node]}"
                return _SENT, state, what, ""
            case "stop_instances":
                index = INSTANCE_IDS.index(parameters["InstanceIds"][0])
                is_off = state.world.nodes[index].power == "stopped"
                world = state.world if is_off else state.world.with_node(index, power="stopping")
                return "{}", state._replace(world=world), f"has {NAMES[index]} stopped", ""
            case "start_instances":
                index = INSTANCE_IDS.index(parameters["InstanceIds"][0])
                node = state.world.nodes[index]
                booted = self._booted(node) if node.power == "stopped" else node
                world = state.world.with_node(index, **booted._asdict())
                return "{}", state._replace(world=world), f"has {NAMES[index]} started", ""
            case "replace_route":
                index = INTERFACE_IDS.index(parameters["NetworkInterfaceId"])
                after = state._replace(world=state.world._replace(route=index))
                return "{}", after, f"points the route to {NAMES[index]}", _wrong_route(state, attempt, index)
            case "replace_network_acl_association":
                index, side = _place_of(parameters["AssociationId"])
                cut = list(state.world.nodes[index].cut)
                cut[side] = parameters["NetworkAclId"] == ISOLATION_ACL_ID
                after = state._replace(world=state.world.with_node(index, cut=(cut[0], cut[1])))
                return "{}", after, f"{'cuts off' if cut[side] else 'lets in'} eth{side} of {NAMES[index]}", ""
            case "publish":
                execution = state.executions[attempt.owner]
                told = _with_execution(state, attempt.owner, execution._replace(is_told=True))
                return "{}", told, f"tells the operators: {parameters['Subject']}", ""
        raise NotImplementedError(f"The model does not know {call.service}.{call.operation}.")

    def _update_item(self, state: State, attempt: Attempt, parameters: str) -> tuple[str, State, str, str]:
        after, what = _updated(state.item, parameters)
        if after is None:
            return json.dumps({"errorCode": "ConditionalCheckFailedException"}), state, what, ""
        broken = _wrong_write(state, attempt, json.loads(state.item), json.loads(after))
        return "{}", state._replace(item=after), what, broken

    @staticmethod
    def _read(state: State, call: Call) -> str:
        match call.operation:
            case "get_item":
                return "{}" if state.item == "{}" else f'{{"Item": {state.item}}}'
            case "describe_execution":
                number = int(_parameters_of(call)["executionArn"].rpartition(":")[2])
                place = state.executions[number - 1].place
                return json.dumps({"status": place.status if place else "RUNNING"})
        return _read_world(state.world.without_late(), call)

    def _obey(self, world: World, command: Command) -> tuple[World, Answer]:
        if not self._switches.nodes_check_replicas:
            command = command._replace(accepts_data_loss=True)
        if not self._switches.nodes_prove_peers:
            command = command._replace(peer_proof="none")
        return worlds.obey(world, command, checks_epoch=self._switches.nodes_check_epochs)

    @staticmethod
    def _arrived(state: State, world: World, command: Command, answer: Answer, how: str) -> Step:
        broken = ""
        before = state.world
        if not command.accepts_data_loss and worlds.is_promotion_of_stale_data(before, world, command.node):
            broken = f"Promise 3: {NAMES[command.node]} was promoted although it lacks acknowledged writes"
        words = "obeys" if answer.result == "done" else f"answers {answer.code} to"
        what = f"{how}{NAMES[command.node]} {words} {command.verb} of epoch {command.epoch}"
        return Step(what, state._replace(world=world), broken)


# --- small words -------------------------------------------------------------------------------------------------


def _entered(execution: Execution, place: Place, owner: int) -> Execution:
    attempt = Attempt(owner, place.step, place.arguments) if place.status == "RUNNING" else None
    return execution._replace(place=place, attempt=attempt)


@cache
def _record_abort(owner: int, status: str, error: str | None) -> Attempt:
    detail = {"executionArn": EXECUTION_ARN.format(owner + 1), "status": status, "startDate": 0, "error": error}
    return Attempt(owner, "record_abort", json.dumps({"id": "1", "detail": detail}, sort_keys=True))


def _with_execution(state: State, index: int, execution: Execution) -> State:
    executions = list(state.executions)
    executions[index] = execution
    return state._replace(executions=tuple(executions))


def _with_attempt(state: State, index: int | None, position: int | None, attempt: Attempt) -> State:
    if index is not None:
        return _with_execution(state, index, state.executions[index]._replace(attempt=attempt))
    assert position is not None
    detached = [*state.detached[:position], attempt, *state.detached[position + 1 :]]
    return state._replace(detached=tuple(sorted(detached, key=_order)))


def _order(attempt: Attempt) -> tuple[Any, ...]:
    """Two states that differ only in the order of what nobody waits for are one."""
    return attempt.owner, attempt.step, attempt.arguments, attempt.answers, attempt.command or (), attempt.has_acted


def _stopped(state: State, index: int) -> State:
    """The node's instance is stopped, and whatever was on its way there is gone."""

    def without_command(attempt: Attempt) -> Attempt:
        is_lost = attempt.command is not None and attempt.command.node == index
        return attempt._replace(command=None) if is_lost else attempt

    executions = tuple(
        execution._replace(attempt=without_command(execution.attempt)) if execution.attempt else execution
        for execution in state.executions
    )
    detached = tuple(sorted(map(without_command, state.detached), key=_order))
    return state._replace(world=state.world.stopped(index), executions=executions, detached=detached)


def _with_late(world: World, command: Command) -> World:
    return world._replace(late=tuple(sorted({*world.late, command})))


@cache
def _parameters_of(call: Call) -> dict[str, Any]:
    """To be read only: the same call is made in very many states."""
    parameters: dict[str, Any] = json.loads(call.parameters)
    return parameters


@cache
def _command_of(call: Call) -> Command:
    parameters = _parameters_of(call)
    given = {name: value for name, [value] in parameters["Parameters"].items()}
    index = INSTANCE_IDS.index(parameters["InstanceIds"][0])
    return Command(
        index, given["Verb"], int(given["Epoch"]), given["AcceptDataLoss"] == "true", given.get("PeerProof", "none")
    )


def _is_look(call: Call) -> bool:
    return call.operation == "send_command" and _command_of(call).verb in _LOOKS


def _look_of(call: Call) -> tuple[int, str]:
    command = _command_of(call)
    return command.node, command.verb


@cache
def _look(world: World, index: int, verb: str) -> str:
    """What Run Command has of a look at a node, once its time is over."""
    if not world.nodes[index].answers:
        return _SILENT
    return _invocation(world, index, Answer(verb), is_probe=verb == "probe")


def _wrong_route(state: State, attempt: Attempt, index: int) -> str:
    item = json.loads(state.item)
    is_owner = item.get("lockOwner", {}).get("S") == EXECUTION_ARN.format(attempt.owner + 1)
    if is_owner and item["active"]["S"] != NAMES[index]:
        return f"Promise 1: the route was pointed to {NAMES[index]}, which is not the active node"
    return ""


@cache
def _updated(item: str, parameters: str) -> tuple[str | None, str]:
    """The item after UpdateItem, None where its condition fails; and a sentence."""
    before, request = json.loads(item), json.loads(parameters)
    values = request["ExpressionAttributeValues"]
    if not dynamodb._evaluate_condition(request["ConditionExpression"], before, values, {}):
        return None, "may not write to the cluster table"
    after, _ = dynamodb._apply_update_expression(before, request["UpdateExpression"], values, {})
    after.pop("lastOutcome", None)
    return json.dumps(after, sort_keys=True), f"writes {_changes(before, after)}"


def _wrong_write(state: State, attempt: Attempt, before: dict[str, Any], after: dict[str, Any]) -> str:
    """What a write to the cluster table must not do, whoever makes it."""
    me = EXECUTION_ARN.format(attempt.owner + 1)
    owner, owner_after = before.get("lockOwner", {}).get("S"), after.get("lockOwner", {}).get("S")
    if owner not in (None, me):
        number = int(owner.rpartition(":")[2])
        is_over = state.executions[number - 1].has_ended or before["lockExpiresAt"]["S"] == an_hour_ago()
        if owner_after != me:
            return "Promise 4: the record was changed without the lock"
        if not is_over:
            return "Promise 4: the lock of a running execution was taken"
    elif owner is None and owner_after != me and before != after:
        return "Promise 4: the record was changed without the lock"
    if int(after["epoch"]["N"]) < int(before.get("epoch", {"N": "0"})["N"]):
        return "The epoch became lower"
    if before.get("active", {"S": NAMES[0]}) != after["active"]:
        index = NAMES.index(after["active"]["S"])
        if state.world.nodes[index].epoch < int(after["epoch"]["N"]):
            return f"{NAMES[index]} was recorded as active before it was promoted"
    fence = after.get("fence", {"M": {}})["M"]
    if after.get("fence") != before.get("fence") and fence.get("isOffProven", {"BOOL": False})["BOOL"]:
        index = NAMES.index(fence["node"]["S"])
        if not any('"stopped"' in answer for answer in attempt.answers):
            return f"Promise 1: {NAMES[index]} was recorded as off without EC2 having said so"
    return ""


def _changes(before: dict[str, Any], after: dict[str, Any]) -> str:
    changed = {
        name: str(next(iter(after[name].values()))).rpartition(":")[2] if name in after else "nothing"
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name) and name != "lockExpiresAt"
    }
    return ", ".join(f"{name} = {value}" for name, value in changed.items()) or "what was there"


@cache
def _words_of(end: Ended) -> str:
    result = json.loads(end.result)
    decision = result.get("decision")
    if decision:
        return f": {decision['verdict']}. {decision['reason']}"
    return f": {result['outcome']}" if "outcome" in result else ""


@cache
def _read_world(world: World, call: Call) -> str:
    """What the APIs tell of machines, network, alarms and metrics: the same in very many states."""
    parameters = _parameters_of(call)
    match call.operation:
        case "describe_instance_status":
            [instance_id] = parameters["InstanceIds"]
            return _instance_status(world.nodes[INSTANCE_IDS.index(instance_id)], instance_id)
        case "describe_instances":
            return json.dumps({"Reservations": []})  # when it was started last says nothing here
        case "describe_alarms":
            return json.dumps({"MetricAlarms": [_alarm(world, name) for name in parameters["AlarmNames"]]})
        case "get_metric_data":
            found = [_metric(world, query) for query in parameters["MetricDataQueries"]]
            return json.dumps({"MetricDataResults": found})
        case "describe_route_tables":
            route = {
                "DestinationCidrBlock": "10.1.0.10/32",
                "NetworkInterfaceId": INTERFACE_IDS[world.route],
                "State": "active",
            }
            return json.dumps({"RouteTables": [{"RouteTableId": "rtb-0a", "Routes": [route]}]})
        case "describe_network_acls":
            acls = [_acl(world, subnet) for subnet in parameters["Filters"][0]["Values"]]
            return json.dumps({"NetworkAcls": acls})
        case "describe_network_interfaces":
            # Each subnet holds one interface, its node's.
            [wanted, *_] = parameters.get("Filters", [{}])
            in_subnets: list[dict[str, Any]] = [
                {"NetworkInterfaceId": "eni-0c", "SubnetId": subnet, "Attachment": {"InstanceId": instance}}
                for instance, subnets in zip(INSTANCE_IDS, SUBNET_IDS, strict=True)
                for subnet in subnets
                if {subnet, instance} & set(wanted.get("Values", []))
            ]
            names = parameters.get("NetworkInterfaceIds", [])
            asked_for: list[dict[str, Any]] = [
                {
                    "NetworkInterfaceId": name, "SourceDestCheck": False, "SubnetId": SUBNET_IDS[index][0],
                    "Attachment": {"InstanceId": INSTANCE_IDS[index], "DeviceIndex": 0},
                }
                for index, name in enumerate(INTERFACE_IDS) if name in names
            ]  # fmt: skip
            return json.dumps({"NetworkInterfaces": in_subnets + asked_for})
        case "describe_target_health":
            node = world.nodes[world.route]
            health = {"State": "healthy" if node.is_serving and node.answers else "unhealthy"}
            return json.dumps({"TargetHealthDescriptions": [{"Target": {"Id": "app-01"}, "TargetHealth": health}]})
        case "cancel_command":
            return "{}"
    raise NotImplementedError(f"The model does not know {call.service}.{call.operation}.")


def _place_of(subnet: str) -> tuple[int, int]:
    """Node and side of a subnet, whose id is that of its association, too."""
    return next((index, ids.index(subnet)) for index, ids in enumerate(SUBNET_IDS) if subnet in ids)


def _acl(world: World, subnet: str) -> dict[str, Any]:
    index, side = _place_of(subnet)
    is_cut = world.nodes[index].cut[side]
    association = {"SubnetId": subnet, "NetworkAclAssociationId": subnet}
    return {
        "NetworkAclId": ISOLATION_ACL_ID if is_cut else "acl-0be4",
        "Entries": [{"RuleAction": "deny"}] if is_cut else [{"RuleAction": "allow"}, {"RuleAction": "deny"}],
        "Associations": [association],
    }


def _metric(world: World, query: dict[str, Any]) -> dict[str, Any]:
    """Beats come as long as the node answers; its last word is asked for further back, and came with its last beat."""
    metric = query["MetricStat"]["Metric"]
    [name] = [one["Value"] for one in metric["Dimensions"] if one["Name"] == "Node"]
    node = world.nodes[NAMES.index(name)]
    is_heard = node.answers or query["Label"] != name
    value = float(node.said_replicating) if metric["MetricName"] == "ReplicationHealthy" else 1.0
    points = [NOW.isoformat()] if is_heard else []
    return {
        "Label": query["Label"], "Timestamps": points, "Values": [value] * len(points), "StatusCode": "Complete",
    }  # fmt: skip


@cache
def _instance_status(node: worlds.Node, instance_id: str) -> str:
    checks = {"Status": "ok" if node.answers else "impaired"}
    status = {"InstanceId": instance_id, "InstanceState": {"Name": node.power}}
    return json.dumps({"InstanceStatuses": [status | {"SystemStatus": checks, "InstanceStatus": checks}]})


def _alarm(world: World, name: str) -> dict[str, Any]:
    index = next(index for index, node in enumerate(NAMES) if node in name)
    node = world.nodes[index]
    is_good = {"heartbeat-lost": node.answers, "replication-degraded": node.said_replicating}
    what = name.removeprefix(f"garoon-{NAMES[index]}-")
    return {"AlarmName": name, "StateValue": "OK" if is_good[what] else "ALARM", "ActionsEnabled": True}


def _invocation(world: World, index: int, answer: Answer, *, is_probe: bool = False) -> str:
    return _said(world.without_late()._replace(route=0), index, answer, is_probe)


@cache
def _said(world: World, index: int, answer: Answer, is_probe: bool) -> str:
    has_looked = answer.code != "stale_epoch" and not is_probe
    status, sight = _state(world, index) if has_looked else None, _sight(world, index) if is_probe else None
    content = make_report(answer.verb, answer.code, answer.code, status=status, sight=sight)
    VerbResult.model_validate(content)  # what the controller does not understand would only look like silence
    return json.dumps(
        {
            "Status": "Success", "StatusDetails": "Success", "ResponseCode": 0, "StandardErrorContent": "",
            "StandardOutputContent": json.dumps(content, sort_keys=True),
        }
    )  # fmt: skip


def _state(world: World, index: int) -> NodeState:
    node = world.nodes[index]
    service = "running" if node.is_serving else "stopped"
    return NodeState(
        node=NAMES[index], version="1", epoch=node.epoch, booted_at=0, word=node.word,
        role="primary" if node.is_primary else "secondary", link=world.link(index), data=node.data,
        is_mounted=node.is_mounted, is_writable=node.is_mounted, database=service, scheduler=service,
        does_database_answer=node.is_serving, is_exported=node.is_serving, has_virtual_ip=node.is_serving,
        is_serving=node.is_serving and node.is_mounted and node.is_primary,
    )  # fmt: skip


def _sight(world: World, index: int) -> Sight:
    peer = world.nodes[1 - index]
    return Sight(
        peer=NAMES[1 - index],
        database="answers" if peer.is_serving and peer.answers else "unreachable",
        nfs="answers" if peer.answers else "unreachable",
        eth0=peer.answers,
        eth1=peer.is_on_the_link and world.is_link_up,
    )
