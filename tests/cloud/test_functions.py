"""Functions fail as Lambda's do, and share their layers."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from testbed.cloud import processor_share
from testbed.world.waiting import wait_until
from tests.cloud.conftest import Account, name

_CODE = """
import json, os, time
import marker  # from the layer

class NotYet(Exception):
    pass

invocations = 0

def handler(event, context):
    global invocations
    invocations += 1
    if event.get("do") == "raise":
        raise NotYet("look again")
    if event.get("do") == "exit":
        os._exit(1)
    if event.get("do") == "sleep":
        time.sleep(10)
    if event.get("do") == "measure":
        print(json.dumps({
            "_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [
                {"Namespace": "Test", "Dimensions": [["Cluster"]], "Metrics": [{"Name": "Ready", "Unit": "Count"}]}
            ]},
            "Cluster": event["cluster"], "Ready": [1.0],
        }))
    return {"invocations": invocations, "layer": os.path.dirname(os.path.dirname(marker.__file__))}
"""


def zipped(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return buffer.getvalue()


@dataclass(frozen=True)
class Function:
    account: Account
    arn: str

    def invoke(self, **event: object) -> tuple[str | None, Any]:
        """FunctionError and the payload."""
        answer = self.account.client("lambda").invoke(FunctionName=self.arn, Payload=json.dumps(event))
        return answer.get("FunctionError"), json.loads(answer["Payload"].read())


def make_function(
    account: Account, code: str, layers: list[str], timeout: int = 30, variables: dict[str, str] | None = None
) -> Function:
    arn = account.client("lambda").create_function(
        FunctionName=name("function"),
        Runtime="python3.13",
        Architectures=["arm64"],
        Handler="app.handler",
        Role=account.make_role(),
        Code={"ZipFile": zipped({"app.py": code})},
        Layers=layers,
        Timeout=timeout,
        Environment={"Variables": variables or {}},
    )["FunctionArn"]
    return Function(account, arn)


@pytest.fixture(scope="module")
def layer(account: Account) -> str:
    content = zipped({"python/marker.py": ""})
    published = account.client("lambda").publish_layer_version(LayerName=name("layer"), Content={"ZipFile": content})
    return str(published["LayerVersionArn"])


@pytest.fixture(scope="module")
def function(account: Account, layer: str) -> Function:
    return make_function(account, _CODE, [layer], timeout=2)


def test_an_exception_keeps_its_class_name_and_its_environment(function: Function) -> None:
    """Lambda Developer Guide, "Define Lambda function handler in Python": errorMessage, errorType, stackTrace; and
    "Understanding the Lambda execution environment lifecycle": the environment is kept for the next invocation."""
    _, before = function.invoke()
    error, payload = function.invoke(do="raise")
    _, after = function.invoke()
    assert error == "Unhandled"
    assert (payload["errorType"], payload["errorMessage"]) == ("NotYet", "look again")
    assert "handler" in payload["stackTrace"][0]
    assert after["invocations"] == before["invocations"] + 2


def test_a_process_that_ends_is_an_exit_error_and_a_new_environment(function: Function) -> None:
    """Lambda Developer Guide, "Understanding the Lambda execution environment lifecycle": Runtime.ExitError."""
    error, payload = function.invoke(do="exit")
    _, after = function.invoke()
    assert (error, payload["errorType"]) == ("Unhandled", "Runtime.ExitError")
    assert after["invocations"] == 1


def test_a_function_that_takes_too_long_is_timed_out(function: Function) -> None:
    """Step Functions Developer Guide, "Handling errors in Step Functions workflows": Sandbox.Timedout."""
    error, payload = function.invoke(do="sleep")
    assert (error, payload["errorType"]) == ("Unhandled", "Sandbox.Timedout")


def test_a_module_that_is_missing_is_named(account: Account) -> None:
    """Lambda Developer Guide, "Troubleshoot invocation issues in Lambda": Runtime.ImportModuleError."""
    error, payload = make_function(account, "import no_such_module", []).invoke()
    assert (error, payload["errorType"]) == ("Unhandled", "Runtime.ImportModuleError")
    assert "no_such_module" in payload["errorMessage"]


def test_a_layer_is_unpacked_once_for_all_its_functions(account: Account, layer: str, function: Function) -> None:
    """Lambda Developer Guide, "Working with layers": a layer's content is in /opt, the same for each environment."""
    _, first = function.invoke()
    _, second = make_function(account, _CODE, [layer]).invoke()
    assert first["layer"] == second["layer"]


def test_each_environment_is_a_process_of_its_own(account: Account) -> None:
    """Lambda Developer Guide, "Understanding the Lambda execution environment lifecycle": environments are isolated."""
    code = """
import os, sys, boto3
boto3.seen = seen = [*getattr(boto3, "seen", []), os.environ["MINE"]]
def handler(event, context):
    return {"process": os.getpid(), "seen": seen, "main": sys.argv[0], "theirs": os.environ.get("THEIRS")}
"""
    _, first = make_function(account, code, [], variables={"MINE": "1", "THEIRS": "x"}).invoke()
    _, second = make_function(account, code, [], variables={"MINE": "2"}).invoke()
    assert (first["seen"], second["seen"]) == (["1"], ["2"])
    assert (first["theirs"], second["theirs"]) == ("x", None)
    assert first["process"] != second["process"]
    assert first["main"] != second["main"]


def test_metrics_in_the_log_reach_cloudwatch(account: Account, function: Function) -> None:
    """CloudWatch User Guide, "Specification: Embedded metric format"."""
    cluster = name("cluster")
    error, _ = function.invoke(do="measure", cluster=cluster)
    now = datetime.now(UTC)
    points = account.client("cloudwatch").get_metric_statistics(
        Namespace="Test", MetricName="Ready", Dimensions=[{"Name": "Cluster", "Value": cluster}],
        StartTime=now - timedelta(minutes=5), EndTime=now + timedelta(minutes=5), Period=60, Statistics=["Minimum"],
    )["Datapoints"]  # fmt: skip
    assert error is None
    assert [point["Minimum"] for point in points] == [1.0]


def test_a_layer_for_another_machine_is_refused_with_what_to_do(account: Account) -> None:
    """What `sam build` makes is for Lambda on arm64; without this only an import somewhere in it would fail."""
    content = zipped({"python/marker.py": "", "python/pkg/core.cpython-313-aarch64-linux-gnu.so": "x"})
    published = account.client("lambda").publish_layer_version(LayerName=name("layer"), Content={"ZipFile": content})
    error, body = make_function(account, _CODE, [str(published["LayerVersionArn"])]).invoke()
    assert error is not None
    assert "LAYER_TARGET=host sam build" in body["errorMessage"]


def test_a_function_takes_longer_by_what_its_memory_leaves_it_of_a_processor() -> None:
    assert processor_share.more_seconds(1.0, 1769) == 0
    assert processor_share.more_seconds(1.0, 3538) == 0
    assert processor_share.more_seconds(1.0, 884) == pytest.approx(1.0, abs=0.01)
    with subprocess.Popen(
        [sys.executable, "-c", "sum(range(10**7)); input()"], stdin=subprocess.PIPE, text=True
    ) as one:
        wait_until(lambda: processor_share.used_seconds(one) > 0.05, "a process having computed", 30)
        one.communicate("\n")
        assert processor_share.used_seconds(one) == 0
    assert processor_share.used_seconds(None) == 0
