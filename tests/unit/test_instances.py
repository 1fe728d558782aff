"""What EC2 and Step Functions say, and what it is taken for: only what is certain counts as off, or as ended."""

from typing import Any

import pytest
from botocore.exceptions import ClientError
from failover.adapters import executions, instances
from failover.errors import CloudUnavailable, NotYet
from failover.models import InstanceState, StatusChecks
from failover.settings import Settings


class FakeClient:
    """Answers each of the calls that are tested here."""

    def __init__(self, answer: dict[str, Any] | ClientError) -> None:
        self._answer = answer

    def describe_instance_status(self, **_given: Any) -> dict[str, Any]:
        if isinstance(self._answer, ClientError):
            raise self._answer
        return self._answer

    describe_execution = start_instances = describe_instance_status


def instance_status(settings: Settings, state: str, **checks: str) -> dict[str, Any]:
    summaries = {name: {"Status": status} for name, status in checks.items()}
    status = {"InstanceId": settings.node("db-01").instance_id, "InstanceState": {"Name": state}} | summaries
    return {"InstanceStatuses": [status]}


def read(settings: Settings, monkeypatch: pytest.MonkeyPatch, answer: Any) -> tuple[InstanceState, StatusChecks]:
    monkeypatch.setattr(instances, "client", lambda _service: FakeClient(answer))
    return instances.read_instance(settings.node("db-01"))


@pytest.mark.parametrize(
    ("state", "taken_for"),
    [
        ("pending", InstanceState.ON),
        ("running", InstanceState.ON),
        ("stopping", InstanceState.GOING_OFF),
        ("shutting-down", InstanceState.GOING_OFF),
        ("stopped", InstanceState.OFF),
        ("terminated", InstanceState.GONE),
        ("something-new", InstanceState.UNKNOWN),
    ],
)
def test_only_stopped_and_terminated_are_off(
    state: str, taken_for: InstanceState, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read(settings, monkeypatch, instance_status(settings, state))[0] is taken_for


@pytest.mark.parametrize(
    ("checks", "taken_for"),
    [
        ({"SystemStatus": "ok", "InstanceStatus": "ok"}, StatusChecks.PASSED),
        ({"SystemStatus": "ok", "InstanceStatus": "ok", "AttachedEbsStatus": "impaired"}, StatusChecks.FAILED),
        ({"SystemStatus": "ok", "InstanceStatus": "initializing"}, StatusChecks.UNKNOWN),
        ({"SystemStatus": "insufficient-data", "InstanceStatus": "ok"}, StatusChecks.UNKNOWN),
        ({}, StatusChecks.UNKNOWN),
    ],
)
def test_only_impaired_is_failed(
    checks: dict[str, str], taken_for: StatusChecks, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read(settings, monkeypatch, instance_status(settings, "running", **checks))[1] is taken_for


def test_an_instance_that_is_not_listed_is_forgotten_and_not_off(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    unknown = (InstanceState.FORGOTTEN, StatusChecks.UNKNOWN)
    assert not InstanceState.FORGOTTEN.is_off
    assert read(settings, monkeypatch, {"InstanceStatuses": []}) == unknown
    error = ClientError({"Error": {"Code": "InvalidInstanceID.NotFound", "Message": "?"}}, "DescribeInstanceStatus")
    assert read(settings, monkeypatch, error) == unknown
    somebody_else = instance_status(settings, "stopped")
    somebody_else["InstanceStatuses"][0]["InstanceId"] = settings.node("db-02").instance_id
    assert read(settings, monkeypatch, somebody_else) == unknown


@pytest.mark.parametrize("code", ["InvalidInstanceID.NotFound", "InsufficientInstanceCapacity"])
def test_a_start_that_ec2_cannot_do_just_now_is_tried_again(
    code: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state was read a moment before: an id that is unknown all the same is one that EC2 will know again."""
    error = ClientError({"Error": {"Code": code, "Message": "?"}}, "StartInstances")
    monkeypatch.setattr(instances, "client", lambda _service: FakeClient(error))
    with pytest.raises(NotYet, match="EC2 cannot start i-0a of db-01 just now"):
        instances.start(settings.node_a)


def test_an_api_that_is_out_of_order_says_nothing_of_the_instance(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = ClientError({"Error": {"Code": "RequestLimitExceeded", "Message": "Slow down."}}, "DescribeInstanceStatus")
    with pytest.raises(CloudUnavailable, match="RequestLimitExceeded"):
        read(settings, monkeypatch, error)


@pytest.mark.parametrize(
    ("status", "has_ended"),
    [("RUNNING", False), ("SUCCEEDED", True), ("FAILED", True), ("TIMED_OUT", True), ("ABORTED", True)],
)
def test_an_execution_has_ended_only_when_it_does_not_run(
    status: str, has_ended: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executions, "client", lambda _service: FakeClient({"status": status}))
    assert executions.has_ended("arn") is has_ended
