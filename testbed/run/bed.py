"""A testbed: the local cloud with the installation, the deployed stack and the simulated hosts, for many drills.

Starting and deploying is done once; `reset` makes everything as new between two drills, in a few seconds.
"""

from __future__ import annotations

import json
import logging
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from testbed.cloud.at_work import count_functions_at_work
from testbed.cloud.faults import CloudFaults
from testbed.cloud.launch import running_cloud
from testbed.garoon.app_servers import AppServers
from testbed.garoon.installation import (
    CLUSTER,
    HOME,
    LISTENERS,
    STANDBY,
    USUAL,
    Installation,
    Routes,
    Shape,
    make_installation,
    point_virtual_ip,
    read_routes,
    remove_foreign_interfaces,
    restore_network_acls,
    volume_parameters,
)
from testbed.garoon.user import Door, HealthyTargets
from testbed.hosts import SimulatedHost, create_pair
from testbed.hosts.layout import Delays
from testbed.judges.observer import list_executions, read_hosts
from testbed.scenarios.stage import Stage
from testbed.stack import deployment
from testbed.stack.deployment import SCRATCH, Stack
from testbed.stack.endpoint import Clients, Endpoint
from testbed.world.profiles import Profile
from testbed.world.waiting import wait_until
from testbed.world.world import World, claimed_world

_log = logging.getLogger(__name__)
Tell = Callable[[str], None]
_REPLICATION_ALARM_SECONDS = 10  # its period in template.yaml
# One is being filled when the replicas meet, one holds what the agent sends late, half a one until it is looked at.
_JUDGED_AFTER_PERIODS = 2.5
# Those that know nothing at first and are waited for. The status check, which is measured once a minute, is not.
_JUDGED_ALARMS = (
    f"{CLUSTER}-{HOME}-heartbeat-lost",
    f"{CLUSTER}-{STANDBY}-heartbeat-lost",
    f"{CLUSTER}-{HOME}-replication-degraded",
)


@dataclass(frozen=True)
class Pace:
    """How the drill itself goes with a profile: the user's rate, and how long to wait before giving up."""

    user_interval_seconds: float
    user_timeout_seconds: float
    patience_seconds: float
    parameters: Mapping[str, str]


_PACES = {
    "fast": Pace(
        0.4, 4.0, 300.0, {"FenceTimeoutSeconds": "15", "AnswerTimeoutSeconds": "4", "ReadinessIntervalMinutes": "60"}
    ),
    "realistic": Pace(0.5, 5.0, 1200.0, {}),
}


