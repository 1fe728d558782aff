"""The CloudWatch agent's stand-in by itself: it holds a file's last line, and then a batch, as the agent does.

As read in amazon-cloudwatch-agent 1.300071 (benchmarks/agent.py says where).
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from testbed.hosts.cloudwatch import CONFIG_DIRECTORY, LogCollector

FLUSH_SECONDS = 1.0
LOG = "run/beats.log"


class Agent:
    """A collector of one file, looked at four times a second, and when it sent what."""

    def __init__(self, root: Path) -> None:
        self._log = root / LOG
        self._log.parent.mkdir(parents=True)
        self._log.touch()
        config = root / CONFIG_DIRECTORY / "file_ours.json"
        config.parent.mkdir(parents=True)
        file = {"file_path": f"/{LOG}", "log_group_name": "beats", "log_stream_name": "db-01"}
        config.write_text(json.dumps({"logs": {"logs_collected": {"files": {"collect_list": [file]}}}}))
        self._collector = LogCollector(root, FLUSH_SECONDS)
        self._now = 0.0
        self.sent: dict[str, float] = {}
        """Seconds after the start."""

    def write(self, *lines: str) -> None:
        with self._log.open("a") as log:
            log.writelines(f"{line}\n" for line in lines)

    def begin_anew(self) -> None:
        self._log.write_text("")

    def run(self, seconds: float, *, is_reached: bool = True) -> None:
        end = self._now + seconds
        while self._now < end:
            for file, lines in self._collector.look(self._now):
                if is_reached:
                    self.sent |= dict.fromkeys(lines, self._now)
                    self._collector.was_sent(file)
            self._now += self._collector.poll_seconds


@pytest.fixture
def agent(tmp_path: Path) -> Agent:
    return Agent(tmp_path)


def test_the_last_line_is_held_for_five_ticks_and_then_for_one_flush(agent: Agent) -> None:
    agent.write("a beat")
    agent.run(10)
    assert agent.sent == {"a beat": 6.0}


def test_a_line_that_follows_pushes_the_one_before_it_out(agent: Agent) -> None:
    agent.write("a beat", ".")
    agent.run(10)
    assert agent.sent == {"a beat": 1.0, ".": 6.0}


def test_a_line_of_a_later_round_pushes_it_out_too(agent: Agent) -> None:
    agent.write("a beat")
    agent.run(2)
    agent.write("another", ".")
    agent.run(2)
    assert agent.sent == {"a beat": 3.0, "another": 3.0}


def test_what_comes_while_a_batch_waits_goes_with_it(agent: Agent) -> None:
    agent.write("a beat", ".")
    agent.run(0.5)
    agent.write("another", ".")
    agent.run(1)
    assert agent.sent["a beat"] == agent.sent["another"] == 1.0


def test_what_could_not_be_sent_is_kept(agent: Agent) -> None:
    agent.write("a beat", ".")
    agent.run(3, is_reached=False)
    assert agent.sent == {}
    agent.run(1)
    assert agent.sent == {"a beat": 3.0}


def test_a_file_that_was_cut_short_is_read_from_its_beginning(agent: Agent) -> None:
    agent.write("a long line of the first file", ".")
    agent.run(2)
    agent.begin_anew()
    agent.write("new", ".")
    agent.run(2)
    assert agent.sent["new"] == 3.0
