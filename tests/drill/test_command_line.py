"""`python -m testbed`: what it lists and what it refuses, without starting a cloud."""

import subprocess
import sys

from testbed import scenarios


def run_testbed(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "testbed", *arguments], capture_output=True, text=True, check=False)


def test_every_scenario_is_listed_with_one_line() -> None:
    listed = run_testbed("drill", "--list")
    lines = listed.stdout.splitlines()
    assert listed.returncode == 0
    assert [line.split()[0] for line in lines] == list(scenarios.ALL)
    assert all(line.rstrip().endswith(".") for line in lines)


def test_an_unknown_scenario_is_refused_with_those_that_are_allowed() -> None:
    refused = run_testbed("drill", "--scenario", "earthquake")
    assert refused.returncode == 2
    assert "There is no scenario 'earthquake'" in refused.stderr
    assert all(name in refused.stderr for name in scenarios.ALL)


def test_a_dashboard_of_an_unknown_scenario_is_refused_before_anything_starts() -> None:
    refused = run_testbed("dashboard", "--scenario", "earthquake")
    assert refused.returncode == 2
    assert "There is no scenario 'earthquake'" in refused.stderr


def test_an_unknown_profile_is_refused_with_those_that_are_allowed() -> None:
    refused = run_testbed("drill", "--profile", "slow")
    assert refused.returncode == 2
    assert "There is no profile 'slow'" in refused.stderr
    assert "realistic" in refused.stderr


def test_a_soak_of_no_rounds_is_refused() -> None:
    refused = run_testbed("soak", "--rounds", "0")
    assert refused.returncode == 2
    assert "'0' is not a whole number from 1 on" in refused.stderr
