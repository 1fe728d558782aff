"""The short campaign: every fault class and kind, sampled. `make campaign` runs all of it."""

import json
import subprocess
import sys
from pathlib import Path

from testbed.campaign.cases import CLASSES
from testbed.campaign.install import REPOSITORY

# Any seed draws every class and kind; this one draws no storm of a thousand rejoins, which alone takes a minute.
_SEED = "1"


def test_short_campaign_breaks_no_promise(tmp_path: Path) -> None:
    result_file = tmp_path / "campaign.json"
    done = subprocess.run(
        [sys.executable, "-m", "testbed.campaign", "--short", "--seed", _SEED, "--json", str(result_file)],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(result_file.read_text())
    assert result["total"]["broken"] == 0
    assert result["total"]["haltedThoughItCouldHaveServed"] == 0, done.stdout
    assert set(result["classes"]) == set(CLASSES), "a class without a case"
    fired = result["total"]["cases"] - result["total"]["withoutOccasion"]
    assert fired > 0.8 * result["total"]["cases"], "most faults must come to pass"
