"""On the deployed stack, a failover leaves its record, and is heard of on EventBridge and in the chat's topic."""

import json
import time
from typing import Any

import pytest
from failover.announcement import EVENTS, SOURCE
from failover.execution_record import ExecutionRecord
from jsonschema import validate

from events.generate_schemas import path_of
from testbed import scenarios
from testbed.run.bed import Testbed
from testbed.run.drill import run as run_drill
from testbed.world.waiting import wait_until

PATIENCE_SECONDS = 30.0


class Listener:
    """A queue to which a rule of EventBridge's, or a topic, delivers."""

    def __init__(self, bed: Testbed, name: str) -> None:
        self._sqs = bed.clients.sqs
        self.url = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        attributes = self._sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])["Attributes"]
        self.arn = attributes["QueueArn"]
        services = ["events.amazonaws.com", "sns.amazonaws.com"]
        statement = {
            "Effect": "Allow", "Principal": {"Service": services}, "Action": "sqs:SendMessage", "Resource": self.arn,
        }  # fmt: skip
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self._sqs.set_queue_attributes(QueueUrl=self.url, Attributes={"Policy": policy})
        self.heard: list[dict[str, Any]] = []

    def listen(self) -> list[dict[str, Any]]:
        """All that came until now."""
        while messages := self._sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                self.heard.append(json.loads(message["Body"]))
                self._sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return self.heard


@pytest.fixture
def bus(bed: Testbed) -> Listener:
    listener, events = Listener(bed, "own-events"), bed.clients.events
    events.put_rule(Name="own-events", EventPattern=json.dumps({"source": [SOURCE]}))
    events.put_targets(Rule="own-events", Targets=[{"Id": "queue", "Arn": listener.arn}])
    return listener


@pytest.fixture
def chat(bed: Testbed) -> Listener:
    listener = Listener(bed, "chat")
    bed.clients.sns.subscribe(
        TopicArn=bed.stack.outputs["ChatTopicArn"], Protocol="sqs", Endpoint=listener.arn,
        Attributes={"RawMessageDelivery": "true"},
    )  # fmt: skip
    return listener


def records(bed: Testbed) -> list[ExecutionRecord]:
    items = bed.clients.dynamodb.query(
        TableName=bed.stack.outputs["HistoryTableName"], KeyConditionExpression="#kind = :kind",
        ExpressionAttributeNames={"#kind": "kind"}, ExpressionAttributeValues={":kind": {"S": "execution"}},
        ScanIndexForward=False,
    )["Items"]  # fmt: skip
    return [ExecutionRecord.model_validate_json(item["record"]["S"]) for item in items]


def test_a_failover_is_heard_of_in_every_channel(bed: Testbed, bus: Listener, chat: Listener) -> None:
    began = time.time()
    drill = run_drill(bed, scenarios.find("network-loss"))
    assert drill.has_passed, drill.problems

    def outcomes() -> list[dict[str, Any]]:
        return [one["detail"] for one in bus.listen() if one["detail"].get("outcome") == "FailedOver"]

    wait_until(lambda: bool(outcomes()), "the outcome on the bus", PATIENCE_SECONDS)
    [outcome] = outcomes()
    schemas = {event.TYPE: json.loads(path_of(event).read_text()) for event in EVENTS}
    for event in bus.heard:
        validate(event["detail"], schemas[event["detail-type"]])
    own = [one for one in bus.heard if one["detail"].get("execution") == outcome["execution"]]
    steps = {one["detail"]["step"] for one in own if "step" in one["detail"]}
    assert {"fence_node", "promote_replica", "start_services", "swap_route", "record_outcome"} <= steps
    assert "Garoon Failover Execution Started" in {one["detail-type"] for one in own}

    def told() -> list[dict[str, Any]]:
        return [one for one in chat.listen() if outcome["execution"] in one["metadata"]["relatedResources"]]

    wait_until(lambda: any("FailedOver" in one["content"]["title"] for one in told()), "the chat", PATIENCE_SECONDS)
    threads = {one["metadata"]["threadId"] for one in told()}
    assert len(threads) == 1

    def kept() -> list[ExecutionRecord]:
        return [one for one in records(bed) if one.execution == outcome["execution"]]

    wait_until(lambda: bool(kept()), "the record", PATIENCE_SECONDS)
    [record] = kept()
    assert record.came_to == "FailedOver"
    assert record.started_at.timestamp() >= began
    assert record.decision is not None
    assert record.evidence is not None
    assert {"FenceNode", "PromoteReplica", "StartServices", "SwapRoute"} <= {one.step for one in record.steps}
