"""The AWS APIs that the controller calls, as far as it calls them, over the simulated servers.

Follows the services' API references: EC2 (DescribeInstanceStatus, StopInstances, StartInstances, DescribeRouteTables,
ReplaceRoute, CreateRoute, DescribeNetworkInterfaces, ModifyNetworkInterfaceAttribute), Systems Manager (SendCommand,
GetCommandInvocation, CancelCommand), CloudWatch (DescribeAlarms), Elastic Load Balancing (DescribeTargetHealth), Step
Functions, SNS, Lambda (Invoke). An operation that is missing here is an error of the campaign, not of the controller.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore import xform_name
from moto.dynamodb.exceptions import ConditionalCheckFailed, MockValidationException
from moto.dynamodb.models import DynamoDBBackend

from testbed.campaign.engine import FunctionError
from testbed.campaign.hosts import Host, Past
from testbed.campaign.stack import ACCOUNT, ISOLATION_ACL, REGION
from testbed.campaign.virtual_time import Task
from testbed.campaign.wire import AwsError, Call
from testbed.cluster.node import Promotion

if TYPE_CHECKING:
    from testbed.campaign.world import World

Json = dict[str, Any]

STDOUT_CHARACTERS = 24_000
VIRTUAL_IP_CIDR = "10.1.0.10/32"
_DELIVERY_SECONDS = 0.3
_REDELIVERY_SECONDS = 1.0
_HEALTHY_AFTER_SECONDS = 10.0
_KEY = "clusterName"

READS = frozenset(
    {
        "ec2:DescribeInstanceStatus",
        "ec2:DescribeInstances",
        "ec2:DescribeRouteTables",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeNetworkAcls",
        "ec2:DescribeSubnets",
        "ec2:DescribeSnapshots",
        "ec2:DescribeVolumes",
        "ssm:GetCommandInvocation",
        "cloudwatch:DescribeAlarms",
        "cloudwatch:GetMetricData",
        "elbv2:DescribeTargetHealth",
        "dynamodb:GetItem",
        "stepfunctions:DescribeExecution",
        "stepfunctions:ListExecutions",
    }
)
"""Operations that change nothing; every other one does."""


class Apis:
    """One method for each operation, named service_operation."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.table = Table(world)
        self.commands = Commands(world)
        self.seconds_behind = 0.0
        """How old the answers of eventually consistent reads are; a fault sets it for the time of one call."""

    def answer(self, call: Call) -> Json:
        """Raises AwsError; NotImplementedError for an operation that the campaign lacks."""
        operation = getattr(self, f"{call.service}_{xform_name(call.operation)}", None)
        if operation is None:
            raise NotImplementedError(f"The campaign's AWS has no {call.name}.")
        if call.parameters.get("DryRun"):
            self._require_known(call.parameters)
            raise AwsError("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412)
        answer: Json = operation(call.parameters)
        return answer

    def _require_known(self, parameters: Mapping[str, Any]) -> None:
        """A dry run names an instance that EC2 knows; of the other things, all that are configured exist here."""
        for instance_id in parameters.get("InstanceIds", []):
            self._host(instance_id)

    def _host(self, instance_id: str) -> Host:
        for host in self._world.hosts.values():
            if host.instance_id == instance_id and host.is_known_to_ec2:
                return host
        raise AwsError("InvalidInstanceID.NotFound", f"The instance ID '{instance_id}' does not exist")

    # --- EC2

    def ec2_describe_instance_status(self, parameters: Mapping[str, Any]) -> Json:
        statuses = []
        for host in map(self._host, parameters["InstanceIds"]):
            state = host.instance_state.get(self.seconds_behind)
            if state != "running" and not parameters.get("IncludeAllInstances"):
                continue
            check = host.checks() if state == "running" else "not-applicable"
            statuses.append(
                {
                    "InstanceId": host.instance_id,
                    "InstanceState": {"Name": state},
                    "SystemStatus": {"Status": "ok" if check == "impaired" else check},
                    "InstanceStatus": {"Status": check},
                }
            )
        return {"InstanceStatuses": statuses}

    def ec2_describe_instances(self, parameters: Mapping[str, Any]) -> Json:
        return {
            "Reservations": [
                {
                    "Instances": [
                        {
                            "InstanceId": host.instance_id,
                            "LaunchTime": datetime.fromtimestamp(host.launched_at, UTC),
                            "StateReason": {"Code": host.state_reason, "Message": f"{host.state_reason}: because."},
                        }
                    ]
                }
                for host in map(self._host, parameters["InstanceIds"])
            ]
        }

    def ec2_stop_instances(self, parameters: Mapping[str, Any]) -> Json:
        for host in map(self._host, parameters["InstanceIds"]):
            host.was_well_when_stopped |= host.is_well
            host.stop_instance(skips_shutdown=bool(parameters.get("Force") and parameters.get("SkipOsShutdown")))
        return {"StoppingInstances": []}

    def ec2_start_instances(self, parameters: Mapping[str, Any]) -> Json:
        for host in map(self._host, parameters["InstanceIds"]):
            if host.instance_state.get() == "stopping":
                raise AwsError("IncorrectInstanceState", "The instance is not in a state from which it can be started.")
            host.start_instance()
        return {"StartingInstances": []}

    def ec2_describe_route_tables(self, parameters: Mapping[str, Any]) -> Json:
        [wanted] = [one["Values"] for one in parameters["Filters"] if one["Name"] == "route-table-id"]
        tables = []
        for table_id, target in self._world.routes.items():
            if table_id not in wanted:
                continue
            routes: list[Json] = [{"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "State": "active"}]
            if interface := target.get(self.seconds_behind):
                routes.append(
                    {"DestinationCidrBlock": VIRTUAL_IP_CIDR, "NetworkInterfaceId": interface, "State": "active"}
                )
            tables.append({"RouteTableId": table_id, "Routes": routes})
        return {"RouteTables": tables}

    def ec2_replace_route(self, parameters: Mapping[str, Any]) -> Json:
        if self._world.routes[parameters["RouteTableId"]].get() is None:
            raise AwsError("InvalidParameterValue", "There is no route defined for the destination.")
        self._set_route(parameters)
        return {}

    def ec2_create_route(self, parameters: Mapping[str, Any]) -> Json:
        if self._world.routes[parameters["RouteTableId"]].get() is not None:
            raise AwsError("RouteAlreadyExists", "The route identified by 10.1.0.10/32 already exists.")
        self._set_route(parameters)
        return {"Return": True}

    def _set_route(self, parameters: Mapping[str, Any]) -> None:
        if parameters["DestinationCidrBlock"] != VIRTUAL_IP_CIDR:
            raise NotImplementedError(f"A route to {parameters['DestinationCidrBlock']} is none of ours.")
        self._world.set_route(parameters["RouteTableId"], parameters["NetworkInterfaceId"])

    def ec2_describe_network_interfaces(self, parameters: Mapping[str, Any]) -> Json:
        checks = self._world.source_dest_checks
        every = [
            {
                "NetworkInterfaceId": name,
                "SourceDestCheck": checks[name].get(self.seconds_behind) if name in checks else True,
                "SubnetId": subnet,
                "Attachment": {"InstanceId": host.instance_id, "DeviceIndex": index},
            }
            for host in self._world.hosts.values()
            for index, (name, subnet) in enumerate(zip(host.interface_ids, host.subnet_ids, strict=True))
        ]
        wanted = {
            "subnet-id": lambda one: one["SubnetId"],
            "attachment.instance-id": lambda one: one["Attachment"]["InstanceId"],
        }
        for given in parameters.get("Filters", []):
            every = [one for one in every if wanted[given["Name"]](one) in given["Values"]]
        if names := parameters.get("NetworkInterfaceIds"):
            every = [one for one in every if one["NetworkInterfaceId"] in names]
        return {"NetworkInterfaces": every}

    def ec2_describe_network_acls(self, parameters: Mapping[str, Any]) -> Json:
        [subnets] = [one["Values"] for one in parameters["Filters"] if one["Name"] == "association.subnet-id"]
        found: dict[str, list[Json]] = {}
        for subnet, association in self._world.acls.items():
            acl, association_id = association.get(self.seconds_behind)
            entry = {"NetworkAclAssociationId": association_id, "NetworkAclId": acl, "SubnetId": subnet}
            found.setdefault(acl, []).append(entry)
        return {
            "NetworkAcls": [
                {
                    "NetworkAclId": acl,
                    "Associations": associations,
                    "Entries": [{"RuleAction": "deny"}] + ([] if acl == ISOLATION_ACL else [{"RuleAction": "allow"}]),
                }
                for acl, associations in found.items()
                if any(one["SubnetId"] in subnets for one in associations)
            ]
        }

    def ec2_replace_network_acl_association(self, parameters: Mapping[str, Any]) -> Json:
        for subnet, association in self._world.acls.items():
            if association.get()[1] == parameters["AssociationId"]:
                return {"NewAssociationId": self._world.set_acl(subnet, parameters["NetworkAclId"])}
        raise AwsError("InvalidAssociationID.NotFound", "The association ID does not exist")

    def ec2_modify_network_interface_attribute(self, parameters: Mapping[str, Any]) -> Json:
        self._world.source_dest_checks[parameters["NetworkInterfaceId"]].set(parameters["SourceDestCheck"]["Value"])
        return {}

    def ec2_describe_volumes(self, parameters: Mapping[str, Any]) -> Json:
        return {
            "Volumes": [
                {
                    "VolumeId": host.volume_id,
                    "Attachments": [{"InstanceId": host.instance_id, "Device": "/dev/xvdb", "State": "attached"}],
                }
                for host in self._world.hosts.values()
                if host.volume_id in parameters["VolumeIds"]
            ]
        }

    def ec2_create_snapshot(self, parameters: Mapping[str, Any]) -> Json:
        [host] = [host for host in self._world.hosts.values() if host.volume_id == parameters["VolumeId"]]
        [tags] = [one["Tags"] for one in parameters["TagSpecifications"]]
        [execution] = [tag["Value"] for tag in tags if tag["Key"] == "garoon-failover:execution"]
        return {"SnapshotId": self._world.take_snapshot(host, execution)}

    def ec2_describe_snapshots(self, parameters: Mapping[str, Any]) -> Json:
        snapshots = self._world.snapshots
        if "Filters" in parameters:
            wanted = {one["Name"]: one["Values"] for one in parameters["Filters"]}
            return {
                "Snapshots": [
                    {"SnapshotId": name}
                    for name, snapshot in snapshots.items()
                    if [self._world.hosts[snapshot.node].volume_id] == wanted["volume-id"]
                    and [snapshot.execution] == wanted["tag:garoon-failover:execution"]
                    and self._world.loop.now - snapshot.taken_at >= self.seconds_behind
                ]
            }
        found = [name for name in parameters["SnapshotIds"] if name in snapshots]
        if not found:
            raise AwsError("InvalidSnapshot.NotFound", "The snapshot does not exist.")
        return {
            "Snapshots": [
                {"SnapshotId": name, "State": snapshots[name].state_at(self._world.loop.now), "Progress": "50%"}
                for name in found
            ]
        }

    # --- CloudWatch, Elastic Load Balancing, SNS

    def cloudwatch_describe_alarms(self, parameters: Mapping[str, Any]) -> Json:
        alarms = self._world.alarms
        return {
            "MetricAlarms": [
                {"AlarmName": name, "StateValue": alarms[name].get(self.seconds_behind), "ActionsEnabled": True}
                for name in parameters["AlarmNames"]
                if name in alarms
            ]
        }

    def cloudwatch_get_metric_data(self, parameters: Mapping[str, Any]) -> Json:
        results = []
        for query in parameters["MetricDataQueries"]:
            metric = query["MetricStat"]["Metric"]
            dimensions = {one["Name"]: one["Value"] for one in metric["Dimensions"]}
            host = self._world.hosts[dimensions["Node"]]
            assert dimensions["InstanceId"] == host.instance_id
            beat = host.last_beat.get(self.seconds_behind)
            value = 1.0 if metric["MetricName"] == "Heartbeat" else float(beat.is_replicating)
            at = datetime.fromtimestamp(beat.at - beat.at % query["MetricStat"]["Period"], UTC)
            points = [at] if at >= parameters["StartTime"] else []
            results.append(
                {
                    "Id": query["Id"],
                    "Label": query["Label"],
                    "Timestamps": points,
                    "Values": [value] * len(points),
                    "StatusCode": "Complete",
                }
            )
        return {"MetricDataResults": results}

    def elbv2_describe_target_health(self, _parameters: Mapping[str, Any]) -> Json:
        since = self._world.served_since
        is_healthy = since is not None and self._world.loop.now - since >= _HEALTHY_AFTER_SECONDS
        health = {"State": "healthy"} if is_healthy else {"State": "unhealthy", "Reason": "Target.FailedHealthChecks"}
        targets = [{"Id": name} for name in ("i-0app1", "i-0app2")]
        return {"TargetHealthDescriptions": [{"Target": target, "TargetHealth": health} for target in targets]}

    def sns_publish(self, parameters: Mapping[str, Any]) -> Json:
        self._world.notifications.append((self._world.loop.now, dict(parameters)))
        return {"MessageId": str(len(self._world.notifications))}

    # --- Step Functions

    def stepfunctions_describe_execution(self, parameters: Mapping[str, Any]) -> Json:
        execution = self._world.engine.execution(parameters["executionArn"])
        if execution is None:
            raise AwsError("ExecutionDoesNotExist", "Execution Does Not Exist")
        return {
            "executionArn": execution["executionArn"],
            "stateMachineArn": execution["stateMachineArn"],
            "name": execution["name"],
            "status": execution["status"],
            "startDate": _moment(execution["startDate"]),
        }

    def stepfunctions_list_executions(self, parameters: Mapping[str, Any]) -> Json:
        found = [
            {
                "executionArn": execution["executionArn"],
                "stateMachineArn": execution["stateMachineArn"],
                "name": execution["name"],
                "status": execution["status"],
                "startDate": _moment(execution["startDate"]),
            }
            for execution in reversed(self._world.engine.executions())
            if execution["stateMachineArn"] == parameters["stateMachineArn"]
            and execution["status"] == parameters.get("statusFilter", execution["status"])
        ]
        return {"executions": found[: parameters.get("maxResults", 100)]}

    def stepfunctions_start_execution(self, parameters: Mapping[str, Any]) -> Json:
        arn = self._world.engine.start(
            parameters["stateMachineArn"], json.loads(parameters["input"]), parameters.get("name", "")
        )
        if arn is None:
            raise AwsError("ExecutionAlreadyExists", "Execution Already Exists")
        return {"executionArn": arn, "startDate": datetime.fromtimestamp(self._world.loop.now, UTC)}

    # --- Lambda

    def lambda_invoke(self, parameters: Mapping[str, Any]) -> Json:
        """Runs it and waits. What Lambda itself refuses is an error of the API, named without "Lambda."."""
        name = str(parameters["FunctionName"])
        engine = self._world.engine
        try:
            result = engine.invoke(engine.stack.function_named(name).arn, json.loads(parameters["Payload"]), None)
        except FunctionError as error:
            service, _, code = error.error.rpartition(".")
            if service == "Lambda":
                raise AwsError(code, error.message, 409) from None
            said = {"errorType": error.error, "errorMessage": error.message}
            return {"StatusCode": 200, "FunctionError": "Unhandled", "Payload": io.BytesIO(json.dumps(said).encode())}
        return {"StatusCode": 200, "Payload": io.BytesIO(json.dumps(result).encode())}

    # --- DynamoDB, Run Command

    def dynamodb_get_item(self, parameters: Mapping[str, Any]) -> Json:
        item = self.table.read(is_consistent=bool(parameters.get("ConsistentRead")))
        return {} if item is None else {"Item": item}

    def dynamodb_update_item(self, parameters: Mapping[str, Any]) -> Json:
        self.table.update(parameters)
        return {}

    def ssm_send_command(self, parameters: Mapping[str, Any]) -> Json:
        [instance_id] = parameters["InstanceIds"]
        host = next((host for host in self._world.hosts.values() if host.instance_id == instance_id), None)
        if host is None or host.instance_state.get() not in ("running", "stopping"):
            raise AwsError("InvalidInstanceId", f"Instances [[{instance_id}]] not in a valid state")
        command = self.commands.send(host, parameters)
        return {"Command": {"CommandId": command.id}}

    def ssm_get_command_invocation(self, parameters: Mapping[str, Any]) -> Json:
        command = self.commands.find(parameters["CommandId"])
        return {
            "CommandId": command.id,
            "InstanceId": command.host.instance_id,
            "Status": command.status,
            "StatusDetails": command.details,
            "ResponseCode": command.exit_code,
            "StandardOutputContent": command.output[:STDOUT_CHARACTERS],
            "StandardErrorContent": command.error,
        }

    def ssm_cancel_command(self, parameters: Mapping[str, Any]) -> Json:
        self.commands.find(parameters["CommandId"]).cancel()
        return {}


class Table:
    """The cluster table, with moto's evaluation of expressions."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._backend = DynamoDBBackend(REGION, ACCOUNT)
        self._backend.create_table(
            name="ClusterTable", schema=[{"AttributeName": _KEY, "KeyType": "HASH"}], throughput=None,
            attr=[{"AttributeName": _KEY, "AttributeType": "S"}], global_indexes=[], indexes=[], streams=None,
            billing_mode="PAY_PER_REQUEST", sse_specification=None, tags=[], deletion_protection_enabled=False,
            warm_throughput=None,
        )  # fmt: skip
        self._past = Past(world.loop, None)

    @property
    def item(self) -> Json | None:
        """The item as DynamoDB has it now, with its types."""
        item: Json | None = self._past.get()
        return item

    def read(self, *, is_consistent: bool) -> Json | None:
        item: Json | None = self._past.get(0.0 if is_consistent else 5.0)
        return item

    def put(self, item: Json | None) -> None:
        """An operator, or a fault, writes the item as a whole."""
        table = self._backend.get_table("ClusterTable")
        table.items.clear()
        if item is not None:
            table.put_item(item)
        self._remember()

    def update(self, parameters: Mapping[str, Any]) -> None:
        try:
            self._backend.update_item(
                "ClusterTable",
                parameters["Key"],
                parameters["UpdateExpression"],
                parameters.get("ExpressionAttributeNames", {}),
                parameters.get("ExpressionAttributeValues", {}),
                condition_expression=parameters.get("ConditionExpression"),
            )
        except ConditionalCheckFailed:
            raise AwsError("ConditionalCheckFailedException", "The conditional request failed") from None
        except MockValidationException as error:
            raise AwsError("ValidationException", str(error)) from error
        self._remember()
        self._world.changed("the cluster record is written")

    def _remember(self) -> None:
        item = self._backend.get_item("ClusterTable", {_KEY: {"S": "garoon"}})
        self._past.set(None if item is None else item.to_json()["Attributes"])


@dataclass(eq=False)
class Command:
    """One command on one node."""

    id: str
    host: Host
    verb: str
    epoch: int
    expires_at: int
    promotion: Promotion
    caller: Any
    status: str = "Pending"
    details: str = "Pending"
    exit_code: int = -1
    output: str = ""
    error: str = ""
    task: Task[Any] | None = field(default=None, repr=False)

    @property
    def is_over(self) -> bool:
        return self.status not in ("Pending", "InProgress", "Cancelling")

    def finish(self, status: str, details: str, exit_code: int = -1, output: str = "") -> None:
        if not self.is_over:
            self.exit_code, self.output, self.status, self.details = exit_code, output, status, details

    def cancel(self) -> None:
        """A command that waits is dropped; one that runs goes on, as a process that ignores its agent's wish."""
        if self.status == "Pending":
            self.finish("Cancelled", "Cancelled")
        elif self.status == "InProgress":
            self.status = self.details = "Cancelling"


class Commands:
    """Run Command: hands commands to the nodes' agents."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._commands: dict[str, Command] = {}
        self.around: Callable[[Command, Callable[[], None]], None] = lambda _command, perform: perform()
        """A fault's way to have a command end otherwise."""

    def find(self, command_id: str) -> Command:
        if command_id not in self._commands:
            raise AwsError("InvocationDoesNotExist", "")
        return self._commands[command_id]

    def send(self, host: Host, parameters: Mapping[str, Any]) -> Command:
        given = {name: value for name, [value] in parameters["Parameters"].items()}
        command = Command(
            f"{len(self._commands) + 1:08d}-0000-4000-8000-000000000000",
            host,
            given["Verb"],
            int(given.get("Epoch", "0")),
            int(given.get("ExpiresAt", "0")),
            Promotion.of(given),
            self._world.loop.current.note("invocation"),
        )
        self._commands[command.id] = command
        limit = float(parameters.get("TimeoutSeconds", 3600))
        self._world.loop.spawn(lambda: self._deliver(command, limit), f"deliver {command.verb}")
        return command

    def _deliver(self, command: Command, limit: float) -> None:
        loop = self._world.loop
        deadline = loop.now + limit
        loop.sleep(_DELIVERY_SECONDS)
        while not command.host.takes_commands:
            if command.is_over:
                return
            if loop.now >= deadline:
                command.finish("TimedOut", "DeliveryTimedOut")
                return
            loop.sleep(_REDELIVERY_SECONDS)
        if not command.is_over:
            command.status = command.details = "InProgress"
            self.around(command, lambda: self.run(command))

    def run(self, command: Command) -> None:
        """The agent runs it; if the node dies meanwhile nobody ever hears of it."""
        command.task = command.host.run(lambda: self._execute(command), command.verb)

    def _execute(self, command: Command) -> None:
        host = command.host
        self._world.log(f"{host.name} begins {command.verb} (epoch {command.epoch})")
        self._world.observer.verb_begins(command)
        exit_code, said = host.obey(command.verb, command.epoch, command.expires_at, command.promotion)
        self._world.observer.verb_ended(command, said)
        while not host.takes_commands:
            host.work(1.0)  # the agent sends the result once it can
        self.report(command, exit_code, json.dumps(said) + "\n")

    def report(self, command: Command, exit_code: int, output: str) -> None:
        """What the agent says of the command's end."""
        if command.status == "Cancelling":
            command.finish("Cancelled", "Cancelled", exit_code, output)
        elif exit_code == 0:
            command.finish("Success", "Success", 0, output)
        else:
            command.finish("Failed", "Failed", exit_code, output)

    def kill(self, command: Command) -> None:
        """The script's process is killed (SIGKILL); what it had done so far stays."""
        if command.task is not None and not command.task.is_over:
            command.task.kill()
        self.report(command, 137, "")


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