class Testbed:
    """Everything that a drill runs on. Made by `running_testbed`."""

    __test__ = False  # pytest: not a test class

    def __init__(
        self,
        world: World,
        profile: Profile,
        clients: Clients,
        installation: Installation,
        stack: Stack,
        queue_url: str,
        app_servers: AppServers | None = None,
        shape: Shape = USUAL,
    ) -> None:
        self.world = world
        self.profile = profile
        self.clients = clients
        self.installation = installation
        self.stack = stack
        self.pace = _PACES[profile.name]
        self.patience_seconds = self.pace.patience_seconds
        self.hosts: Mapping[str, SimulatedHost] = {
            name: SimulatedHost(world.directory / "hosts" / name) for name in (HOME, STANDBY)
        }
        self.door: Door = HealthyTargets(clients, installation)
        self.queue_url = queue_url
        self.app_servers = app_servers
        """None where the App servers are machines of their own."""
        self.shape = shape
        self._notifications: list[dict[str, Any]] = []
        self.original_routes = read_routes(clients, installation)

    def make_stage(self, tell: Tell) -> Stage:
        """The world as a scenario changes it; each act is told."""
        return Stage(self, tell)

    def reset(self, shape: Shape = USUAL) -> None:
        """Makes the cluster as new: db-01 active, db-02 its up-to-date standby, nothing recorded, no alarm, no fault.

        An installation of another shape is another one: the stack is told so while nothing is in service.
        Raises TimeoutError when it does not become so.
        """
        self.leave_alone()
        if self.app_servers is not None:
            self.app_servers.restore()
            self.app_servers.use_database_port(shape.database_port)
        if shape != self.shape:
            volumes = volume_parameters(self.clients, self.installation, shape)
            deployment.change(self.clients, {**shape.parameters(), **volumes})
            self.shape = shape
        remove_foreign_interfaces(self.clients, self.installation)
        clean_hosts(self.clients, self.installation, self.world, self.profile, self.patience_seconds, shape)
        self._bring_into_service()

    def _bring_into_service(self) -> None:
        point_virtual_ip(self.clients, self.installation, HOME, ("app-1a", "app-1c"))
        self._wait_for_node_script()
        connected_at = time.monotonic()
        for verb in ("promote", "start"):
            self._run_verb(HOME, verb)
        self._wait_until_in_order(connected_at)
        self._stop_work()
        # Nothing is on record but that the maintenance in which the stack was deployed is over.
        over = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime())
        self.clients.dynamodb.put_item(
            TableName=self.stack.cluster_table,
            Item={"clusterName": {"S": CLUSTER}, "maintenanceUntil": {"S": over}},
        )
        self.read_notifications()
        self._notifications.clear()
        self._switch_rules(is_on=True)

    def leave_alone(self) -> None:
        """No execution runs from now on, and nothing starts one."""
        self._switch_rules(is_on=False)
        self._stop_work()

    def enter_service(self) -> None:
        """What an operator does once after the first deployment: db-01 becomes active."""
        self._switch_rules(is_on=False)
        self._bring_into_service()

    def read_notifications(self) -> list[dict[str, Any]]:
        """The notifications that have arrived since the cluster was made as new, first to last."""
        while True:
            received = self.clients.sqs.receive_message(
                QueueUrl=self.queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=0
            ).get("Messages", [])
            if not received:
                return list(self._notifications)
            for message in received:
                self._notifications.append(_read_notification(message["Body"]))
                self.clients.sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])

    def read_routes(self) -> Routes:
        return read_routes(self.clients, self.installation)

    def keep_logs(self, name: str) -> Path:
        """Copies what the world wrote to .testbed/last/NAME, for a look afterwards; returns that directory."""
        target = SCRATCH / "last" / name
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(self.world.directory, target, ignore=_ignore_special_files, dirs_exist_ok=True, symlinks=True)
        return target

    def _switch_rules(self, *, is_on: bool) -> None:
        switch = self.clients.events.enable_rule if is_on else self.clients.events.disable_rule
        for rule in self.stack.rules:
            switch(Name=rule)

    def _stop_work(self) -> None:
        """No execution runs, and no function that one has called, or that may start one."""

        def has_ended() -> bool:
            running = list_executions(self.clients, self.stack, statusFilter="RUNNING")
            for execution in running:
                with suppress(self.clients.stepfunctions.exceptions.ValidationException):  # it has ended meanwhile
                    self.clients.stepfunctions.stop_execution(executionArn=execution["executionArn"])
            return not running and not count_functions_at_work(self.world.directory)

        wait_until(has_ended, "no execution and no function at work", self.patience_seconds)

    def _wait_for_node_script(self) -> None:
        # The stack's association installs the script when a node comes up; then its `status` answers.
        def are_installed() -> bool:
            try:
                return all(self._ask(node, "status").get("result") == "done" for node in (HOME, STANDBY))
            except self.clients.ssm.exceptions.InvalidInstanceId:
                return False  # its agent has not registered yet

        wait_until(are_installed, "the node script being installed on both nodes", self.patience_seconds, 0.2)

        def are_connected() -> bool:
            return all(
                host.link == "connected" and host.data == "current"
                for host in read_hosts(self.world.directory).values()
            )

        wait_until(are_connected, "the replicas being connected and up to date", self.patience_seconds)

    def _run_verb(self, node: str, verb: str) -> None:
        answer = self._ask(node, verb)
        if answer.get("result") != "done":
            raise TimeoutError(f"{node} did not {verb}: {answer.get('message')}")

    def _ask(self, node: str, verb: str) -> dict[str, Any]:
        """The answer of a verb of the node script, over Run Command."""
        instance = self.installation.nodes[node].instance_id
        command = self.clients.ssm.send_command(
            InstanceIds=[instance],
            DocumentName=self.stack.document,
            DocumentVersion="$LATEST",
            Parameters={"Verb": [verb]},
            TimeoutSeconds=30,
        )["Command"]["CommandId"]
        found: dict[str, Any] = {}

        def is_over() -> bool:
            invocations = self.clients.ssm.list_command_invocations(
                CommandId=command, InstanceId=instance, Details=True
            )["CommandInvocations"]
            if not invocations or invocations[0]["Status"] in ("Pending", "InProgress", "Delayed"):
                return False
            output = "".join(plugin.get("Output", "") for plugin in invocations[0].get("CommandPlugins", []))
            found.update(_last_object(output) or {"message": f"{invocations[0]['Status']}: {output[-500:]}"})
            return True

        wait_until(is_over, f"{node} to answer {verb}", self.patience_seconds)
        return found

    def _wait_until_in_order(self, connected_at: float) -> None:
        # An alarm may be OK because it has not judged yet what was measured before the replicas met: it judges whole
        # periods, and the agent collects for a while.
        judged_at = connected_at + _JUDGED_AFTER_PERIODS * self.profile.alarm_period_seconds(_REPLICATION_ALARM_SECONDS)

        def is_in_order() -> bool:
            return time.monotonic() >= judged_at and not self.what_is_out_of_order()

        wait_until(is_in_order, "the cluster being in order", self.patience_seconds, 0.2)

    def what_is_out_of_order(self) -> list[str]:
        """What keeps the cluster from being healthy, as a user or an alarm would see it."""
        problems = []
        health = self.clients.elbv2.describe_target_health(TargetGroupArn=self.installation.target_group_arn)
        for target in health["TargetHealthDescriptions"]:
            if target["TargetHealth"]["State"] != "healthy":
                problems.append(f"target {target['Target']['Id']} is {target['TargetHealth']['State']}")
        alarms = self.clients.cloudwatch.describe_alarms(AlarmNamePrefix=f"{CLUSTER}-")["MetricAlarms"]
        for alarm in alarms:
            # They follow schedules, which are off while a testbed is made as new.
            if alarm["AlarmName"].endswith(("-not-ready", "-silent")):
                continue
            if alarm["StateValue"] == "ALARM" or (alarm["AlarmName"] in _JUDGED_ALARMS and alarm["StateValue"] != "OK"):
                problems.append(f"alarm {alarm['AlarmName']} is {alarm['StateValue']}")
        return problems


