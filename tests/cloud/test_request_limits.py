"""Calls are throttled by token buckets, as EC2's are, and delayed where a test wants a far-away cloud."""

from __future__ import annotations

import time

import pytest
from botocore.exceptions import ClientError

from testbed.cloud.recorder import Bucket
from tests.cloud.conftest import Account


def test_a_bucket_gets_its_tokens_once_a_second_and_holds_no_more_than_its_capacity() -> None:
    """EC2 Developer Guide, "Request throttling for the Amazon EC2 API": refilled every second up to its capacity."""
    bucket = Bucket(capacity=3, refill=2)
    assert [bucket.take(100.0) for _ in range(4)] == [True, True, True, False]
    assert not bucket.take(100.9)
    assert [bucket.take(101.0) for _ in range(3)] == [True, True, False]
    assert [bucket.take(200.0) for _ in range(4)] == [True, True, True, False]


@pytest.mark.usefixtures("faultless")
def test_a_call_beyond_the_limit_is_refused_by_name_and_others_are_not(account: Account) -> None:
    """EC2 API Reference, "Error codes": RequestLimitExceeded; each action has its own bucket."""
    ec2 = account.client("ec2")
    account.cloud.faults.limit("ec2:DescribeVpcs", capacity=1, refill=0)
    ec2.describe_vpcs()
    with pytest.raises(ClientError, match="RequestLimitExceeded"):
        ec2.describe_vpcs()
    ec2.describe_subnets()


@pytest.mark.usefixtures("faultless")
def test_requests_can_be_delayed(account: Account) -> None:
    ec2 = account.client("ec2")
    account.cloud.faults.delay_requests(0.3)
    started = time.monotonic()
    ec2.describe_vpcs()
    assert time.monotonic() - started >= 0.3
