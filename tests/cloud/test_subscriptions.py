"""Log events reach a function as CloudWatch Logs delivers them."""

from __future__ import annotations

import base64
import gzip
import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from testbed.cloud.server import LOG_FILE
from tests.cloud.conftest import Account, eventually, name
from tests.cloud.test_functions import Function, make_function

# The emulator's functions share its machine, so that one can leave what it was given where a test finds it.
_CODE = (
    "import json, pathlib\ndef handler(event, _context):\n    pathlib.Path({file!r}).write_text(json.dumps(event))\n"
)


def _permit(account: Account, function: Function, group: str) -> None:
    account.client("lambda").add_permission(
        FunctionName=function.arn,
        StatementId="logs",
        Action="lambda:InvokeFunction",
        Principal="logs.amazonaws.com",
        SourceArn=f"arn:aws:logs:{function.arn.split(':')[3]}:{function.arn.split(':')[4]}:log-group:{group}:*",
    )


def _subscribe(account: Account, function: Function, group: str, pattern: str = "") -> None:
    account.client("logs").put_subscription_filter(
        logGroupName=group, filterName="all", filterPattern=pattern, destinationArn=function.arn
    )


def _write(account: Account, group: str, message: str) -> None:
    event = {"timestamp": int(time.time() * 1000), "message": message}
    account.client("logs").put_log_events(logGroupName=group, logStreamName="db-02", logEvents=[event])


def _log_of(account: Account) -> str:
    return (account.cloud.world_directory / LOG_FILE).read_text()


@pytest.fixture
def group(account: Account) -> str:
    group, logs = name("/garoon/signs"), account.client("logs")
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="db-02")
    return group


@pytest.mark.usefixtures("faultless")
def test_events_arrive_packed_unless_they_are_lost_on_the_way(account: Account, group: str) -> None:
    """CloudWatch Logs User Guide, "Subscription filters with AWS Lambda": awslogs.data is base64 of gzip of JSON."""
    file = account.cloud.world_directory / name("received")
    function = make_function(account, _CODE.format(file=str(file)), [])
    _permit(account, function, group)
    _subscribe(account, function, group)

    account.cloud.faults.lose_log_events()
    _write(account, group, "lost")
    eventually(lambda: f"Events of {group} are lost" in _log_of(account), "the loss")
    account.cloud.faults.clear()
    _write(account, group, '{"node":"db-02","sign":"peerLost"}')

    eventually(file.exists, "the function being invoked")
    received = json.loads(eventually(file.read_text, "what it was given"))
    batch: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(received["awslogs"]["data"])))
    assert (batch["messageType"], batch["logGroup"], batch["logStream"]) == ("DATA_MESSAGE", group, "db-02")
    assert [event["message"] for event in batch["logEvents"]] == ['{"node":"db-02","sign":"peerLost"}']


def test_a_function_that_does_not_let_logs_invoke_it_is_refused(account: Account, group: str) -> None:
    """CloudWatch Logs API Reference, PutSubscriptionFilter: InvalidParameterException without the permission."""
    function = make_function(account, "def handler(event, context): pass\n", [])
    with pytest.raises(ClientError, match="Make sure you have given CloudWatch Logs permission"):
        _subscribe(account, function, group)


@pytest.mark.parametrize("is_configured", [False, True], ids=["/aws/lambda/NAME", "LoggingConfig"])
def test_a_function_is_not_subscribed_to_its_own_log(account: Account, group: str, *, is_configured: bool) -> None:
    """As reported of /aws/lambda/NAME. Whether a group of LoggingConfig passes nobody says."""
    function = make_function(account, "def handler(event, context): pass\n", [])
    own = group
    if is_configured:
        account.client("lambda").update_function_configuration(
            FunctionName=function.arn, LoggingConfig={"LogFormat": "JSON", "LogGroup": group}
        )
    else:
        own = f"/aws/lambda/{function.arn.rpartition(':')[2]}"
        account.client("logs").create_log_group(logGroupName=own)
    _permit(account, function, own)
    with pytest.raises(ClientError, match="reserved for the function logs of the destination function"):
        _subscribe(account, function, own)


@pytest.mark.usefixtures("faultless")
def test_only_lines_arrive_in_which_a_field_is_true(account: Account, group: str) -> None:
    """User Guide, "Using filter patterns to match terms in JSON log events": { $.name IS TRUE }."""
    file = account.cloud.world_directory / name("received")
    function = make_function(account, _CODE.format(file=str(file)), [])
    _permit(account, function, group)
    _subscribe(account, function, group, "{ $.announced IS TRUE }")
    for line in ('{"announced": "true"}', '{"announced": false}', "announced IS TRUE", '["announced"]', "{}"):
        _write(account, group, line)
    _write(account, group, '{"announced": true}')
    eventually(file.exists, "the function being invoked")
    received = json.loads(eventually(file.read_text, "what it was given"))
    batch: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(received["awslogs"]["data"])))
    assert [event["message"] for event in batch["logEvents"]] == ['{"announced": true}']


def test_a_pattern_that_the_local_cloud_does_not_know_is_refused(account: Account, group: str) -> None:
    function = make_function(account, "def handler(event, context): pass\n", [])
    _permit(account, function, group)
    with pytest.raises(ClientError, match=r"only { \$.name IS TRUE }"):
        _subscribe(account, function, group, '{ $.level = "WARN" }')
