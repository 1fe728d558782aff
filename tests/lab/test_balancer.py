"""What HAProxy holds of a target is what DescribeTargetHealth says."""

from __future__ import annotations

import pytest

from testbed.lab.balancer import read_verdict

# Recorded from HAProxy 2.6, with the columns that are not read left out.
HEADER = "# pxname,svname,status,check_status,check_desc,addr\n"
OTHER_ROWS = "users,FRONTEND,OPEN,,,\nall,app-01,no check,,,10.0.2.10:8080\nhealthy,BACKEND,UP,,,\n"


@pytest.mark.parametrize(
    ("row", "state", "reason"),
    [
        ("healthy,app-01,UP,L7OK,Layer7 check passed,10.0.2.10:8080", "healthy", ""),
        ("healthy,app-01,UP 1/2,L7STS,Layer7 wrong status,10.0.2.10:8080", "healthy", ""),
        ("healthy,app-01,DOWN,L7STS,Layer7 wrong status,10.0.2.10:8080", "unhealthy", "Target.ResponseCodeMismatch"),
        ("healthy,app-01,DOWN,* L7TOUT,Layer7 timeout,10.0.2.10:8080", "unhealthy", "Target.Timeout"),
        (
            "healthy,app-01,DOWN,L4CON,Layer4 connection problem,10.0.2.10:8080",
            "unhealthy",
            "Target.FailedHealthChecks",
        ),
        ("healthy,app-01,UP,INI,Initializing,10.0.2.10:8080", "initial", "Elb.InitialHealthChecking"),
        ("healthy,app-02,UP,L7OK,Layer7 check passed,10.0.5.10:8080", "initial", "Elb.InitialHealthChecking"),
    ],
)
def test_a_target_is_as_healthy_as_its_last_checks(row: str, state: str, reason: str) -> None:
    health = read_verdict(f"{HEADER}{OTHER_ROWS}{row}\n", "10.0.2.10")

    assert (health.state, health.reason) == (state, reason)
