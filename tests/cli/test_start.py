"""Nobody waits for AWS's libraries to read a help text, a typing error or a completion."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = ("boto3", "botocore", "aws_lambda_powertools", "tomlkit", "failover")
PROGRAM = f"""
import sys
from garoon_failover.app import app
try:
    app(sys.argv[1:])
except SystemExit:
    pass
print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)
"""


@pytest.mark.parametrize("arguments", [["--help"], ["status", "--help"], ["--version"], ["no-such"], []])
def test_what_needs_no_call_loads_nothing_for_one(arguments: list[str]) -> None:
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        env={"PYTHONPATH": os.pathsep.join(str(ROOT / one) for one in ("cli", "layers/failover_core")), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stderr.splitlines()[-1] == "[]"
