"""What real DRBD prints is understood, also what the simulation never prints.

Outputs of DRBD 8.4 after its user's guide ("Status information in /proc/drbd") and as recorded, of DRBD 9 as recorded.
"""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from tests.node.node import SCRIPT

PROC_DRBD = """\
version: 8.4.11-1 (api:1/proto:86-101)
GIT-hash: 66145a308421e9c124ec391a7848ac20203bb03c build by mockbuild@, 2018-04-26 12:10:42
 0: {state} C r-----
    ns:1048576 nr:0 dw:0 dr:1052704 al:0 bm:0 lo:0 pe:0 ua:0 ap:0 ep:1 wo:f oos:0
"""
SYNC = "\t[=======>............] sync'ed: 42.5% (602888/1048576)K\n\tfinish: 0:00:14 speed: 41,944 (41,944) K/sec\n"
EIGHT = [
    ("cs:Connected ro:Secondary/Primary ds:UpToDate/UpToDate", "Secondary Primary Connected UpToDate UpToDate null"),
    ("cs:WFConnection ro:Primary/Unknown ds:UpToDate/DUnknown", "Primary Unknown WFConnection UpToDate Unknown null"),
    (
        "cs:WFConnection ro:Secondary/Unknown ds:UpToDate/Outdated",
        "Secondary Unknown WFConnection UpToDate Outdated null",
    ),
    ("cs:StandAlone ro:Secondary/Unknown ds:Outdated/DUnknown", "Secondary Unknown StandAlone Outdated Unknown null"),
    ("cs:Connected ro:Secondary/Primary ds:Diskless/UpToDate", "Secondary Primary Connected Diskless UpToDate null"),
]
# Recorded from DRBD 9.2.18 with drbd-utils 9.22 in drbd_9/: `drbdsetup status garoon --verbose --statistics`.
NINE = {
    "connected-primary": "Primary Secondary Connected UpToDate UpToDate null",
    "connected-secondary": "Secondary Primary Connected UpToDate UpToDate null",
    "link-lost": "Secondary Unknown WFConnection UpToDate Unknown null",
    "outdated": "Secondary Unknown WFConnection Outdated Unknown null",
    "sync-source": "Primary Secondary SyncSource UpToDate Inconsistent 19.64",
    "sync-target": "Secondary Primary SyncTarget Inconsistent UpToDate 44.75",
    "sync-paused": "Secondary Primary PausedSyncT Inconsistent UpToDate 54.48",
    "standalone-inconsistent": "Secondary Unknown StandAlone Inconsistent Unknown null",
    "split": "Secondary Unknown StandAlone UpToDate Unknown null",
    "diskless": "Secondary Primary Connected Diskless UpToDate null",
    "diskless-standalone": "Secondary Unknown StandAlone Diskless Unknown null",
    "peer-diskless": "Secondary Primary Connected UpToDate Diskless null",
    "device-made": "Secondary Unknown Unknown Diskless Unknown null",
}
SHOW = (
    'read_replication; echo "$DRBD_ROLE $DRBD_PEER_ROLE $DRBD_CONNECTION $DRBD_DISK $DRBD_PEER_DISK'
    ' $REPLICATION_PERCENT"'
)
TELL = (
    'read_replication; echo "$REPLICATION_ROLE/$REPLICATION_PEER_ROLE $REPLICATION_LINK'
    ' $REPLICATION_DATA/$REPLICATION_PEER_DATA"'
)
# What the parts behind the engine, and the controller, hear of these.
TOLD = {
    "connected-primary": "primary/secondary connected current/current",
    "connected-secondary": "secondary/primary connected current/current",
    "link-lost": "secondary/unknown waiting current/unknown",
    "outdated": "secondary/unknown waiting stale/unknown",
    "sync-source": "primary/secondary resyncing current/stale",
    "sync-target": "secondary/primary resyncing stale/current",
    "sync-paused": "secondary/primary resyncing stale/current",
    "standalone-inconsistent": "secondary/unknown apart stale/unknown",
    "split": "secondary/unknown apart current/unknown",
    "diskless": "secondary/primary connected unusable/current",
    "diskless-standalone": "secondary/unknown apart unusable/unknown",
    "peer-diskless": "secondary/primary connected current/unusable",
    "device-made": "secondary/unknown unknown unusable/unknown",
}


