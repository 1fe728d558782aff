"""The cloud starts, and stops without a trace."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from testbed.cloud.launch import CloudNotStartedError, running_cloud
from testbed.world.profiles import load_profile
from tests.cloud.conftest import FAKE_HOSTS, Account, eventually
from tests.cloud.test_functions import make_function

_CODE = "import os\n\n\ndef handler(event, context):\n    return os.getpid()\n"


def _is_alive(process_id: int) -> bool:
    try:
        state = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_nothing_of_the_cloud_outlives_it(tmp_path: Path) -> None:
    """The testbed's own promise: hosts off, functions' processes ended, no scratch file left."""
    with running_cloud(tmp_path, host_factory=FAKE_HOSTS) as cloud:
        account = Account(cloud)
        instance = account.make_instance()
        _, worker = make_function(account, _CODE, []).invoke()
        assert _is_alive(worker)
    eventually(lambda: not _is_alive(worker), "the end of the function's process")
    assert not _is_alive(cloud.process_id)
    assert instance.history() == ["boot", "power_off"]
    assert not (tmp_path / "cloud-scratch").exists()


def test_a_terminated_cloud_cleans_up_too(tmp_path: Path) -> None:
    """The testbed's own promise, for a SIGTERM that somebody else sends."""
    with running_cloud(tmp_path, host_factory=FAKE_HOSTS) as cloud:
        os.kill(cloud.process_id, signal.SIGTERM)
        eventually(lambda: not _is_alive(cloud.process_id), "the end of the cloud")
        assert not (tmp_path / "cloud-scratch").exists()


def test_a_cloud_that_cannot_start_says_why(tmp_path: Path) -> None:
    """The testbed's own promise: the error has the end of the cloud's output."""
    with pytest.raises(CloudNotStartedError, match="no profile 'slow'"), running_cloud(tmp_path, profile="slow"):
        pass


@pytest.mark.parametrize("profile", ["fast", "realistic"])
def test_profiles_are_complete(profile: str) -> None:
    """profiles.toml against the model that the cloud reads it with."""
    loaded = load_profile(profile)
    assert loaded.name == profile
    assert loaded.alarm_period_seconds(10) <= 10
    assert json.loads(loaded.model_dump_json())