@contextmanager
def running_testbed(
    profile: Profile,
    tell: Tell,
    parameters: Mapping[str, str] | None = None,
    shape: Shape = USUAL,
    product: Path = deployment.REPOSITORY,
) -> Iterator[Testbed]:
    """Starts a cloud, makes the installation, deploys the stack; at the end nothing of it is left.

    `parameters` are stack parameters beside those of the installation and the profile; `product` is the working tree
    whose stack it is.
    Raises DeploymentError, TimeoutError, HostError.
    """
    with claimed_world() as world, ThreadPoolExecutor(max_workers=1) as pool:
        world.require_free(LISTENERS)
        building = pool.submit(deployment.build, product)
        tell("starting the local cloud")
        with running_cloud(world.directory, profile.name) as cloud:
            url = cloud.endpoint_url
            clients = Clients(Endpoint(url))
            tell("making the Garoon installation (VPC, routes, instances, ALB)")
            installation = make_installation(clients, world)
            create_hosts(world, url, installation, profile, shape)
            pace = _PACES[profile.name]
            try:
                with AppServers(clients, installation, pace.user_timeout_seconds) as app_servers:
                    app_servers.use_database_port(shape.database_port)
                    tell("building the stack (sam build)")
                    template = building.result()
                    tell("deploying the stack (sam deploy)")
                    all_parameters = {
                        **installation.parameters(),
                        # Until the nodes are in service, nobody is to bring them there.
                        "StartInMaintenance": "Yes",
                        "WatchIntervalSeconds": f"{profile.watch_interval_seconds:g}",
                        **pace.parameters,
                        **({} if shape == USUAL else shape.parameters()),
                        **volume_parameters(clients, installation, shape),
                        **(parameters or {}),
                    }
                    stack = deployment.deploy(clients, template, all_parameters)
                    queue_url = subscribe(clients, stack)
                    bed = Testbed(world, profile, clients, installation, stack, queue_url, app_servers, shape)
                    tell("bringing db-01 into service")
                    bed.enter_service()
                    yield bed
            finally:
                for name in (HOME, STANDBY):
                    SimulatedHost(world.directory / "hosts" / name).power_off()