def with_functions(root: Path, commands: str) -> str:
    """Output of bash commands that use the script's functions."""
    return subprocess.run(
        ["bash", "-c", f'source "{SCRIPT}"; {commands}'],
        env={"PATH": f"{root}/bin:{os.environ['PATH']}", "GAROON_NODE_ROOT": str(root)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    ).stdout.strip()


@pytest.mark.parametrize(("state", "expected"), EIGHT)
def test_the_words_of_drbd_8_4_are_understood(tmp_path: Path, state: str, expected: str) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/drbd").write_text(PROC_DRBD.format(state=state))

    assert with_functions(tmp_path, SHOW) == expected


def test_the_resync_of_another_device_is_not_taken_for_ours(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    ours = PROC_DRBD.format(state="cs:Connected ro:Secondary/Primary ds:UpToDate/UpToDate")
    other = " 1: cs:SyncTarget ro:Secondary/Primary ds:Inconsistent/UpToDate C r-----\n" + SYNC
    (tmp_path / "proc/drbd").write_text(ours + other)

    assert with_functions(tmp_path, SHOW) == "Secondary Primary Connected UpToDate UpToDate null"
    (tmp_path / "proc/drbd").write_text(
        PROC_DRBD.format(state="cs:SyncTarget ro:Secondary/Primary ds:Inconsistent/UpToDate") + SYNC
    )
    assert with_functions(tmp_path, SHOW) == "Secondary Primary SyncTarget Inconsistent UpToDate 42.5"


# Recorded from DRBD 8.4.11 of Debian 12's kernel.
RECORDED_DIVERGED = """\
version: 8.4.11 (api:1/proto:86-101)
srcversion: B536C32A3EADA868561EFD9
 0: cs:Connected ro:Primary/Secondary ds:UpToDate/UpToDate C r-----
    ns:26 nr:0 dw:37978 dr:1387 al:7 bm:0 lo:0 pe:0 ua:0 ap:0 ep:1 wo:f oos:32808
"""
RECORDED_ATTACHED = """\
version: 8.4.11 (api:1/proto:86-101)
srcversion: B536C32A3EADA868561EFD9
 0: cs:StandAlone ro:Secondary/Unknown ds:UpToDate/DUnknown   r-----
    ns:0 nr:0 dw:0 dr:0 al:0 bm:0 lo:0 pe:0 ua:0 ap:0 ep:1 wo:f oos:12288
"""
RECORDED_RESYNC = """\
version: 8.4.11 (api:1/proto:86-101)
srcversion: B536C32A3EADA868561EFD9
 0: cs:SyncTarget ro:Secondary/Primary ds:Inconsistent/UpToDate C r-----
    ns:0 nr:1312 dw:33579 dr:33758 al:7 bm:0 lo:0 pe:2 ua:0 ap:0 ep:1 wo:f oos:21256
\t[==>.................] sync'ed: 16.7% (21256/22568)K
\tfinish: 0:00:13 speed: 1,312 (1,312) want: 1,480 K/sec
"""


@pytest.mark.parametrize(
    ("recorded", "expected"),
    [
        (RECORDED_ATTACHED, "Secondary Unknown StandAlone UpToDate Unknown null"),
        (RECORDED_RESYNC, "Secondary Primary SyncTarget Inconsistent UpToDate 16.7"),
    ],
)
def test_what_was_recorded_from_a_real_pair_is_understood(tmp_path: Path, recorded: str, expected: str) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/drbd").write_text(recorded)

    assert with_functions(tmp_path, SHOW) == expected


def test_replicas_that_diverged_unseen_are_not_healthy(tmp_path: Path) -> None:
    ask = "read_replication; is_replication_healthy && echo healthy"
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/drbd").write_text(RECORDED_DIVERGED)

    assert with_functions(tmp_path, ask) == ""
    (tmp_path / "proc/drbd").write_text(RECORDED_DIVERGED.replace("oos:32808", "oos:0"))
    assert with_functions(tmp_path, ask) == "healthy"


def test_a_module_without_our_device_knows_nothing(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/drbd").write_text("version: 8.4.11-1 (api:1/proto:86-101)\n 0: cs:Unconfigured\n")

    assert with_functions(tmp_path, SHOW) == "Unknown Unknown Unconfigured Unknown Unknown null"


@pytest.mark.parametrize(("state", "expected"), NINE.items())
def test_the_words_of_drbd_9_are_understood(tmp_path: Path, state: str, expected: str) -> None:
    give_drbd_9(tmp_path, recorded(state))

    assert with_functions(tmp_path, SHOW) == expected


def test_a_peer_of_drbd_9_with_a_long_name_fills_a_line(tmp_path: Path) -> None:
    name = "x" * 61
    told = recorded("link-lost").replace("peer-db-01 node-id:0 connection:", f"{name} node-id:0\n      connection:")
    give_drbd_9(tmp_path, told)

    assert with_functions(tmp_path, SHOW) == NINE["link-lost"]


def test_a_resource_that_drbd_9_does_not_have_is_unknown(tmp_path: Path) -> None:
    give_drbd_9(tmp_path, "garoon: No such resource\n", exit_code=10)

    assert with_functions(tmp_path, SHOW) == "Unknown Unknown Unknown Unknown Unknown null"


def test_replicas_of_drbd_9_that_diverged_are_not_healthy(tmp_path: Path) -> None:
    ask = "read_replication; is_replication_healthy && echo healthy"
    give_drbd_9(tmp_path, recorded("connected-primary"))
    assert with_functions(tmp_path, ask) == "healthy"

    give_drbd_9(tmp_path, recorded("connected-primary").replace("out-of-sync:0", "out-of-sync:2396"))
    assert with_functions(tmp_path, ask) == ""


def test_an_attempt_to_attach_goes_on_where_the_last_one_ended(tmp_path: Path) -> None:
    give_drbd_9(tmp_path, recorded("device-made"))  # which DRBD 9 makes only once
    give(tmp_path, "drbdadm", f"echo $1 >>{tmp_path}/asked\n")

    with_functions(tmp_path, "attach_replica")

    assert (tmp_path / "asked").read_text().split() == ["new-resource", "new-peer", "new-path"]


def test_a_replica_of_drbd_9_is_outdated_by_the_command_that_it_knows(tmp_path: Path) -> None:
    give_drbd_9(tmp_path, recorded("link-lost"))
    give(tmp_path, "drbdsetup", f"echo $* >>{tmp_path}/asked\n")

    with_functions(tmp_path, "CONFIG[REPLICATED_DEVICE]=/dev/drbd0; outdate_replica")

    assert (tmp_path / "asked").read_text() == "outdate 0\n"


def test_a_replica_of_drbd_9_that_just_lost_its_primary_is_looked_at_again(tmp_path: Path) -> None:
    give_drbd_9(tmp_path, "")
    lost = recorded("link-lost")
    # Recorded in `drbdsetup events2`: Consistent together with the loss, UpToDate some milliseconds later.
    told = f"cat <<'END'\n{lost.replace('disk:UpToDate', 'disk:Consistent')}END\n"
    give(tmp_path, "drbdsetup", f"if mkdir {tmp_path}/asked; then\n{told}else\ncat <<'END'\n{lost}END\nfi\n")

    waited = "wait_until 5 is_peer_loss_settled; why_replica_is_stale; echo $DRBD_DISK"
    assert with_functions(tmp_path, waited) == "UpToDate"


@pytest.mark.parametrize(
    ("line", "protocol"),
    [
        ("cs:Connected ro:Secondary/Primary ds:UpToDate/UpToDate A r-----", "A"),
        ("cs:WFConnection ro:Secondary/Unknown ds:UpToDate/DUnknown C r-----", "C"),
        ("cs:StandAlone ro:Secondary/Unknown ds:UpToDate/DUnknown   r-----", ""),
        ("cs:Unconfigured", ""),
    ],
)
def test_the_protocol_that_runs_is_read_of_drbd_8(tmp_path: Path, line: str, protocol: str) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/drbd").write_text(f"version: 8.4.11-1 (api:1/proto:86-101)\n 0: {line}\n")
    assert with_functions(tmp_path, 'read_replication; read_protocol; echo "$REPLICATION_PROTOCOL"') == protocol


@pytest.mark.parametrize(("shown", "protocol"), [("    protocol        \tA;\n", "A"), ("    timeout 20;\n", "")])
def test_the_protocol_that_runs_is_read_of_drbd_9(tmp_path: Path, shown: str, protocol: str) -> None:
    """`drbdsetup show` of drbd-utils 9: a statement to a line, in the section of the connection."""
    give_drbd_9(tmp_path, recorded("connected-primary"))
    show = f'resource "garoon" {{\n    connection {{\n        net {{\n{shown}        }}\n    }}\n}}\n'
    status = recorded("connected-primary")
    give(tmp_path, "drbdsetup", f"[[ $1 == show ]] && {{ cat <<'END'\n{show}END\nexit; }}\ncat <<'END'\n{status}END\n")
    assert with_functions(tmp_path, 'read_replication; read_protocol; echo "$REPLICATION_PROTOCOL"') == protocol


@pytest.mark.parametrize(("version", "words"), [("8.4.11", 0), ("9.2.18", 2)])
def test_drbd_is_loaded_before_its_resource_file_is_written(tmp_path: Path, version: str, words: int) -> None:
    (tmp_path / "proc").mkdir()
    give(tmp_path, "modprobe", f'echo "version: {version}" >{tmp_path}/proc/drbd\n')

    with_functions(tmp_path, "CONFIG[NODE_NAME]=db-01 CONFIG[PEER_NAME]=db-02; install_replication")

    assert (tmp_path / "etc/drbd.d/garoon.res").read_text().count("node-id") == words


def test_a_drbd_command_that_hangs_is_not_waited_for(tmp_path: Path) -> None:
    give(tmp_path, "drbdsetup", "trap '' TERM\nsleep 60\n")
    began = time.monotonic()

    assert with_functions(tmp_path, SHOW).startswith("Unknown Unknown Unknown")
    assert time.monotonic() - began < 10


def test_a_volume_that_the_kernel_lets_go_of_a_moment_later_is_unmounted(tmp_path: Path) -> None:
    mounts = tmp_path / "proc/self/mountinfo"
    mounts.parent.mkdir(parents=True)
    (tmp_path / "proc/meminfo").write_text("Dirty: 0 kB\n")
    root = "1 0 0:2 / / rw - rootfs rootfs rw"
    mounts.write_text(f"{root}\n50 1 147:0 / /mnt/DIR1 rw shared:1 - xfs /dev/drbd0 rw\n")
    tries = 'tries=$(cat "$0.tries" 2>/dev/null)\necho x$tries >"$0.tries"\n'
    give(tmp_path, "umount", f"{tries}[[ $tries == xxxx ]] && echo {root} >{mounts} || exit 32\n")
    for command in ("exportfs", "systemctl"):
        give(tmp_path, command, "")

    assert with_functions(tmp_path, "CONFIG[MOUNT_POINT]=/mnt/DIR1; unmount_volume 2>/dev/null && echo done") == "done"


def recorded(state: str) -> str:
    return (Path(__file__).parent / f"drbd_9/{state}.txt").read_text()


def give_drbd_9(root: Path, status: str, exit_code: int = 0) -> None:
    (root / "proc").mkdir(exist_ok=True)
    (root / "proc/drbd").write_text("version: 9.2.18 (api:2/proto:118-124)\nTransports (api:21): tcp (9.2.18)\n")
    give(root, "drbdsetup", f"cat <<'END'\n{status}END\nexit {exit_code}\n")


def give(root: Path, command: str, body: str) -> None:
    path = root / "bin" / command
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/bash\n{body}")
    path.chmod(0o755)


@pytest.mark.parametrize(("state", "expected"), TOLD.items())
def test_what_drbd_9_says_is_told_in_our_words(tmp_path: Path, state: str, expected: str) -> None:
    give_drbd_9(tmp_path, recorded(state))

    assert with_functions(tmp_path, TELL) == expected


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("cs:VerifyS ro:Primary/Secondary ds:UpToDate/UpToDate", "primary/secondary resyncing current/current"),
        ("cs:SyncTarget ro:Secondary/Primary ds:Inconsistent/UpToDate", "secondary/primary resyncing stale/current"),
        # The bitmaps are compared, and it is not marked yet.
        ("cs:WFBitMapT ro:Secondary/Primary ds:UpToDate/UpToDate", "secondary/primary resyncing stale/current"),
        ("cs:NetworkFailure ro:Secondary/Unknown ds:Consistent/DUnknown", "secondary/unknown waiting stale/unknown"),
        ("cs:StandAlone ro:Secondary/Unknown ds:Failed/DUnknown", "secondary/unknown apart unusable/unknown"),
        ("cs:Unconfigured", "unknown/unknown apart unknown/unknown"),
        ("cs:NewWord ro:Secondary/Third ds:Attaching/Negotiating", "secondary/unknown unknown unknown/unknown"),
    ],
)
def test_what_drbd_8_4_says_is_told_in_our_words_and_a_word_unheard_of_says_nothing(
    tmp_path: Path, state: str, expected: str
) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/drbd").write_text(PROC_DRBD.format(state=state))

    assert with_functions(tmp_path, TELL) == expected


# --- several volumes of one resource ---

SECOND = "CONFIG[FURTHER_VOLUMES]=/dev/xvdc1:/dev/drbd1:/mnt/DIR2; read_volumes; "
WELL = "cs:Connected ro:Secondary/Primary ds:UpToDate/UpToDate C r-----"


def give_volumes(root: Path, *states: str) -> None:
    """DRBD 8.4 with these volumes; one of no words is not there."""
    lines = "".join(f" {minor}: {state}\n    oos:{minor}\n" for minor, state in enumerate(states) if state)
    (root / "proc").mkdir(exist_ok=True)
    (root / "proc/drbd").write_text(f"version: 8.4.11-1 (api:1/proto:86-101)\n{lines}")


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (WELL, "secondary/primary connected current/current"),
        (
            "cs:Connected ro:Primary/Secondary ds:UpToDate/UpToDate C r-----",
            "primary/primary connected current/current",
        ),
        ("cs:SyncTarget ro:Secondary/Primary ds:Inconsistent/UpToDate C", "secondary/primary resyncing stale/current"),
        ("cs:SyncSource ro:Secondary/Primary ds:UpToDate/Inconsistent C", "secondary/primary resyncing current/stale"),
        ("cs:Connected ro:Secondary/Primary ds:Diskless/UpToDate C", "secondary/primary connected unusable/current"),
        ("cs:StandAlone ro:Secondary/Unknown ds:UpToDate/DUnknown C", "secondary/primary apart current/unknown"),
        ("cs:Connected ro:Strange/Primary ds:UpToDate/UpToDate C", "unknown/primary connected current/current"),
        ("cs:Unconfigured", "secondary/primary apart unknown/unknown"),
        ("", "secondary/primary unknown unknown/unknown"),
    ],
)
@pytest.mark.parametrize("is_first", [False, True])
def test_of_two_volumes_the_worst_word_is_told(tmp_path: Path, other: str, told: str, *, is_first: bool) -> None:
    give_volumes(tmp_path, *((other, WELL) if is_first else (WELL, other)))

    assert with_functions(tmp_path, SECOND + TELL) == told


