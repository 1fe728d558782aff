"""One local cloud for all tests of the session; each test makes what it needs in it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import boto3
import pytest
from botocore.config import Config

from testbed.cloud.launch import RunningCloud, running_cloud
from testbed.cloud.server import ACCOUNT, REGION, SECRET

FAKE_HOSTS = "tests.cloud.fake_hosts:make_host"
PATIENCE_SECONDS = 20.0
LAMBDA_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
        for service in ("lambda.amazonaws.com", "states.amazonaws.com", "events.amazonaws.com")
    ],
}

T = TypeVar("T")


def eventually(look: Callable[[], T | None], what: str, seconds: float = PATIENCE_SECONDS) -> T:
    """The first true answer of `look`."""
    deadline = time.monotonic() + seconds
    while not (answer := look()):
        assert time.monotonic() < deadline, f"in vain for {seconds} s: {what}"
        time.sleep(0.05)
    return answer


def name(prefix: str) -> str:
    """A name of its own for each test."""
    return f"{prefix}-{uuid4().hex[:8]}"


@dataclass(frozen=True)
class Instance:
    """An instance with its primary interface and its host's directory."""

    id: str
    interface_id: str
    address: str
    subnet_id: str
    vpc_id: str
    host: Path

    def history(self) -> list[str]:
        file = self.host / "history"
        return file.read_text().split() if file.exists() else []


class Account:
    """The account's administrator, and the things that most tests make."""

    def __init__(self, cloud: RunningCloud) -> None:
        self.cloud = cloud
        self._session = boto3.session.Session(ACCOUNT, SECRET, region_name=REGION)
        self._address = 0

    def client(self, service: str, *, parameter_validation: bool = True) -> Any:
        return _client(self._session, service, self.cloud.endpoint_url, parameter_validation)

    def make_instance(self) -> Instance:
        """A running instance whose host has booted."""
        ec2 = self.client("ec2")
        self._address += 1
        vpc_id = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=vpc_id, CidrBlock="10.0.3.0/24", AvailabilityZone=f"{REGION}c")["Subnet"]
        address = f"10.0.3.{self._address}"
        interface = ec2.create_network_interface(SubnetId=subnet["SubnetId"], PrivateIpAddress=address)
        interface_id = interface["NetworkInterface"]["NetworkInterfaceId"]
        instance_id = ec2.run_instances(
            ImageId="ami-0123456789abcdef0",
            MinCount=1,
            MaxCount=1,
            NetworkInterfaces=[{"DeviceIndex": 0, "NetworkInterfaceId": interface_id}],
        )["Instances"][0]["InstanceId"]
        host = self.cloud.world_directory / "hosts" / name("db")
        host.mkdir(parents=True)
        (host / "host.json").write_text(json.dumps({"instanceId": instance_id}))
        instance = Instance(instance_id, interface_id, address, subnet["SubnetId"], vpc_id, host)
        eventually(lambda: "boot" in instance.history(), "boot of the host")
        return instance

    def state_of(self, instance: Instance) -> str:
        described = self.client("ec2").describe_instances(InstanceIds=[instance.id])
        return str(described["Reservations"][0]["Instances"][0]["State"]["Name"])

    def make_role(self, *statements: dict[str, Any]) -> str:
        """A role that Lambda, Step Functions and EventBridge may take on; returns its ARN."""
        iam, role = self.client("iam"), name("role")
        arn = iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(LAMBDA_TRUST))["Role"]["Arn"]
        if statements:
            policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **each} for each in statements]}
            iam.put_role_policy(RoleName=role, PolicyName="all", PolicyDocument=json.dumps(policy))
        return str(arn)

    def make_queue(self, condition: dict[str, dict[str, str]] | None = None) -> tuple[str, str]:
        """A queue that EventBridge may send to, under that condition: its URL and its ARN."""
        sqs = self.client("sqs")
        url = sqs.create_queue(QueueName=name("queue"))["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": ["events.amazonaws.com", "sns.amazonaws.com"]},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            **({"Condition": condition} if condition else {}),
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        return url, arn

    def listen(self, pattern: dict[str, Any]) -> str:
        """A queue that gets the default bus's events of that pattern; returns its URL."""
        url, arn = self.make_queue()
        events, rule = self.client("events"), name("rule")
        events.put_rule(Name=rule, EventPattern=json.dumps(pattern))
        events.put_targets(Rule=rule, Targets=[{"Id": "queue", "Arn": arn}])
        return url

    def receive(self, queue_url: str) -> list[dict[str, Any]]:
        """All that is in the queue now, each message's body parsed, with its attributes under `attributes`."""
        sqs, bodies = self.client("sqs"), []
        while messages := sqs.receive_message(
            QueueUrl=queue_url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        ).get("Messages"):
            for message in messages:
                bodies.append({**json.loads(message["Body"]), "attributes": message.get("MessageAttributes", {})})
                sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
        return bodies

    def wait_for(self, queue_url: str, count: int) -> list[dict[str, Any]]:
        """The first messages to arrive, at least `count` of them."""
        bodies: list[dict[str, Any]] = []

        def is_enough() -> bool:
            bodies.extend(self.receive(queue_url))
            return len(bodies) >= count

        eventually(is_enough, f"{count} messages")
        return bodies

    def api_calls(self) -> list[dict[str, Any]]:
        lines = (self.cloud.world_directory / "api-calls.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]


def client_of(account: Account, role: str) -> Callable[[str], Any]:
    """Clients that act as the role."""
    credentials = account.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]

    def client(service: str) -> Any:
        return boto3.session.Session().client(  # type: ignore[call-overload]
            service,
            endpoint_url=account.cloud.endpoint_url,
            region_name=REGION,
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials["SessionToken"],
            config=Config(retries={"total_max_attempts": 1}),
        )

    return client


def arn_of(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


@cache
def _client(session: boto3.session.Session, service: str, url: str, parameter_validation: bool) -> Any:
    config = Config(retries={"total_max_attempts": 1}, read_timeout=60, parameter_validation=parameter_validation)
    return session.client(service, endpoint_url=url, config=config)  # type: ignore[call-overload]


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCloud]:
    with running_cloud(tmp_path_factory.mktemp("world"), host_factory=FAKE_HOSTS) as running:
        yield running


@pytest.fixture(scope="session")
def account(cloud: RunningCloud) -> Account:
    return Account(cloud)


@pytest.fixture(scope="session", autouse=True)
def undelivered_command(account: Account) -> tuple[Instance, str]:
    """A command to an agent that fell silent, sent before all tests: its 30 s of delivery time pass beside them."""
    silent, ssm, document = account.make_instance(), account.client("ssm"), name("document")
    step = {"action": "aws:runShellScript", "name": "run", "inputs": {"runCommand": ["exit 0"]}}
    content = json.dumps({"schemaVersion": "2.2", "mainSteps": [step]})
    ssm.create_document(Name=document, Content=content, DocumentType="Command")

    def is_known() -> bool:
        filters = [{"Key": "InstanceIds", "Values": [silent.id]}]
        return bool(ssm.describe_instance_information(Filters=filters)["InstanceInformationList"])

    eventually(is_known, "the agent's first sign of life")
    (silent.host / "faults.json").write_text('{"hang": true}')
    command = ssm.send_command(DocumentName=document, InstanceIds=[silent.id], TimeoutSeconds=30)["Command"]
    return silent, command["CommandId"]


@pytest.fixture
def faultless(cloud: RunningCloud) -> Iterator[None]:
    """No fault is left behind."""
    yield
    cloud.faults.clear()
