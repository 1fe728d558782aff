"""Routes under EC2's request limit: slower, and none left behind."""

from typing import Any

import pytest
from botocore.exceptions import ClientError
from failover.adapters import routes
from failover.adapters.routes import THROTTLED_SECONDS, RouteEntry, point_entries_to
from failover.errors import CloudUnavailable, NotYet
from failover.settings import Settings

from tests.unit.conftest import FakeTime

ENTRIES = [
    RouteEntry(route_table_id=f"rtb-{number}", interface_id="eni-0a", exists=True, is_blackhole=False)
    for number in range(40)
]


class LimitedEc2:
    """ReplaceRoute with a bucket that gets `refill` tokens for every second that somebody slept."""

    def __init__(self, clock: FakeTime, capacity: int, refill: int) -> None:
        self.clock, self._started = clock, clock.now
        self._capacity, self._refill = capacity, refill
        self.done: list[str] = []

    def replace_route(self, RouteTableId: str, **_target: Any) -> None:  # noqa: N803
        if len(self.done) >= self._capacity + self._refill * int(self.clock.now - self._started):
            answer: Any = {"Error": {"Code": "RequestLimitExceeded", "Message": "Request limit exceeded."}}
            raise ClientError(answer, "ReplaceRoute")
        self.done.append(RouteTableId)


def limited(monkeypatch: pytest.MonkeyPatch, capacity: int, refill: int) -> LimitedEc2:
    clock = FakeTime()
    ec2 = LimitedEc2(clock, capacity, refill)
    monkeypatch.setattr(routes, "client", lambda _service: ec2)
    monkeypatch.setattr(routes, "time", clock)
    return ec2


def test_every_table_moves_once_the_limit_lets_it(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    ec2 = limited(monkeypatch, capacity=10, refill=5)
    point_entries_to(settings.node_b, ENTRIES, settings)
    assert sorted(ec2.done) == sorted(entry.route_table_id for entry in ENTRIES)


def test_limit_that_never_lets_go_ends_in_time_as_the_clouds_trouble(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    ec2 = limited(monkeypatch, capacity=10, refill=0)
    with pytest.raises(CloudUnavailable, match="RequestLimitExceeded"):
        point_entries_to(settings.node_b, ENTRIES, settings)
    assert len(ec2.done) == 10
    assert ec2.clock.monotonic() < FakeTime().now + 2 * THROTTLED_SECONDS


class LateEc2:
    """Two tables' entries; what the other calls would say of them is older."""

    def __init__(self, existing: set[str], refusal: str = "InvalidParameterValue") -> None:
        self.existing = existing
        self._refusal = refusal
        self.is_undecided = False
        """Neither call is taken."""

    def replace_route(self, RouteTableId: str, **_target: Any) -> None:  # noqa: N803
        if RouteTableId not in self.existing or self.is_undecided:
            raise ClientError({"Error": {"Code": self._refusal, "Message": "There is no route."}}, "ReplaceRoute")

    def create_route(self, RouteTableId: str, **_target: Any) -> None:  # noqa: N803
        if RouteTableId in self.existing or self.is_undecided:
            raise ClientError({"Error": {"Code": "RouteAlreadyExists", "Message": "It exists."}}, "CreateRoute")
        self.existing.add(RouteTableId)


def late(monkeypatch: pytest.MonkeyPatch, *existing: str) -> LateEc2:
    ec2 = LateEc2(set(existing))
    monkeypatch.setattr(routes, "client", lambda _service: ec2)
    monkeypatch.setattr(routes, "time", FakeTime())
    return ec2


def test_entry_that_ec2_showed_too_early_or_too_late_is_written_by_the_other_call(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    ec2 = late(monkeypatch, "rtb-unseen")
    unseen = RouteEntry(route_table_id="rtb-unseen", interface_id=None, exists=False, is_blackhole=False)
    gone = RouteEntry(route_table_id="rtb-gone", interface_id="eni-0a", exists=True, is_blackhole=False)
    point_entries_to(settings.node_b, [unseen, gone], settings)
    assert ec2.existing == {"rtb-unseen", "rtb-gone"}


def test_table_of_which_neither_call_is_taken_is_looked_at_again_later(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    ec2 = late(monkeypatch)
    ec2.is_undecided = True
    with pytest.raises(NotYet, match="does not agree with itself on rtb-0"):
        point_entries_to(settings.node_b, ENTRIES[:1], settings)