@pytest.mark.parametrize(
    ("states", "half"),
    [((WELL, WELL), "false"), ((WELL, WELL.replace("Secondary/", "Primary/")), "true"),
     ((WELL.replace("Secondary/", "Primary/"), ""), "true"),
     ((WELL.replace("Secondary/", "Primary/"),) * 2, "false"), (("", ""), "false")],
)  # fmt: skip
def test_a_set_of_which_one_volume_is_primary_is_half_primary(
    tmp_path: Path, states: tuple[str, str], half: str
) -> None:
    give_volumes(tmp_path, *states)

    assert with_functions(tmp_path, f"{SECOND}read_replication; echo $IS_HALF_PRIMARY") == half


def test_no_volume_at_all_is_no_replica_and_one_is_one(tmp_path: Path) -> None:
    show = f"{SECOND}read_replication; echo $REPLICATION_ROLE $IS_REPLICA_UP $REPLICATION_OUT_OF_SYNC"
    give_volumes(tmp_path, "", "")
    assert with_functions(tmp_path, show) == "unknown false 0"
    give_volumes(tmp_path, "", WELL)
    assert with_functions(tmp_path, show) == "secondary true 1"


def test_of_two_resyncs_the_one_that_is_least_far_is_told(tmp_path: Path) -> None:
    state = "cs:SyncTarget ro:Secondary/Primary ds:Inconsistent/UpToDate C r-----"
    give_volumes(tmp_path, f"{state}\n\tsync'ed: 42.5%", f"{state}\n\tsync'ed:  7.1%")

    assert with_functions(tmp_path, f"{SECOND}read_replication; echo $REPLICATION_PERCENT") == "7.1"


