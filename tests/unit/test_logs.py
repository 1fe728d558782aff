"""What must stay secret is in no log and in no error: an event's unknown parts, and whatever looks like a token."""

import importlib.util
import io
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from failover.errors import FailoverError
from failover.runtime import logger, metrics
from failover.settings import settings as process_settings

from tests.unit.conftest import EXECUTION, make_environment

FUNCTIONS = sorted((Path(__file__).parents[2] / "functions").glob("*/app.py"))
SECRET = "AQCE-a-task-token"
CONTEXT = SimpleNamespace(
    function_name="f", memory_limit_in_mb=1, invoked_function_arn="arn:aws:lambda:r:1:function:f", aws_request_id="1"
)


def load_handler(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(f"handler_{path.parent.name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.handler


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
