"""The world of one case: the stack at work, two servers, AWS around them, a user, and an observer who sees it all."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from testbed.campaign.apis import Apis, Command
from testbed.campaign.engine import Engine, Handler, Invocation, Json
from testbed.campaign.faults import Fault, words_of_event
from testbed.campaign.hosts import Host, Past
from testbed.campaign.observer import Observer
from testbed.campaign.stack import ACCOUNT, ISOLATION_ACL, REGION, Stack
from testbed.campaign.virtual_time import START, clock
from testbed.campaign.wire import Call, Clients
from testbed.cluster.mirror import MirrorInMemory

_CALL_SECONDS = 0.05
_USER_SECONDS = 1.0
_SNAPSHOT_SECONDS = 30.0
_OWN_WRITES = 1_000_000
"""Numbers from here on are writes of which no user was told."""

_WATCH_SECONDS = 5.0
_HEARTBEAT_LOST_SECONDS = 25.0
_SERVICES_FAILED_SECONDS = 20.0
_CHECKS_FAILED_SECONDS = 60.0
_PEER_LOST_SECONDS = 15.0
_ALARMS = ("heartbeat-lost", "status-check-failed", "services-failed", "replication-degraded", "peer-lost")
ROUTE_TABLES = ("rtb-0a", "rtb-0b")


@dataclass(frozen=True)
class Snapshot:
    """What a node's volume held."""

    node: str
    taken_at: float
    data: frozenset[int]
    execution: str

    def state_at(self, moment: float) -> str:
        return "completed" if moment - self.taken_at >= _SNAPSHOT_SECONDS else "pending"


