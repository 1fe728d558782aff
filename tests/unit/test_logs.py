"""What the functions' log has, in the form that Lambda's filter reads, and what it never has: secrets."""

import io
import json
import logging
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import failover
import pytest
from failover.errors import FailoverError
from failover.runtime import logger, metrics
from failover.settings import settings as process_settings

from testbed.world.files import load_module
from tests.unit.conftest import EXECUTION, make_environment

FUNCTIONS = sorted((Path(__file__).parents[2] / "functions").glob("*/app.py"))
SECRET = "AQCE-a-task-token"
CONTEXT = SimpleNamespace(
    function_name="f", memory_limit_in_mb=1, invoked_function_arn="arn:aws:lambda:r:1:function:f", aws_request_id="1"
)


def load_handler(path: Path) -> Any:
    return load_module(path, f"handler_{path.parent.name}").handler


@pytest.mark.parametrize("path", FUNCTIONS, ids=lambda path: path.parent.name)
@pytest.mark.parametrize("field", ["taskToken", "detail", "anything"])
def test_no_function_logs_or_raises_what_it_was_not_to_be_given(
    path: Path, field: str, aws: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in make_environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("POWERTOOLS_TRACE_DISABLED", "1")
    monkeypatch.setattr(metrics.provider, "namespace", "test")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", path.parent.name)
    process_settings.cache_clear()
    log = io.StringIO()
    stream_handler = next(one for one in logger.handlers if isinstance(one, logging.StreamHandler))
    monkeypatch.setattr(stream_handler, "stream", log)
    event = {"execution": EXECUTION, "node": "db-01"} | {field: SECRET}
    said = ""
    try:
        load_handler(path)(event, CONTEXT)
    except FailoverError as error:
        said = str(error)
    finally:
        process_settings.cache_clear()
    assert SECRET not in said
    assert SECRET not in log.getvalue()


# --- one function, in a process of its own as at a cold start ---------------------------------------------------------

STEP = """
import sys
from types import SimpleNamespace
from failover.errors import Refused
from failover.models import Value
from failover.runtime import StepInput, lambda_step, metrics

class Done(Value):
    is_done: bool

def step(request, settings):
    match sys.argv[1]:
        case "refuse": raise Refused("No.")
        case "fault": return {}["missing"]
        case "measure": metrics.add_metric(name="FailoverReady", unit="Count", value=1)
    return Done(is_done=True)

events = {"unusable": {"execution": "EXECUTION", "more": 1}, "ended": {"detail": {"executionArn": "EXECUTION"}}}
context = SimpleNamespace(
    function_name="f", memory_limit_in_mb=1, invoked_function_arn="arn:aws:lambda:r:1:function:f", aws_request_id="1"
)
try:
    lambda_step(StepInput)(step)(events.get(sys.argv[1], {"execution": "EXECUTION"}), context)
except Exception as error:
    print(type(error).__name__, file=sys.stderr)
"""


def run_cold(what: str, **environment: str) -> tuple[list[dict[str, Any]], str]:
    """The lines of the log, each JSON, and what else was written: the error's name, or warnings in plain text."""
    done = subprocess.run(
        [sys.executable, "-W", "default", "-c", STEP.replace("EXECUTION", EXECUTION), what],
        env={
            **make_environment(),
            "PYTHONPATH": str(Path(failover.__file__).parents[1]),
            "POWERTOOLS_SERVICE_NAME": "check_readiness",
            "POWERTOOLS_METRICS_NAMESPACE": "GaroonFailover",
            "AWS_LAMBDA_FUNCTION_NAME": "f",
            **environment,
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr.strip()


@pytest.mark.parametrize(
    ("what", "level", "raised"),
    [
        ("do", "INFO", ""),
        ("measure", "WARN", ""),
        ("refuse", "WARN", "Refused"),
        ("unusable", "WARN", "Failed"),
        ("ended", "WARN", "Failed"),
        ("fault", "ERROR", "Failed"),
    ],
)
def test_line_has_a_level_and_a_time_that_lambda_reads_and_its_execution(what: str, level: str, raised: str) -> None:
    """Any other form is INFO to Lambda, and a filter of warnings drops it (its Developer Guide, "Log-level filtering").

    Nothing is written in plain text: Powertools warned at each cold start that there were no metrics.
    """
    lines, beside = run_cold(what)
    assert beside == raised
    assert level in [line["level"] for line in lines]
    for line in lines:
        assert line["level"] in ("INFO", "WARN", "ERROR")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", line["timestamp"])
        assert "_aws" in line or line["correlation_id"] == EXECUTION
    assert ("fault" in what) == any("KeyError" in line.get("exception", "") for line in lines)


def test_every_metric_has_the_dimension_cluster() -> None:
    lines, _ = run_cold("measure")
    [metric] = [line for line in lines if "_aws" in line]
    [directive] = metric["_aws"]["CloudWatchMetrics"]
    [dimensions] = directive["Dimensions"]
    assert {name: metric[name] for name in dimensions} == {"service": "check_readiness", "Cluster": "garoon"}


def test_filter_of_warnings_leaves_the_warnings_and_the_metric() -> None:
    """Lambda sets the variable from the function's ApplicationLogLevel."""
    assert [line["level"] for line in run_cold("refuse", AWS_LAMBDA_LOG_LEVEL="WARN")[0]] == ["WARN"]
    [metric] = run_cold("measure", AWS_LAMBDA_LOG_LEVEL="WARN")[0]
    assert metric["FailoverReady"] == [1.0]


def test_loading_a_function_leaves_no_bytecode_in_what_is_deployed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of its folder the deployment takes everything (SkipBuild), the bytecode of another Python too."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    (tmp_path / "app.py").write_text("handler = str\n")
    assert load_handler(tmp_path / "app.py") is str
    assert [path.name for path in tmp_path.iterdir()] == ["app.py"]