def create_hosts(world: World, url: str, installation: Installation, profile: Profile, shape: Shape = USUAL) -> None:
    """Lays out both hosts, new and off, in the world's directory."""
    create_pair(
        world.directory,
        world.number,
        cloud_endpoint=url,
        instance_ids=(installation.nodes[HOME].instance_id, installation.nodes[STANDBY].instance_id),
        credentials=(Endpoint(url).account, "local"),
        log_flush_seconds=profile.watch_interval_seconds / 5,
        delays=Delays(boot_seconds=profile.host_boot_seconds, resync_seconds=profile.host_resync_seconds),
        services=shape.names,
        folders=shape.folders,
        exports=shape.paths,
        database_port=shape.database_port,
        mount_points=shape.mount_points,
    )


def clean_hosts(
    clients: Clients,
    installation: Installation,
    world: World,
    profile: Profile,
    patience_seconds: float,
    shape: Shape = USUAL,
) -> None:
    """Powers both instances off, gives them empty disks and a mirror in sync, and starts them again."""
    instance_ids = [node.instance_id for node in installation.nodes.values()]

    def are_all(*states: str) -> Callable[[], bool]:
        def check() -> bool:
            described = clients.ec2.describe_instances(InstanceIds=instance_ids)["Reservations"]
            found = [instance["State"]["Name"] for reservation in described for instance in reservation["Instances"]]
            return len(found) == len(instance_ids) and all(state in states for state in found)

        return check

    CloudFaults(world.directory).clear()
    # EC2 refuses to stop an instance that is still starting.
    wait_until(are_all("running", "stopping", "stopped"), "no instance starting", patience_seconds)
    clients.ec2.stop_instances(InstanceIds=instance_ids, Force=True, SkipOsShutdown=True)
    wait_until(are_all("stopped"), "both instances being stopped", patience_seconds)
    restore_network_acls(clients, installation)
    for name in installation.nodes:
        SimulatedHost(world.directory / "hosts" / name).power_off()
        shutil.rmtree(world.directory / "hosts" / name)
    create_hosts(world, clients.endpoint.url, installation, profile, shape)
    clients.ec2.start_instances(InstanceIds=instance_ids)
    wait_until(are_all("running"), "both instances running", patience_seconds)


def subscribe(clients: Clients, stack: Stack) -> str:
    queue_url = clients.sqs.create_queue(QueueName="garoon-drill")["QueueUrl"]
    queue_arn = clients.sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "sns.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": queue_arn,
                "Condition": {"ArnEquals": {"aws:SourceArn": stack.topic_arn}},
            }
        ],
    }
    clients.sqs.set_queue_attributes(QueueUrl=queue_url, Attributes={"Policy": json.dumps(policy)})
    clients.sns.subscribe(TopicArn=stack.topic_arn, Protocol="sqs", Endpoint=queue_arn)
    return queue_url


def _read_notification(body: str) -> dict[str, Any]:
    """What was published, with the execution that its text names (None: it is not about one)."""
    envelope = json.loads(body)
    text = str(envelope.get("Message", ""))
    execution = re.search(r"^Execution:\s*(\S+)", text, re.MULTILINE)
    return {
        "receivedAt": time.time(),
        "subject": str(envelope.get("Subject", "")),
        "text": text,
        "execution": execution[1] if execution else None,
        "outcome": envelope.get("MessageAttributes", {}).get("outcome", {}).get("Value"),
        "attention": envelope.get("MessageAttributes", {}).get("attention", {}).get("Value"),
    }


def _last_object(text: str) -> dict[str, Any] | None:
    for line in reversed(text.strip().splitlines()):
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            return value
    return None


def _ignore_special_files(directory: str, names: list[str]) -> set[str]:
    # Sockets and FIFOs cannot be copied; the cloud's scratch holds unpacked code, which comes and goes.
    folder = Path(directory)
    return {
        name
        for name in names
        if name == "cloud-scratch"
        or (not (folder / name).is_symlink() and not any(check(folder / name) for check in (Path.is_file, Path.is_dir)))
    }
