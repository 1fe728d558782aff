"""The volume is let go of, whoever holds it: what is reached counts, and what holds it is named."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.node.node import SCRIPT, Cluster
from tests.node.test_replication_formats import PROC_DRBD, give, with_functions

ROOT_MOUNT = "1 0 0:2 / / rw - rootfs rootfs rw\n"
VOLUME_MOUNT = "50 1 147:0 / /mnt/DIR1 rw shared:1 - xfs /dev/drbd0 rw\n"
SAY_WHO_IS_SIGNALLED = 'kill() { echo "$3" >>"$ROOT/signalled"; }; '


@pytest.fixture
def other_device() -> Iterator[Path]:
    """A folder on another device than the tests' own, which stands for the volume."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        assert Path(folder).stat().st_dev != Path("/tmp").stat().st_dev
        yield Path(folder)


def on(volume: Path) -> str:
    """Bash that takes the folder's device for the volume."""
    device = volume.stat().st_dev
    return f"volume_number() {{ echo {os.major(device)}:{os.minor(device)}; }}; "


def a_process(root: Path, pid: int, parent: int, **links: Path) -> None:
    directory = root / f"proc/{pid}"
    directory.mkdir(parents=True)
    (directory / "stat").write_text(f"{pid} (a (strange) name) S {parent} 1 1 0 -1\n")
    (directory / "comm").write_text("mysqld\n")
    for name, target in links.items():
        (directory / name).symlink_to(target)


def signalled(root: Path) -> list[str]:
    path = root / "signalled"
    return path.read_text().split() if path.exists() else []


def test_processes_that_hold_the_volume_are_signalled_and_no_others(tmp_path: Path, other_device: Path) -> None:
    (other_device / "log").touch()
    holders = [subprocess.Popen(["sleep", "60"], cwd=other_device)]
    with (other_device / "log").open() as log:
        holders.append(subprocess.Popen(["sleep", "60"], stdin=log))
    neighbour = subprocess.Popen(["sleep", "60"], cwd=tmp_path)
    try:
        (tmp_path / "proc").mkdir()
        for process in (*holders, neighbour):
            (tmp_path / "proc" / str(process.pid)).symlink_to(f"/proc/{process.pid}")

        with_functions(tmp_path, f"{on(other_device)} signal_holders TERM")

        assert [holder.wait(timeout=10) for holder in holders] == [-15, -15]
        assert neighbour.poll() is None
    finally:
        for process in (*holders, neighbour):
            process.kill()
            process.wait()


def test_a_supervisor_is_signalled_before_what_it_starts_anew(tmp_path: Path, other_device: Path) -> None:
    a_process(tmp_path, 4711, 9000, exe=other_device)
    a_process(tmp_path, 9000, 1, cwd=other_device)

    with_functions(tmp_path, f"{SAY_WHO_IS_SIGNALLED}{on(other_device)} signal_holders KILL")

    assert signalled(tmp_path) == ["9000", "4711"]


def test_a_supervisor_outside_the_volume_is_signalled_once_it_started_another_child(
    tmp_path: Path, other_device: Path
) -> None:
    a_process(tmp_path, 4711, 9000, exe=other_device)
    a_process(tmp_path, 9000, 1)
    turns = "signal_holders KILL; mv $ROOT/proc/4711 $ROOT/proc/4712; signal_holders KILL"

    with_functions(tmp_path, f"{SAY_WHO_IS_SIGNALLED}{on(other_device)} {turns}")

    assert signalled(tmp_path) == ["4711", "9000", "4712"]


def test_what_the_script_runs_under_is_not_signalled(tmp_path: Path, other_device: Path) -> None:
    """An operator's shell that stands on the volume: it is named, and nobody is killed for it."""
    commands = (
        f'mkdir -p "$ROOT/proc/$$"; ln -s {other_device} "$ROOT/proc/$$/cwd"; signal_holders KILL; describe_holders'
    )
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/mountinfo").write_text(ROOT_MOUNT)

    words = with_functions(tmp_path, f"{SAY_WHO_IS_SIGNALLED}{on(other_device)} {commands}")

    assert signalled(tmp_path) == []
    assert "held by ?" in words
    assert ", cwd)" in words


def test_every_mount_of_the_device_is_found_with_what_is_mounted_below(tmp_path: Path) -> None:
    own = tmp_path / "proc/self/mountinfo"
    own.parent.mkdir(parents=True)
    own.write_text(
        f"{ROOT_MOUNT}{VOLUME_MOUNT}51 50 0:40 / /mnt/DIR1/tmp rw - tmpfs tmpfs rw\n"
        "52 1 147:0 /www /srv/with\\040blank rw - xfs /dev/drbd0 rw\n53 1 0:41 / /mnt/DIR10 rw - tmpfs tmpfs rw\n"
    )
    for pid in (300, 301):
        a_process(tmp_path, pid, 1)
        (tmp_path / f"proc/{pid}/mountinfo").write_text(ROOT_MOUNT + VOLUME_MOUNT)
        (tmp_path / f"proc/{pid}/ns").mkdir()
        (tmp_path / f"proc/{pid}/ns/mnt").symlink_to(tmp_path)  # one namespace, not this one

    found = with_functions(tmp_path, "find_mounts; printf '%s\\n' \"${MOUNTS[@]}\"").splitlines()

    assert found == ["self /mnt/DIR1", "self /mnt/DIR1/tmp", "self /srv/with blank", "300 /mnt/DIR1"]


