"""Targets are as healthy as their answers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.cloud.conftest import Account, eventually, name

_PATH = "/cgi-bin/cbgrn/grn.cgi"


class _Server(ThreadingHTTPServer):
    status = 200


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self.send_response(self.server.status if self.path == _PATH else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[_Server]:
    server = _Server(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def _target_group(account: Account, has_listener: bool = True) -> str:
    elb, ec2 = account.client("elbv2"), account.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    group = elb.create_target_group(
        Name=name("web"),
        Protocol="HTTP",
        Port=80,
        VpcId=vpc,
        TargetType="ip",
        HealthCheckPath=_PATH,
        HealthCheckIntervalSeconds=5,
        HealthCheckTimeoutSeconds=5,
        HealthyThresholdCount=2,
        UnhealthyThresholdCount=2,
    )["TargetGroups"][0]["TargetGroupArn"]
    if has_listener:
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.8.0/24")["Subnet"]["SubnetId"]
        balancer = elb.create_load_balancer(Name=name("alb"), Subnets=[subnet])["LoadBalancers"][0]["LoadBalancerArn"]
        action = {"Type": "forward", "TargetGroupArn": group}
        elb.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=80, DefaultActions=[action])
    return str(group)


def _health(account: Account, group: str) -> tuple[str, str | None]:
    described = account.client("elbv2").describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    (seen,) = described
    return seen["TargetHealth"]["State"], seen["TargetHealth"].get("Reason")


def test_a_target_s_health_follows_its_answers(account: Account, server: _Server) -> None:
    """Application Load Balancers, "Health checks for your target groups": states, reason codes, thresholds."""
    group = _target_group(account)
    target = {"Id": "127.0.0.1", "Port": server.server_port}
    account.client("elbv2").register_targets(TargetGroupArn=group, Targets=[target])
    assert _health(account, group) in [("initial", "Elb.InitialHealthChecking"), ("healthy", None)]
    eventually(lambda: _health(account, group) == ("healthy", None), "healthy")
    server.status = 503
    eventually(lambda: _health(account, group) == ("unhealthy", "Target.ResponseCodeMismatch"), "unhealthy")
    server.status = 200
    eventually(lambda: _health(account, group) == ("healthy", None), "healthy again")
    server.server_close()
    eventually(lambda: _health(account, group)[0] == "unhealthy", "unhealthy when nobody answers")


def test_a_group_that_no_listener_uses_is_unused(account: Account, server: _Server) -> None:
    """Application Load Balancers, "Health checks for your target groups": unused, Target.NotInUse."""
    group = _target_group(account, has_listener=False)
    target = {"Id": "127.0.0.1", "Port": server.server_port}
    account.client("elbv2").register_targets(TargetGroupArn=group, Targets=[target])
    assert _health(account, group) == ("unused", "Target.NotInUse")
