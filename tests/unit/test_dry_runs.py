"""A rehearsal gives every order of its step as a dry run, changes nothing, and says what stands in the way."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from failover.adapters import cluster_table, notifications
from failover.adapters.clients import client
from failover.adapters.dry_runs import dry_runs
from failover.errors import Failed, LockLost
from failover.models import ClusterRecord
from failover.settings import Settings, read_settings
from failover.steps.confirm_stop import rehearse_confirm_stop
from failover.steps.fence_node import rehearse_fence_node
from failover.steps.keep_data import rehearse_keep_data
from failover.steps.start_node import rehearse_start_node
from failover.steps.swap_route import rehearse_swap_route

from tests.unit.conftest import make_environment
from tests.unit.fake_network import FakeNetwork

Rehearse = Callable[[Settings], list[str]]
REHEARSALS: list[Rehearse] = [
    rehearse_confirm_stop,
    rehearse_fence_node,
    rehearse_keep_data,
    rehearse_start_node,
    rehearse_swap_route,
]


class DryEc2(FakeNetwork):
    """EC2 as it answers dry runs; without DryRun each changing call fails the test."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._settings = settings
        self.tried: list[tuple[str, str]] = []
        """Operation, and the thing that it names."""
        self.answers: dict[tuple[str, str], tuple[str, str]] = {}
        """Code and message in place of DryRunOperation."""
        self.ignores_dry_run = False
        self.has_entries = True

    def get_paginator(self, action: str) -> Any:
        if action != "describe_route_tables":
            return super().get_paginator(action)
        entry = {"DestinationCidrBlock": "10.1.0.10/32", "NetworkInterfaceId": "eni-0a"}
        tables = [
            {"RouteTableId": name, "Routes": [entry] if self.has_entries else []}
            for name in self._settings.route_table_ids
        ]
        return Pages([{"RouteTables": tables}])

    def describe_snapshots(self, **_arguments: Any) -> dict[str, Any]:
        return {"Snapshots": []}

    def replace_network_acl_association(self, **arguments: Any) -> Any:  # type: ignore[override]  # as boto3's
        return self._answer("replace_network_acl_association", arguments)

    def __getattr__(self, name: str) -> Any:
        return lambda **arguments: self._answer(name, arguments)

    def _answer(self, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
        assert arguments["DryRun"] is True, f"{operation} was to be carried out"
        named = next(
            arguments[key]
            for key in ("InstanceIds", "AssociationId", "RouteTableId", "NetworkInterfaceId", "VolumeId")
            if key in arguments
        )
        thing = named[0] if isinstance(named, list) else named
        self.tried.append((operation, thing))
        if self.ignores_dry_run:
            return {}
        code, message = self.answers.get((operation, thing), ("DryRunOperation", "Request would have succeeded."))
        status = {"HTTPStatusCode": 412 if code == "DryRunOperation" else 400}
        raise ClientError({"Error": {"Code": code, "Message": message}, "ResponseMetadata": status}, operation)  # type: ignore[typeddict-item]


class Pages:
    def __init__(self, pages: list[dict[str, Any]]) -> None:
        self._pages = pages

    def paginate(self, **_arguments: Any) -> list[dict[str, Any]]:
        return self._pages


@pytest.fixture
def settings() -> Settings:
    return read_settings(make_environment())


@pytest.fixture
def ec2(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> DryEc2:
    fake = DryEc2(settings)
    monkeypatch.setattr("failover.adapters.clients._clients", {"ec2": fake, "sns": object()})
    monkeypatch.setattr(cluster_table, "read_record", lambda _settings: ClusterRecord(active="db-01", epoch=3))
    return fake


INSTANCES = {"i-0a", "i-0b"}
ASSOCIATIONS = {f"aclassoc-subnet-0{node}{number}" for node in "ab" for number in "01"}


@pytest.mark.parametrize(
    ("rehearse", "orders"),
    [
        (rehearse_confirm_stop, {"stop_instances": INSTANCES}),
        (
            rehearse_fence_node,
            {"stop_instances": INSTANCES, "replace_network_acl_association": ASSOCIATIONS},
        ),
        (rehearse_keep_data, {"create_snapshot": {"vol-0a", "vol-0b"}}),
        (
            rehearse_start_node,
            {
                "stop_instances": INSTANCES,
                "start_instances": INSTANCES,
                "replace_network_acl_association": ASSOCIATIONS,
            },
        ),
        (
            rehearse_swap_route,
            {"replace_route": {"rtb-0a", "rtb-0b"}, "modify_network_interface_attribute": {"eni-0a", "eni-0b"}},
        ),
    ],
)
def test_every_order_is_tried_once_for_all_that_it_may_concern_and_none_is_carried_out(
    rehearse: Rehearse, orders: dict[str, set[str]], ec2: DryEc2, settings: Settings
) -> None:
    before = dict(ec2.acls)
    assert rehearse(settings) == []
    assert sorted(ec2.tried) == sorted((operation, thing) for operation in orders for thing in orders[operation])
    assert (ec2.acls, ec2.replaced) == (before, [])


def test_who_fences_by_the_stop_alone_tries_no_network_acl(ec2: DryEc2) -> None:
    assert rehearse_fence_node(read_settings(make_environment(FENCE_METHOD="StopInstance"))) == []
    assert {operation for operation, _thing in ec2.tried} == {"stop_instances"}


def test_an_entry_that_is_missing_would_be_made(ec2: DryEc2, settings: Settings) -> None:
    ec2.has_entries = False
    assert rehearse_swap_route(settings) == []
    assert ("create_route", "rtb-0a") in ec2.tried


@pytest.mark.parametrize("rehearse", REHEARSALS)
def test_a_missing_right_an_unknown_id_and_a_protection_are_told_in_ec2_s_words(
    rehearse: Rehearse, ec2: DryEc2, settings: Settings
) -> None:
    rehearse(settings)
    for order, code in zip(sorted(ec2.tried), ("UnauthorizedOperation", "Invalid.NotFound"), strict=False):
        ec2.answers = {order: (code, "No.")}
        ec2.tried.clear()
        assert rehearse(settings) == [f"AWS answered {order[0]} with {code}: No."]
        # Which does not keep the others from being tried, but for those of the same call of an adapter.
        assert ec2.tried


def test_the_limit_of_requests_is_not_waited_for(
    ec2: DryEc2, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failover may need them: the step waits, its rehearsal does not."""

    def slept(_seconds: float) -> None:
        raise AssertionError("waited")

    monkeypatch.setattr("failover.adapters.routes.time.sleep", slept)
    ec2.answers = {("replace_route", "rtb-0a"): ("RequestLimitExceeded", "Request limit exceeded")}
    assert rehearse_swap_route(settings) == [
        "AWS answered replace_route with RequestLimitExceeded: Request limit exceeded."
    ]


def test_an_ec2_that_does_not_know_dry_runs_is_a_trouble(ec2: DryEc2, settings: Settings) -> None:
    ec2.ignores_dry_run = True
    [trouble] = rehearse_confirm_stop(settings)
    assert "as if it had carried it out" in trouble


def test_a_record_that_cannot_be_read_is_a_trouble(
    ec2: DryEc2, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(_settings: Settings) -> ClusterRecord:
        raise Failed("The item garoon cannot be read.")

    monkeypatch.setattr(cluster_table, "read_record", unreadable)
    for rehearse in REHEARSALS:
        assert rehearse(settings) == ["The item garoon cannot be read."]


@pytest.mark.usefixtures("ec2")
def test_no_other_service_is_told_to_change_anything(settings: Settings) -> None:
    with dry_runs(), pytest.raises(Failed, match="sns has no dry run of publish, so it was not called"):
        notifications.publish(settings, "s", "t", {})


def test_after_a_rehearsal_calls_are_real_again(ec2: DryEc2) -> None:
    with pytest.raises(LockLost), dry_runs():
        raise LockLost("whatever ends it")
    assert client("ec2") is ec2


@pytest.fixture(autouse=True)
def no_thread_left_over() -> Iterator[None]:
    """A thread that outlives its rehearsal would call for real."""
    yield
    assert [one for one in threading.enumerate() if one.name.startswith("ThreadPoolExecutor")] == []
