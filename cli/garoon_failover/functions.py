"""The stack's functions that operators call."""

from __future__ import annotations

import json
from typing import Any

import boto3
from botocore.config import Config
from failover.errors import read_said

from garoon_failover.errors import CommandError, ExitCode
from garoon_failover.words import said, tr

# A function may take its whole time-out, 60 s; a second invocation because of a slow answer would be one too many.
_CONFIG = Config(connect_timeout=5, read_timeout=70, retries={"total_max_attempts": 1})


def invoke(function_name: str, request: dict[str, Any]) -> Any:
    """What the function returns. Raises CommandError with its own words if it raises."""
    client = boto3.client("lambda", config=_CONFIG)
    answer = client.invoke(FunctionName=function_name, Payload=json.dumps(request).encode())
    answered = json.loads(answer["Payload"].read() or "null")
    if answer.get("FunctionError"):
        words = read_said(str(answered.get("errorMessage", answered) if isinstance(answered, dict) else answered))
        told = tr("function-answered", function=function_name, words=said(words))
        raise CommandError(told, tr("log-has-more"), ExitCode.NO)
    return answered
