"""What can go wrong: everything that a scenario does to the world, in the words of its story.

Each act is told to the timeline. What a person would do by the console goes through the AWS API, with an
administrator's rights; what nature does goes straight to the hosts or the simulated cloud.
"""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any, Protocol

from testbed.cloud.faults import CloudFaults
from testbed.garoon.app_servers import AppServers
from testbed.garoon.installation import CLUSTER, Installation, point_virtual_ip
from testbed.hosts import HostError, SimulatedHost
from testbed.judges.history import HostState
from testbed.judges.observer import Executions, list_executions, read_hosts
from testbed.stack.deployment import Stack
from testbed.stack.endpoint import Clients
from testbed.world.waiting import wait_until
from testbed.world.world import World


class Bed(Protocol):
    """What a stage needs of a testbed."""

    world: World
    clients: Clients
    installation: Installation
    stack: Stack
    hosts: Mapping[str, SimulatedHost]
    app_servers: AppServers | None
    patience_seconds: float

    def read_notifications(self) -> list[dict[str, Any]]: ...


class Stage:
    """The world of one run, as a scenario changes it."""

    def __init__(self, bed: Bed, tell: Callable[[str], None]) -> None:
        self._bed = bed
        self._tell = tell
        self._cloud_faults = CloudFaults(bed.world.directory)
        self._started_at = time.time()
        self._answered: set[str] = set()

    # --- nature ---

    def lose_network(self, node: str) -> None:
        """Both network interfaces go down, as `systemctl stop network` does."""
        self._tell(f"{node}: both network interfaces go down")
        # eth0 first: in between, nobody may be told that something is stored which only this node holds.
        self._bed.hosts[node].set_fault("nic_eth0", "down")
        self._bed.hosts[node].set_fault("nic_eth1", "down")

    def repair_network(self, node: str) -> None:
        self._tell(f"{node}: its network interfaces come back")
        self._bed.hosts[node].set_fault("nic_eth1", None)
        self._bed.hosts[node].set_fault("nic_eth0", None)

    def write_cut_off(self, node: str) -> None:
        """A program on the node, which is cut off from its peer, writes a file that the peer will never see."""

        def is_written() -> bool:
            return self._bed.hosts[node].write_attachment("written-cut-off", b"by nobody else")

        wait_until(is_written, f"{node} writing without its peer", self._bed.patience_seconds)
        self._tell(f"{node}: cut off, it goes on writing to itself")

    def enable_services_at_boot(self, node: str) -> None:
        self._tell(f"{node}: somebody enables Garoon's services at boot")
        self._bed.hosts[node].enable_services_at_boot()

    def lose_aws_path(self, node: str) -> None:
        self._tell(f"{node}: its path to AWS breaks; it serves on")
        self._bed.hosts[node].set_fault("aws", "down")

    def hang(self, node: str) -> None:
        """Ports accept, nothing answers."""
        self._tell(f"{node}: hangs; its ports accept and nothing answers")
        self._bed.hosts[node].set_fault("hang", True)

    def fail_status_checks(self, node: str) -> None:
        self._tell(f"{node}: fails its EC2 instance status check")
        self._cloud_faults.set_failed_status_check(self._instance(node))

    def cut_power(self, node: str) -> None:
        self._tell(f"{node}: loses its power")
        self._bed.hosts[node].power_off()

    def kill_service(self, node: str, service: str) -> None:
        self._tell(f"{node}: {service} dies")
        self._bed.hosts[node].kill_service(service)

    def break_service(self, node: str, service: str) -> None:
        """It dies and can't be started any more."""
        self._bed.hosts[node].set_fault("service_broken", [service])
        self._tell(f"{node}: {service} dies and will not start again")
        self._bed.hosts[node].kill_service(service)

    def slow_recovery_down(self, node: str, seconds: float) -> None:
        """Its database recovers for so long when it is started, and a command waits for it only shortly."""
        self._tell(f"{node}: its database will recover for {seconds:.0f} s when it is started")
        self._bed.hosts[node].set_fault("recovery_seconds", seconds)
        with (self._bed.hosts[node].files.root / "etc/garoon-node.local.conf").open("a") as settings:
            settings.write('START_SECONDS="2"\n')

    def check_told_once_of_recovery(self, node: str) -> None:
        """Operators have one message of it, with the progress, and one database was begun. Raises HostError."""
        told = [text for text in self._recovery_notices() if f"cyde_5_0 is on its way on {node}" in text]
        if len(told) != 1 or "MiB read" not in told[0]:
            raise HostError(f"Operators were told of the recovery {len(told)} times: {told}.")
        self._tell(f"operators were told once: {told[0].splitlines()[0]}")
        log = (self._bed.hosts[node].files.root / "var/log/cyde_5_0.log").read_text()
        if log.count("cyde_5_0 begins") != 1:
            raise HostError(f"More than one database was begun on {node}: {log[-500:]}")

    def _recovery_notices(self) -> list[str]:
        return [
            str(notification.get("text", ""))
            for notification in self._bed.read_notifications()
            if " Recovering: " in notification["subject"]
        ]

    def check_in_service(self, node: str) -> None:
        """Every service that the installation has runs on the node, and every path is exported. Raises HostError."""
        files = self._bed.hosts[node].files
        settings, exported = files.settings(), (files.root / "var/lib/nfs/etab").read_text()
        missing = [name for name in settings.services if not files.service_mark(name).exists()]
        missing += [path for path in settings.exported_paths if f"{path}\t" not in exported]
        if missing:
            raise HostError(f"Not in service on {node}: {', '.join(missing)}.")
        self._tell(f"{node}: {', '.join(settings.services)} run, {len(settings.exports)} paths are exported")

    def make_promotion_fail(self, node: str, volume: int | None = None) -> None:
        self._tell(f"{node}: its replica{'' if volume is None else f' of volume {volume}'} cannot be promoted")
        self._bed.hosts[node].set_fault("promote_fails", True if volume is None else volume)

    def begin_resync(self, node: str) -> None:
        """The node's replica is stale, and stays so for longer than any run."""
        self._tell(f"{node}: its replica is in the middle of a resync")
        self._bed.hosts[node].mirror.start_resync(node, 3600.0)

    def stick_in_stopping(self, node: str) -> None:
        """EC2 will not get this instance from `stopping` to `stopped`."""
        self._tell(f"{node}: its instance will hang in stopping")
        self._cloud_faults.set_stuck_in_stopping(self._instance(node), "on")

    def lose_zone_of(self, node: str) -> None:
        """Everything in the node's Availability Zone is gone, and EC2 never gets its instance to `stopped`."""
        zone = self._bed.installation.nodes[node].zone
        self._tell(f"the Availability Zone {zone} is lost, with {node} in it")
        self._cloud_faults.set_stuck_in_stopping(self._instance(node), "off")
        self._bed.hosts[node].power_off()
        for server in self._bed.installation.app_servers.values():
            if server.zone == zone and self._bed.app_servers is not None:
                self._bed.app_servers.lose(server.name)

    def lose_events(self) -> None:
        self._tell("every event of the stack's alarms and every sign that a node writes will be lost")
        self._cloud_faults.drop_alarm_events("*")
        self._cloud_faults.lose_log_events()

    # --- people ---

    def stop_instance(self, node: str) -> None:
        self._tell(f"somebody stops the instance of {node}")
        self._bed.clients.ec2.stop_instances(InstanceIds=[self._instance(node)])

    def start_instance(self, node: str) -> None:
        self._tell(f"somebody starts the instance of {node}")
        self._bed.clients.ec2.start_instances(InstanceIds=[self._instance(node)])

    def reboot(self, node: str) -> None:
        self._tell(f"somebody reboots {node}")
        self._bed.clients.ec2.reboot_instances(InstanceIds=[self._instance(node)])

    def add_interface_beside(self, node: str) -> None:
        self._tell(f"somebody puts another network interface into the eth1 subnet of {node}")
        self._bed.clients.ec2.create_network_interface(SubnetId=self._bed.installation.nodes[node].eth1_subnet_id)

    def repoint_route(self, table: str, node: str) -> None:
        self._tell(f"somebody points the virtual IP in the route table {table} to {node}")
        point_virtual_ip(self._bed.clients, self._bed.installation, node, (table,))

    def begin_maintenance(self) -> None:
        self._tell("an operator switches maintenance on for an hour")
        self._call("SetMaintenanceFunctionName", {"minutes": 60, "reason": "a drill"})

    def end_maintenance(self) -> None:
        self._tell("an operator ends the maintenance")
        self._call("SetMaintenanceFunctionName", {"minutes": 0})

    def check_readiness(self) -> dict[str, Any]:
        """What check_readiness says now."""
        return self._call("CheckReadinessFunctionName", {})

    def provoke(
        self, what: str, provoke: Callable[[Bed], AbstractContextManager[None]], findings: Collection[str]
    ) -> None:
        """Breaks something, waits until readiness has these findings among others, and puts it right again."""
        self._tell(what)
        with provoke(self._bed):
            self._wait_for_findings(f"the findings {', '.join(sorted(findings))}", set(findings).issubset)
            self._tell(f"readiness found {', '.join(sorted(findings))}")

    def start_by_hand(self) -> None:
        self._tell("an operator starts the workflow by hand")
        self._bed.clients.stepfunctions.start_execution(stateMachineArn=self._bed.stack.state_machine_arn, input="{}")

    def _call(self, output: str, given: dict[str, Any]) -> dict[str, Any]:
        """Calls the function that this output of the stack names. Raises TimeoutError if it fails."""
        answer = self._bed.clients.functions.invoke(
            FunctionName=self._bed.stack.outputs[output], Payload=json.dumps(given)
        )
        said = answer["Payload"].read().decode()
        if "FunctionError" in answer:
            raise TimeoutError(f"{output.removesuffix('FunctionName')} failed: {said}")
        result: dict[str, Any] = json.loads(said)
        return result

    def switch_back(self, target: str | None = None, times: int = 1) -> None:
        """An operator starts the switchback, to the home node or to `target`; `times` at once."""
        self._tell(
            f"an operator starts the switchback to {target or 'the home node'}"
            + ("" if times == 1 else f" {times} times")
        )
        text = json.dumps({} if target is None else {"target": target})
        machine = self._bed.stack.outputs["SwitchbackStateMachineArn"]
        with ThreadPoolExecutor(max_workers=times) as pool:
            list(
                pool.map(
                    lambda _: self._bed.clients.stepfunctions.start_execution(stateMachineArn=machine, input=text),
                    range(times),
                )
            )

    def stop_planned_move_once_demoted(self, node: str) -> None:
        """Somebody stops the planned move in the console once the node has obeyed: nobody serves then."""
        # Often: soon after, the target is promoted.
        wait_until(lambda: not self._host(node).is_primary, f"{node} being demoted", self._bed.patience_seconds, 0.05)
        self._tell("an operator stops the planned move halfway")
        steps = self._bed.clients.stepfunctions
        machine = self._bed.stack.outputs["SwitchbackStateMachineArn"]
        for execution in steps.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"]:
            steps.stop_execution(executionArn=execution["executionArn"], cause="stopped by an operator")

    def repeat_alarm_event(self, node: str, alarm: str, times: int) -> None:
        """Delivers the event of an alarm as EventBridge does, many times at once."""
        self._tell(f"the event of the alarm {alarm} of {node} arrives {times} times")
        event = json.dumps(alarm_event(f"{CLUSTER}-{node}-{alarm}"))

        def deliver(_: int) -> None:
            self._bed.clients.stepfunctions.start_execution(
                stateMachineArn=self._bed.stack.state_machine_arn, input=event
            )

        with ThreadPoolExecutor(max_workers=10) as pool:
            list(pool.map(deliver, range(times)))

    def answer(self, output: str) -> None:
        """An operator answers the next question: pastes the notification's line with that answer, or types another."""
        commands: list[list[str]] = []

        def is_asked() -> bool:
            commands[:] = [
                command
                for command in _commands_to_answer(self._bed.read_notifications())
                if _token(command) not in self._answered
            ]
            return bool(commands)

        wait_until(is_asked, "an operator being asked", self._bed.patience_seconds, 0.3)
        command = next((command for command in commands if command[-1] == output), commands[0])
        self._tell(f"an operator, who is asked whether the role may move, answers {output}")
        self._bed.clients.stepfunctions.send_task_success(taskToken=_token(command), output=output)
        self._answered.add(_token(command))

    # --- waiting ---

    def wait_for_outcome(self, outcome: str, times: int = 1) -> None:
        """Until so many executions of this run have ended with that outcome."""
        executions = Executions(self._bed.clients, self._bed.stack, self._started_at)
        wait_until(
            lambda: sum(execution.outcome == outcome for execution in executions.refresh()) >= times,
            f"{times} x an execution that ends with {outcome}",
            self._bed.patience_seconds,
            0.5,
        )

    def wait_for_findings(self, findings: Collection[str]) -> None:
        """Until readiness has these findings and no others."""
        self._wait_for_findings(f"no findings but {sorted(findings)}", set(findings).__eq__)

    def _wait_for_findings(self, what: str, is_so: Callable[[set[str]], bool]) -> None:
        seen: list[dict[str, Any]] = []

        def is_found() -> bool:
            seen[:] = self.check_readiness()["findings"]
            return is_so({finding["id"] for finding in seen})

        try:
            wait_until(is_found, what, self._bed.patience_seconds / 5, 0.3)
        except TimeoutError as error:
            raise TimeoutError(f"{error} Readiness says: {json.dumps(seen)}") from error

    def wait_for_standby(self, node: str) -> None:
        """Until the node is an up-to-date standby that its peer replicates to."""

        def is_standby() -> bool:
            state = self._host(node)
            return state.is_on and state.data == "current" and state.link == "connected"

        wait_until(is_standby, f"{node} being an up-to-date standby", self._bed.patience_seconds)

    def wait_until_off(self, node: str) -> None:
        wait_until(lambda: not self._host(node).is_on, f"{node} being off", self._bed.patience_seconds)

    def wait_until_quiet(self) -> None:
        """Until both heartbeats arrive and no execution runs."""

        def is_quiet() -> bool:
            running = list_executions(self._bed.clients, self._bed.stack, statusFilter="RUNNING")
            names = [f"{CLUSTER}-{node}-heartbeat-lost" for node in self._bed.installation.nodes]
            alarms = self._bed.clients.cloudwatch.describe_alarms(AlarmNames=names)["MetricAlarms"]
            return not running and all(alarm["StateValue"] == "OK" for alarm in alarms)

        wait_until(is_quiet, "no execution running and both heartbeats arriving", self._bed.patience_seconds, 0.3)

    def _host(self, node: str) -> HostState:
        return read_hosts(self._bed.world.directory)[node]

    def _instance(self, node: str) -> str:
        return self._bed.installation.nodes[node].instance_id


