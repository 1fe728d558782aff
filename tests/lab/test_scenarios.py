"""Every scenario of the lab, and that nothing is left of a lab. Slow: only where it is asked for, `make lab-test`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from testbed.lab.scenarios import ALL, OF_A_LANDING, THERE_AND_BACK

REPOSITORY = Path(__file__).resolve().parents[2]

pytestmark = [
    pytest.mark.skipif(not os.environ.get("GAROON_LAB_TEST"), reason="takes most of an hour: make lab-test"),
    # A tool that is missing is no reason to skip: then the lab says so, and the test fails.
    pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="the lab needs Linux and root"),
]


@pytest.fixture
def scratch() -> Iterator[Path]:
    """The labs' directory for temporary files, which marks their processes, too: of both nothing may be left."""
    with tempfile.TemporaryDirectory(prefix="lab-") as directory:
        yield Path(directory)
        assert processes_with(directory) == []
        assert list(Path(directory).iterdir()) == []


def processes_with(word: str) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if word.encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue  # it has ended
    return found


@contextmanager
def running_lab(scratch: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A lab that has ended when the context does, also when the tests are interrupted."""
    lab = subprocess.Popen(
        [sys.executable, "-u", "-m", "testbed.lab", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, "TMPDIR": str(scratch)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield lab
    finally:
        lab.terminate()
        lab.communicate()


def output(lab: subprocess.Popen[str]) -> IO[str]:
    assert lab.stdout is not None
    return lab.stdout


def chosen_scenarios() -> list[str]:
    if os.environ.get("GAROON_LAB_TEST") != "landing":
        return [*ALL, THERE_AND_BACK]
    return [ALL[name].name for name in OF_A_LANDING]


@pytest.mark.parametrize("scenario", chosen_scenarios())
def test_scenario_passes_on_real_machines(scenario: str, scratch: Path, tmp_path: Path) -> None:
    result_file = tmp_path / "result.json"

    with running_lab(scratch, "--scenario", scenario, "--json", str(result_file)) as lab:
        story = output(lab).read()
        lab.wait()

    assert lab.returncode == 0, story
    result = json.loads(result_file.read_text())
    assert result["dataIntact"] is True or (scenario in ALL and ALL[scenario].expected.may_lose_writes)
    assert all(result["promises"].values())


@pytest.mark.skipif(os.environ.get("GAROON_LAB_TEST") == "landing", reason="not one of the gate's")
def test_real_machines_keep_the_contract_of_a_node(scratch: Path) -> None:
    with running_lab(scratch, "--call", "tests.contract.hosts:play_in_lab") as lab:
        story = output(lab).read()
        lab.wait()

    assert lab.returncode == 0, story


def test_two_labs_run_side_by_side_and_can_be_interrupted(scratch: Path) -> None:
    with running_lab(scratch) as first, running_lab(scratch) as second:
        for lab in (first, second):
            # Then network, machines and cloud are there, and the stack.
            assert any("deploying the stack" in line for line in output(lab)), "it ended before"
        for lab, sign in ((first, signal.SIGINT), (second, signal.SIGTERM)):
            os.killpg(lab.pid, sign)  # as a terminal's Ctrl-C, to all processes at once
        ends = [(lab.wait(), output(lab).read()) for lab in (first, second)]

    for code, rest in ends:
        assert code == 130
        assert "everything that was started has been stopped" in rest
