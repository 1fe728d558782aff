"""Nothing that a caller passes becomes part of a command or a file, unless it is what it should be."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.node.node import SCRIPT, Report, parse_report

HOSTILE = [
    "$(touch HACKED)",
    "`touch HACKED`",
    "a;touch HACKED",
    'a" b',
    "a' b",
    "a\nb",
    "a\\nb",
    "../a",
    "",
    " a",
    "a|b",
    "é",
]
INSTALL = {
    "ClusterName": "garoon",
    "NodeName": "db-01",
    "Eth0Address": "10.0.3.4",
    "Eth1Address": "10.0.12.4",
    "PeerName": "db-02",
    "PeerEth0Address": "10.0.6.4",
    "PeerEth1Address": "10.0.14.4",
    "VirtualIp": "10.1.0.10",
    "ExportClients": "10.0.2.0/24",
}


def run(root: Path, *arguments: str, **variables: str) -> Report:
    environment = {"PATH": os.environ["PATH"], "GAROON_NODE_ROOT": str(root)}
    environment.update({f"SSM_{name}": value for name, value in variables.items()})
    done = subprocess.run(
        [SCRIPT, *arguments], env=environment, cwd=root, capture_output=True, text=True, timeout=30, check=False
    )
    return parse_report(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("value", [value for value in HOSTILE if value])
@pytest.mark.parametrize("name", ["Verb", "Epoch", "ExpiresAt", "AcceptDataLoss", "PeerProof", "AndStart"])
def test_hostile_options_are_refused(tmp_path: Path, name: str, value: str) -> None:
    report = run(tmp_path, **{"Verb": "promote", name: value})

    assert (report.exit_code, report.result, report.code) == (2, "refused", "bad_arguments")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [value for value in HOSTILE if value])
@pytest.mark.parametrize("name", ["NodeName", "VirtualIp", "MountPoint", "DatabasePort", "ExportClients"])
def test_hostile_settings_are_not_installed(tmp_path: Path, name: str, value: str) -> None:
    report = run(tmp_path, Verb="install", **{**INSTALL, name: value})

    assert (report.exit_code, report.code) == (2, "bad_arguments")
    assert name in report.message
    assert list(tmp_path.iterdir()) == []


def test_an_installation_without_its_addresses_is_refused(tmp_path: Path) -> None:
    report = run(tmp_path, Verb="install", ClusterName="garoon")

    assert (report.exit_code, report.code) == (2, "bad_arguments")
    assert "PEER_ETH0_ADDRESS" in report.message
    assert not (tmp_path / "usr").exists()


def test_a_node_without_settings_says_so(tmp_path: Path) -> None:
    for verb in ("status", "probe", "promote", "demote", "boot"):
        report = run(tmp_path, verb)
        assert (report.exit_code, report.result, report.code) == (15, "refused", "not_installed")


def test_an_agent_too_old_to_pass_variables_is_recognised(tmp_path: Path) -> None:
    report = run(tmp_path)

    assert report.exit_code == 2
    assert "3.3.2746.0" in report.message


def test_options_of_the_command_line_are_checked_too(tmp_path: Path) -> None:
    for arguments in (("promote", "--epoch"), ("promote", "--epoch", "x"), ("promote", "--force"), ("reboot",)):
        assert run(tmp_path, *arguments).code == "bad_arguments", arguments


def test_a_settings_file_can_set_settings_and_nothing_else(tmp_path: Path) -> None:
    settings = tmp_path / "etc/garoon-node.conf"
    settings.parent.mkdir()
    settings.write_text('NODE_NAME="$(touch HACKED)"\ntouch HACKED\nPATH="/nowhere"\nPEER_ETH0_ADDRESS="10.0.6.4"\n')

    report = run(tmp_path, "status")

    assert report.code == "not_installed"
    assert not (tmp_path / "HACKED").exists()