def _commands_to_answer(notifications: Sequence[Mapping[str, Any]]) -> Iterator[list[str]]:
    for notification in notifications:
        for line in notification["text"].splitlines():
            if line.startswith("aws stepfunctions send-task-success "):
                yield shlex.split(line)


def _token(command: Sequence[str]) -> str:
    return command[command.index("--task-token") + 1]


def alarm_event(alarm_name: str) -> dict[str, Any]:
    """An alarm's event with the fields that EventBridge gives it (CloudWatch user guide, "Alarm events")."""
    now = datetime.now(UTC)
    return {
        "version": "0",
        "id": "c4c1c1c9-6542-e61b-6ef0-8c4d36933a92",
        "detail-type": "CloudWatch Alarm State Change",
        "source": "aws.cloudwatch",
        "account": "000000000000",
        "time": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": "ap-northeast-1",
        "resources": [f"arn:aws:cloudwatch:ap-northeast-1:000000000000:alarm:{alarm_name}"],
        "detail": {
            "alarmName": alarm_name,
            "state": {
                "value": "ALARM",
                "reason": "Threshold Crossed: no datapoints were received for 3 periods.",
                "timestamp": now.strftime("%Y-%m-%dT%H:%M:%S.000+0000"),
            },
            "previousState": {"value": "OK"},
        },
    }