def test_mounts_are_let_go_of_from_the_last_to_the_first(tmp_path: Path) -> None:
    own = tmp_path / "proc/self/mountinfo"
    own.parent.mkdir(parents=True)
    (tmp_path / "proc/meminfo").write_text("Dirty: 0 kB\n")
    own.write_text(f"{ROOT_MOUNT}{VOLUME_MOUNT}51 50 0:40 / /mnt/DIR1/tmp rw - tmpfs tmpfs rw\n")
    give(tmp_path, "umount", f'echo "$1" >>{tmp_path}/order\nsed -i "\\\\# $1 #d" {own}\n')

    assert with_functions(tmp_path, "unmount_volume && echo done") == "done"

    assert (tmp_path / "order").read_text().split() == ["/mnt/DIR1/tmp", "/mnt/DIR1"]


def test_what_a_slow_turn_freed_is_unmounted_though_the_time_is_over(tmp_path: Path) -> None:
    """On an emulated processor a turn took ten seconds: the last ones killed who kept the volume, and left it there."""
    own = tmp_path / "proc/self/mountinfo"
    own.parent.mkdir(parents=True)
    (tmp_path / "proc/meminfo").write_text("Dirty: 0 kB\n")
    own.write_text(ROOT_MOUNT + VOLUME_MOUNT)
    killed = tmp_path / "killed"
    give(tmp_path, "umount", f'[[ -e {killed} ]] && sed -i "\\# $1 #d" {own}\n')
    slow = f"CONFIG[RELEASE_SECONDS]=1; signal_holders() {{ sleep 1; [[ $1 != KILL ]] || : >{killed}; }}; "

    assert with_functions(tmp_path, slow + "unmount_volume && echo done") == "done"


REAL = r"""
mount --make-rprivate / && mount -t proc proc /proc || exit 77
volume=$1/volume bound=$1/bound
mkdir "$volume" "$bound" && mount -t tmpfs tmpfs "$volume" || exit 77
number=$(grep " $volume " /proc/self/mountinfo | cut -d' ' -f3)
mkdir "$volume/below" "$volume/www"
mount --bind "$volume/www" "$bound" && mount -t tmpfs tmpfs "$volume/below"
unshare --mount --propagation private sleep 300 &
elsewhere=$!
sleep 300 <"$volume" &
bash -c 'while sleep 0.1; do (exec 5>"$0/held"; trap : TERM; while :; do sleep 1; done); done' "$volume" &
until [ -e "$volume/held" ]; do sleep 0.1; done
source "$2"
CONFIG[MOUNT_POINT]=$volume
read_volumes
eval "volume_number() { echo $number; }"
unmount_volume
echo "unmounted: $?"
grep -s " $number " /proc/[0-9]*/mountinfo
kill -0 "$elsewhere" && echo "who had a mount of its own lives"
"""


def test_a_real_kernel_lets_go_of_a_volume_that_is_kept_in_every_way(tmp_path: Path) -> None:
    """A bind mount, a mount below, one in a namespace of its own, a reader, a supervisor outside that starts anew."""
    command = [
        "unshare",
        "--mount",
        "--pid",
        "--fork",
        "--kill-child",
        "bash",
        "-c",
        REAL,
        "bash",
        f"{tmp_path}",
        f"{SCRIPT}",
    ]
    environment = {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}"}
    for name in ("exportfs", "systemctl"):
        give(tmp_path, name, "")

    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)

    if done.returncode == 77 or "unshare failed" in done.stderr:
        pytest.skip("this machine lets nobody mount: the lab's machines do")
    assert done.stdout.splitlines() == ["unmounted: 0", "who had a mount of its own lives"], done.stderr


def test_the_limit_follows_what_is_dirty(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text(
        "MemFree: 99999 kB\nDirty: 51200 kB\nWriteback: 5120 kB\nWritebackTmp: 9 kB\n"
    )

    assert with_functions(tmp_path, "flush_seconds") == str(30 + 55)


def test_an_unmount_that_goes_on_writing_back_is_waited_for(active_cluster: Cluster) -> None:
    """The mount is gone from the list at once, umount ends late, and DRBD refuses until it has."""
    node = active_cluster.first
    node.host.set_fault("write_back_seconds", 3)

    assert node.must("demote").state["replication"]["role"] == "secondary"


def test_who_keeps_the_device_open_is_named(tmp_path: Path, other_device: Path) -> None:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/mountinfo").write_text(ROOT_MOUNT)
    (tmp_path / "proc/meminfo").write_text("Dirty: 0 kB\n")
    (tmp_path / "proc/drbd").write_text(
        PROC_DRBD.format(state="cs:Connected ro:Primary/Secondary ds:UpToDate/UpToDate")
    )
    give(tmp_path, "drbdadm", "echo '0: State change failed: (-12) Device is held open by someone'\nexit 11\n")
    a_process(tmp_path, 4711, 1, cwd=other_device)

    commands = 'CONFIG[RELEASE_SECONDS]=1; make_secondary || echo "$LAST_ERROR"'
    words = with_functions(tmp_path, f"{SAY_WHO_IS_SIGNALLED}{on(other_device)} {commands}")

    assert words == ("0: State change failed: (-12) Device is held open by someone, held by mysqld (process 4711, cwd)")


def test_a_device_that_is_held_open_for_a_moment_is_asked_for_again(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir(parents=True)
    (tmp_path / "proc/meminfo").write_text("Dirty: 0 kB\n")
    drbd = tmp_path / "proc/drbd"
    drbd.write_text(PROC_DRBD.format(state="cs:Connected ro:Primary/Secondary ds:UpToDate/UpToDate"))
    tries = 'tries=$(cat "$0.tries" 2>/dev/null)\necho x$tries >"$0.tries"\n'
    give(tmp_path, "drbdadm", f"{tries}[[ $tries == xx ]] || exit 11\nsed -i s,Primary/,Secondary/, {drbd}\n")
    began = time.monotonic()

    assert with_functions(tmp_path, "make_secondary && echo done") == "done"
    assert time.monotonic() - began < 10