class World:
    """A healthy cluster: db-01 is active and serves, db-02 is its standby."""

    def __init__(
        self, stack: Stack, handlers: dict[str, Handler], clients: Clients, seed: str, *, is_logged: bool = False
    ) -> None:
        random.seed(seed)
        self.loop = clock.begin()
        self.lines: list[str] = []
        self._is_logged = is_logged
        self.faults: list[Fault] = []
        self.calls: list[Call] = []
        self.commands: list[Command] = []
        self.states: list[tuple[str, str]] = []
        self.events: list[str] = []
        self.hosts = {
            name: Host(self.loop, name, letter, self.changed) for name, letter in (("db-01", "a"), ("db-02", "b"))
        }
        first, second = self.hosts.values()
        first.peer, second.peer = second, first
        self.mirror = MirrorInMemory(self.loop, self.hosts)
        self.routes = {table: Past(self.loop, first.interface_id) for table in ROUTE_TABLES}
        self.source_dest_checks = {host.interface_id: Past(self.loop, False) for host in self.hosts.values()}
        self._associations = 0
        self.acls = {
            subnet: Past(self.loop, ("acl-0fine", f"aclassoc-0{subnet[-2:]}"))
            for host in self.hosts.values()
            for subnet in host.subnet_ids
        }
        """The network ACL of each of the nodes' subnets, and the association's id."""
        self.alarms: dict[str, Past] = {}
        self.snapshots: dict[str, Snapshot] = {}
        self.notifications: list[tuple[float, dict[str, Any]]] = []
        self.acknowledged: set[int] = set()
        self.is_data_loss_accepted = False
        self.is_record_tampered = False
        self.serving: Host | None = first
        self.serving_since: float | None = self.loop.now
        self.served_since: float | None = self.loop.now - 3600.0
        self.outage_seconds = 0.0
        self.busy_until = 0.0
        """Faults that act later say until when."""
        self._writes = 0
        self._own_writes = _OWN_WRITES
        self._silent_since: dict[str, float] = {}
        self.apis = Apis(self)
        self.engine = Engine(self.loop, stack, handlers, self, self.log, self._execution_ended)
        for host in self.hosts.values():
            host.mirror = self.mirror
            host.on_instance_state = self._tell_instance_state
            host.on_sign = lambda host, sign: self.engine.put_sign(host.name, host.instance_id, sign)
            for what in _ALARMS:
                self.alarms[self.alarm_name(host, what)] = Past(self.loop, "OK")
        first.enter_service()
        self.observer = Observer(self)
        self.apis.commands.around = self._around_command
        clients.begin(self._serve)
        self.engine.begin()
        self.loop.spawn(self._use, "user")
        self.loop.spawn(self._watch, "watch")

    # --- time and words

    @property
    def seconds(self) -> float:
        """Since the case began."""
        return self.loop.now - START

    def log(self, line: str) -> None:
        if self._is_logged:
            self.lines.append(f"+{self.seconds:8.2f} {line}")

    def changed(self, what: str) -> None:
        self.log(what)
        self.observer.look()

    def run(self, seconds: float, until: Callable[[], bool] = lambda: False) -> bool:
        """Lets so much time pass, or less. True if the condition holds then."""
        return self.loop.run(until, self.loop.now + seconds)

    def do(self, act: Callable[[], object], name: str = "act") -> None:
        """Somebody does something now."""
        self.loop.spawn(act, name)
        self.run(0.0)

    # --- AWS

    def _serve(self, call: Call) -> Json:
        self.loop.sleep(_CALL_SECONDS)
        self.calls.append(call)
        perform: Callable[[], Json] = partial(self._perform_call, call)
        for fault in self.faults:
            perform = partial(fault.on_call, call, perform)
        try:
            return perform()
        except NotImplementedError as gap:
            self.loop.unexpected.append(gap)
            raise

    def _perform_call(self, call: Call) -> Json:
        self.observer.called(call)
        answer = self.apis.answer(call)
        if isinstance(call.caller, Invocation) and call.service == "dynamodb":
            owner = self.lock_owner() if call.operation == "UpdateItem" else _owner_in(answer.get("Item"))
            if owner is not None and owner == call.caller.execution:
                call.caller.lock_seen_at = self.loop.now
        return answer

    def lock_owner(self) -> str | None:
        return _owner_in(self.apis.table.item)

    def set_route(self, table: str, interface_id: str | None) -> None:
        self.routes[table].set(interface_id)
        self.changed(f"{table} points to {interface_id}")

    def set_acl(self, subnet: str, acl: str) -> str:
        """Gives the subnet that network ACL; returns the new association's id."""
        self._associations += 1
        association = f"aclassoc-{self._associations}"
        self.acls[subnet].set((acl, association))
        for host in self.hosts.values():
            pairs = zip(("eth0", "eth1"), host.subnet_ids, strict=True)
            cut = frozenset(name for name, one in pairs if self.acls[one].get()[0] == ISOLATION_ACL)
            if cut != host.cut_interfaces:
                host.change(f"cut off: {', '.join(sorted(cut)) or 'nothing'}", cut_interfaces=cut)
        return association

    def take_snapshot(self, host: Host, execution: str) -> str:
        """Its id; it holds what the volume holds now, also while it is still pending."""
        name = f"snap-{len(self.snapshots) + 1}"
        self.snapshots[name] = Snapshot(host.name, self.loop.now, frozenset(host.data), execution)
        self.log(f"{name} is taken of {host.name}")
        return name

    def is_planned(self, execution: str) -> bool:
        """Whether it is an operator's move of a role that works: it takes a serving node out of service."""
        return ":execution:" in execution and "-failover:" not in execution

    # --- what faults stand around

    def on_state(self, execution: str, state: str) -> None:
        self.states.append((execution, state))
        for fault in self.faults:
            fault.on_state(execution, state)

    def on_step(self, invocation: Invocation, perform: Callable[[], Any]) -> Any:
        for fault in self.faults:
            perform = partial(fault.on_step, invocation, perform)
        return perform()

    def on_event(self, event: Json) -> list[tuple[float, Json]]:
        self.events.append(words_of_event(event))
        arrivals = [(0.0, event)]
        for fault in self.faults:
            arrivals = [
                (delay + further, arriving) for delay, one in arrivals for further, arriving in fault.on_event(one)
            ]
        return arrivals

    def _around_command(self, command: Command, perform: Callable[[], None]) -> None:
        self.commands.append(command)
        for fault in self.faults:
            perform = partial(fault.on_command, command, perform)
        perform()

    def _execution_ended(self, execution: Json) -> None:
        self.observer.execution_ended(execution)

    # --- the user

    def route_target(self, table: str) -> Host | None:
        interface = self.routes[table].get()
        return next((host for host in self.hosts.values() if host.interface_id == interface), None)

    def server_behind(self, table: str) -> Host | None:
        """The node that serves the App servers of that route table now."""
        host = self.route_target(table)
        if host is None or not host.is_reachable or not host.is_serving:
            return None
        return None if self.source_dest_checks[host.interface_id].get() else host

    def is_served(self) -> bool:
        """Every App server reaches the one serving node."""
        servers = [self.server_behind(table) for table in ROUTE_TABLES]
        return servers[0] is not None and servers[0] is servers[1]

    def _use(self) -> None:
        while True:
            self.loop.sleep(_USER_SECONDS)
            self._visit()
            for host in self.hosts.values():
                self._work_alone(host)

    def _work_alone(self, host: Host) -> None:
        """Garoon's scheduler writes whether or not anybody uses it: a node that is cut off goes its own way."""
        if host.can_write and not host.is_hung and host.is_scheduler_up and host is not self.serving:
            self._own_writes += 1
            self.mirror.write_number(host.name, self._own_writes)

    def _visit(self) -> None:
        server = self.server_behind(ROUTE_TABLES[self._writes % len(ROUTE_TABLES)])
        self._writes += 1
        if server is not self.serving:
            self.log(f"the user is served by {server.name if server else 'nobody'}")
            self.serving, self.serving_since = server, self.loop.now
            if server is not None:
                self.observer.read_by_user(server)
        if server is not None and self.mirror.write_number(server.name, self._writes):
            self.acknowledged.add(self._writes)
        if self.is_served():
            self.served_since = self.loop.now if self.served_since is None else self.served_since
        else:
            self.served_since = None
            self.outage_seconds += _USER_SECONDS

    # --- the nodes' metrics, and the alarms over them

    def alarm_name(self, host: Host, what: str) -> str:
        return f"garoon-{host.name}-{what}"

    def _watch(self) -> None:
        while True:
            self.loop.sleep(_WATCH_SECONDS)
            for host in self.hosts.values():
                host.look()
                self._evaluate(host)

    def _evaluate(self, host: Host) -> None:
        is_heard = host.takes_commands
        self._judge(host, "heartbeat-lost", not is_heard, _HEARTBEAT_LOST_SECONDS)
        view = self.mirror.view(host.name)
        has_no_active = host.word != "active" and (view.role, view.peer_role) == ("secondary", "secondary")
        is_failing = is_heard and (has_no_active or (host.word == "active" and not host.is_serving))
        self._judge(host, "services-failed", is_failing, _SERVICES_FAILED_SECONDS)
        is_impaired = host.instance_state.get() == "running" and host.checks() == "impaired"
        self._judge(host, "status-check-failed", is_impaired, _CHECKS_FAILED_SECONDS)
        self._judge(
            host, "peer-lost", is_heard and host.word != "active" and not host.sees_a_path(), _PEER_LOST_SECONDS
        )
        if is_heard:
            self._judge(host, "replication-degraded", not host.is_replicating(), 0.0)

    def _judge(self, host: Host, what: str, is_bad: bool, seconds: float) -> None:
        name = self.alarm_name(host, what)
        if not is_bad:
            self._silent_since.pop(name, None)
            self._set_alarm(name, "OK")
            return
        since = self._silent_since.setdefault(name, self.loop.now)
        if self.loop.now - since >= seconds:
            self._set_alarm(name, "ALARM")

    def _set_alarm(self, name: str, state: str) -> None:
        alarm = self.alarms[name]
        before = alarm.get()
        if before == state:
            return
        alarm.set(state)
        self.log(f"alarm {name}: {state}")
        arn = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{name}"
        detail = {"alarmName": name, "state": {"value": state}, "previousState": {"value": before}}
        self.engine.put_event("aws.cloudwatch", "CloudWatch Alarm State Change", [arn], detail)

    def _tell_instance_state(self, host: Host, state: str) -> None:
        arn = f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/{host.instance_id}"
        detail = {"instance-id": host.instance_id, "state": state}
        self.engine.put_event("aws.ec2", "EC2 Instance State-change Notification", [arn], detail)

    # --- the end

    def record(self) -> dict[str, Any]:
        """The cluster record's plain values, as far as they are strings and numbers."""
        item = self.apis.table.item or {}
        return {name: next(iter(value.values())) for name, value in item.items()}

    def end(self) -> None:
        self.loop.end()


def _owner_in(item: Json | None) -> str | None:
    return None if item is None else item.get("lockOwner", {}).get("S")
