"""Cases and walks that once broke a promise, kept by name; docs/reliability.md says what was wrong."""

from __future__ import annotations

from collections.abc import Mapping

from testbed.campaign.cases import Case
from testbed.campaign.points import Point
from testbed.campaign.walk import Act

CASES: Mapping[str, Case] = {
    "record-unreadable": Case("both-down", "DynamoDB", "ItemUnparsable", Point("record_abort", "dynamodb:GetItem")),
    "reason-without-end": Case(
        "route-drift", "AWS API", "ThrottledForAMinute", Point("SwapRoute", "ec2:DescribeRouteTables rtb-0a")
    ),
    "interface-not-listed-yet": Case(
        "fence-by-stop", "AWS API", "EmptyAnswer", Point("SwapRoute", "ec2:DescribeNetworkInterfaces eni-0b")
    ),
    "answer-without-words": Case(
        "rejoin", "AWS API", "EmptyAnswer", Point("StartNode", "ssm:GetCommandInvocation i-0a")
    ),
    "isolated-while-the-other-reboots": Case("rejoin", "state", "OtherNodeDies", Point("Begin")),
}

WALKS: Mapping[str, tuple[Act, ...]] = {
    "both-stopped-then-started-again": (
        ("trouble", "db-01", "lose_power"),
        ("trouble", "db-01", "stop_instance"),
        ("trouble", "db-02", "stop_instance"),
    ),
    "route-drifts-while-the-active-node-has-no-path-to-aws": (
        ("trouble", "db-01", "lose_aws_path"),
        ("drift_route", "rtb-0b", "eni-0b"),
        ("wait", 130.0),
    ),
    "stopped-while-no-api-answers": (
        ("start", "failover", {}),
        ("stop_execution",),
        ("start", "failover", {}),
        ("lose_control_plane", 60.0),
        ("wait_for_state", "ByVerdict", 0.9),
    ),
}
