"""Every scenario of the lab on real machines. Slow, so only where it is asked for: `make lab-test`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from testbed.lab.__main__ import why_not
from testbed.lab.scenarios import ALL

REPOSITORY = Path(__file__).resolve().parents[2]

pytestmark = [
    pytest.mark.skipif(not os.environ.get("GAROON_LAB_TEST"), reason="takes many minutes: make lab-test"),
    pytest.mark.skipif(why_not() is not None, reason=str(why_not())),
]


@pytest.mark.parametrize("scenario", list(ALL))
def test_scenario_passes_on_real_machines(scenario: str, tmp_path: Path) -> None:
    result_file = tmp_path / "result.json"
    command = [sys.executable, "-m", "testbed.lab", "--scenario", scenario, "--json", str(result_file)]

    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    result = json.loads(result_file.read_text())
    assert result["dataIntact"] is True or ALL[scenario].expected.may_lose_writes
    assert all(result["promises"].values())