def two_volumes_of_drbd_9(own: str, peer: str) -> str:
    """`drbdsetup status` as recorded of one volume, with a second one of these words."""
    told = recorded("connected-secondary")
    first = told[told.index("  volume:0") : told.index("  peer-")]
    peers = told[told.index("    volume:0") :]
    second = first.replace("volume:0 minor:0", "volume:1 minor:1").replace("disk:UpToDate", f"disk:{own}")
    second_peer = peers.replace("volume:0", "volume:1").replace("replication:Established", f"replication:{peer}")
    return told.replace(first, first + second).replace(peers, peers + second_peer)


@pytest.mark.parametrize(
    ("own", "peer", "told"),
    [
        ("UpToDate", "Established", "secondary/primary connected current/current"),
        ("Inconsistent", "SyncTarget", "secondary/primary resyncing stale/current"),
        ("Diskless", "Established", "secondary/primary connected unusable/current"),
    ],
)
def test_of_two_volumes_of_drbd_9_the_worst_word_is_told(tmp_path: Path, own: str, peer: str, told: str) -> None:
    give_drbd_9(tmp_path, two_volumes_of_drbd_9(own, peer))

    assert with_functions(tmp_path, SECOND + TELL) == told


@pytest.mark.parametrize(
    ("states", "asked"),
    [
        (("", ""), ["up garoon"]),
        ((WELL, ""), ["adjust garoon"]),
        ((WELL, "cs:Unconfigured"), ["adjust garoon"]),
        ((WELL, WELL), []),
    ],
)
def test_what_is_missing_of_a_set_is_brought_up(tmp_path: Path, states: tuple[str, str], asked: list[str]) -> None:
    give_volumes(tmp_path, *states)
    give(tmp_path, "drbdadm", f'echo "$*" >>{tmp_path}/asked\n')
    (tmp_path / "asked").touch()

    with_functions(tmp_path, f"{SECOND}bring_replication_up")

    assert (tmp_path / "asked").read_text().splitlines() == asked


@pytest.mark.parametrize(
    ("states", "asked"),
    [
        (("", ""), ["new-resource garoon", "new-minor garoon/0", "new-minor garoon/1"]),
        (("cs:StandAlone ro:Secondary/Unknown ds:UpToDate/DUnknown", ""), ["new-minor garoon/1"]),
        (("cs:Unconfigured", "cs:Unconfigured"), ["attach garoon/0", "attach garoon/1"]),
        (("cs:StandAlone ro:Secondary/Unknown ds:UpToDate/DUnknown", "cs:Unconfigured"), ["attach garoon/1"]),
    ],
)
def test_a_set_is_attached_volume_by_volume(tmp_path: Path, states: tuple[str, str], asked: list[str]) -> None:
    give_volumes(tmp_path, *states)
    give(tmp_path, "drbdadm", f'echo "$*" >>{tmp_path}/asked\n')

    with_functions(tmp_path, f"{SECOND}attach_replica")

    assert (tmp_path / "asked").read_text().splitlines() == asked


def test_the_resource_file_of_one_volume_is_as_it_was_and_several_have_sections(tmp_path: Path) -> None:
    """drbd-utils 9.22 reads both, of 8.4 and of 9 (`drbdadm -d up`)."""
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/drbd").write_text("version: 8.4.11\n")
    one = with_functions(tmp_path, "resource_file")
    assert "\n    device /dev/drbd0;\n    disk /dev/xvdb1;\n    meta-disk internal;\n    on " in one
    assert "volume" not in one

    several = with_functions(tmp_path, SECOND + "resource_file")

    assert "    volume 0 {\n        device /dev/drbd0;\n        disk /dev/xvdb1;\n" in several
    assert "    volume 1 {\n        device /dev/drbd1;\n        disk /dev/xvdc1;\n" in several
