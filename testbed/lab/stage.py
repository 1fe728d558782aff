"""What can go wrong on real machines, beside what the drill's stage knows."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping, Sequence

from testbed.garoon.installation import CLUSTER
from testbed.hosts import HostError
from testbed.hosts.layout import snapshot_directory
from testbed.judges.observer import read_hosts
from testbed.lab.host import VOLUME_IMAGE, LabHost
from testbed.scenarios.stage import Bed, Stage
from testbed.world.files import is_in_image
from testbed.world.waiting import wait_until

_ACT_SECONDS = 300.0
_LOOK_SECONDS = 0.5
_FILLER = "/mnt/DIR1/filler"
_END_GRACE = "/proc/fs/nfsd/v4_end_grace"
_HELD_FILE = "/usr/local/cybozu/mysql-5.0/files/held-open"
# nfsdcld's tables (nfs-utils, utils/nfsdcld/sqlite.c): who was there in this epoch is waited for in the next one.
_RECORD_NOBODY = """python3 -c '
import sqlite3
with sqlite3.connect("/var/lib/nfs/nfsdcld/main.sqlite") as records:
    epoch = records.execute("SELECT current FROM grace").fetchone()[0]
    records.execute(f"INSERT OR REPLACE INTO \\"rec-{epoch:016x}\\" (id) VALUES (?)", (b"Linux NFSv4.2 nobody",))
'"""
_DIRTY_MEGABYTES = 12
KEPT_RECIPE = "mount -t xfs -o ro,nouuid,norecovery {device} /mnt/kept"
"""As docs/operations.md has it; a test holds it to that."""
_LOCAL_FILE = "/mnt/DIR1/written-alone"
_MYSQL = "/mnt/DIR1/cybozu/mysql-5.0"
_RECOVERY = """#!/bin/bash
exec 2>>/mnt/DIR1/cybozu/mysql-5.0/data/error.log
echo begun >>/mnt/DIR1/cybozu/mysql-5.0/data/begun
for ((second = 0; second < {seconds}; second += 2)); do
    echo "InnoDB: Progress in percents: $((100 * second / {seconds}))" >&2
    dd if=/dev/zero of=/mnt/DIR1/cybozu/mysql-5.0/data/redo bs=64k count=4 conv=fsync status=none
    sleep 2
done
exec /mnt/DIR1/cybozu/mysql-5.0/libexec/proper/mysqld "$@"
"""


class LabStage(Stage):
    """The world of one run in the lab, as a scenario changes it."""

    def __init__(
        self, bed: Bed, machines: Mapping[str, LabHost], servers: Sequence[LabHost], tell: Callable[[str], None]
    ) -> None:
        super().__init__(bed, tell)
        self._machines = machines
        self._servers = {server.name: server for server in servers}

    # --- nature ---

    def lose_network(self, node: str) -> None:
        """As the installation's own test does it: both interfaces lose their addresses, too."""
        self._tell(f"{node}: systemctl stop network")
        self._do(node, "systemctl stop network")

    def repair_network(self, node: str) -> None:
        """A machine that is off has its network again as soon as it boots."""
        if self._machines[node].is_on:
            super().repair_network(node)
        else:
            self._tell(f"{node}: its network will be back when it boots")

    def panic(self, node: str) -> None:
        """The machine stays on and does nothing any more."""
        self._tell(f"{node}: its kernel panics")
        self._do(node, "echo 1 >/proc/sys/kernel/sysrq; (sleep 0.5; echo c >/proc/sysrq-trigger) >/dev/null 2>&1 &")

    def slow_boot_down(self, node: str) -> None:
        """From its next boot on its network comes minutes after everything else, as where a boot checks large disks."""
        self._tell(f"{node}: its network will come five minutes after a boot")
        folder = "/etc/systemd/system/networking.service.d"
        unit = "[Service]\\nTimeoutStartSec=infinity\\nExecStartPre=/bin/sleep 300\\n"
        self._do(node, f"mkdir -p {folder} && printf '{unit}' >{folder}/slow.conf && sync")

    def slow_recovery_down(self, node: str, seconds: float) -> None:
        """Before the server proper, its program reads and writes its volume for so long and logs how far it is.

        It stands on the volume, so the active node puts it there. The program that runs there stays what it is.
        """
        self._tell(f"the database will recover for {seconds:.0f} s when it is started on {node}")
        active = next(name for name in self._machines if name != node)
        self._do(
            active,
            f"cd {_MYSQL} && mkdir -p libexec/proper && cp -p libexec/mysqld libexec/proper/mysqld && "
            f"printf %s {shlex.quote(_RECOVERY.format(seconds=int(seconds)))} >libexec/mysqld.new && "
            "chmod 0755 libexec/mysqld.new && mv libexec/mysqld.new libexec/mysqld && sync",
        )

    def check_told_once_of_recovery(self, node: str) -> None:
        told = [text for text in self._recovery_notices() if f"cyde_5_0 is on its way on {node}" in text]
        if len(told) != 1 or "percents" not in told[0]:
            raise HostError(f"Operators were told of the recovery {len(told)} times: {told}.")
        self._tell(f"operators were told once: {told[0].splitlines()[0]}")
        self._do(node, f"test $(wc -l <{_MYSQL}/data/begun) = 1 && test $(pgrep -c -x mysqld) = 1")
        self._tell(f"{node}: one database was begun, and one runs")

    def kill_by_lack_of_memory(self, node: str) -> None:
        """The kernel's OOM killer takes the database, in whose control group there is no memory left."""
        self._tell(f"{node}: the kernel kills the database, for lack of memory")
        group = "/sys/fs/cgroup/system.slice/garoon-cyde_5_0.service"
        agent = self._do(node, "systemctl show -p MainPID lab-agent")
        self._do(
            node,
            f'test -n "$(cat {group}/cgroup.procs)" && echo 0 >{group}/memory.swap.max; '
            f"echo 8M >{group}/memory.max; for _ in $(seq 50); do grep -q 'oom_kill [1-9]' {group}/memory.events "
            "2>/dev/null && exit 0; pgrep -x mysqld >/dev/null || exit 0; sleep 0.2; done; exit 1",
        )
        if self._do(node, "systemctl show -p MainPID lab-agent") != agent:
            raise HostError(f"{node}: what commands it went down with its database.")
        self._tell(f"{node}: what commands it goes on answering")

    def return_power(self, node: str) -> None:
        self._tell(f"{node}: its power is back")
        self._machines[node].boot()

    def lose_replication_link(self, node: str) -> None:
        self._tell(f"{node}: its replication interface goes down")
        self._machines[node].set_fault("nic_eth1", "down")

    def mend_replication_link(self, node: str) -> None:
        self._tell(f"{node}: its replication interface is up again")
        self._machines[node].set_fault("nic_eth1", None)

    def limit_resync(self, kib_per_second: int) -> None:
        """The next resync takes as long as the story needs it to; both nodes must have their disks.

        For nodes that are not connected: when they meet, DRBD 8.4 gives each the other's limits.
        """
        for node in self._machines:
            self._do(node, f"drbdsetup disk-options 0 --c-plan-ahead=0 --resync-rate={kib_per_second}")

    def replicate_asynchronously(self, node: str, delay_seconds: float) -> None:
        """From here on a write is acknowledged before the peer has it, and is so long on its way to it.

        The time-outs are longer by that delay; dead peers are noticed a little later.
        """
        timeouts = "--ping-int=6 --ping-timeout=45 --timeout=55"
        self._do(node, f"drbdadm net-options --protocol=A {timeouts} garoon")
        self._do(node, f"tc qdisc add dev eth1 root netem delay {delay_seconds:.3f}s limit 100000")

    def drive_replication(self, node: str, *drbd: str) -> None:
        """Commands of DRBD's own tools, one after the other, with the resource added."""
        for command in drbd:
            self._tell(f"{node}: {command}")
            self._do(node, f"{command} garoon")

    def record_nobody(self, node: str) -> None:
        """The node's NFS server starts with the record of a client that will never come back."""
        self._tell(f"{node}: its NFS server starts, and waits for a client that is nobody's")
        self._do(node, f"systemctl stop nfs-server && {_RECORD_NOBODY} && systemctl start nfs-server")
        if self._do(node, f"cat {_END_GRACE}").strip() != "N":
            raise HostError(f"The NFS server of {node} has no grace period, so that nothing is shown here.")

    def hold_file_open(self, server: str) -> None:
        """A program on that App server has a file of its NFS mount open, and keeps it."""
        self._tell(f"{server}: a program holds a file open over NFS")
        hold = f"exec 5>{_HELD_FILE}; exec sleep 3600"
        self._servers[server].must(f"systemd-run --quiet --unit=lab-holder bash -c '{hold}'", _ACT_SECONDS)

    def check_ready_to_take_over(self, node: str) -> None:
        """The node stands by with its NFS server past its grace, and nobody on its record. Raises HostError."""
        answers = json.loads(self._do(node, "garoon-node status"))["status"]["nfsAnswers"]
        clients = self._do(node, "ls /proc/fs/nfsd/clients").split()
        if not answers or clients:
            raise HostError(f"{node} is not ready to take over: nfsAnswers is {answers}, clients: {clients}.")
        self._tell(f"{node}: its NFS server runs and has no client")

    def check_process(self, node: str, service: str, *, is_there: bool) -> None:
        """Raises HostError."""
        running = f"read -r process </run/{service}.pid && test -d /proc/$process"
        self._do(node, running if is_there else f"! ({running})")
        self._tell(f"{node}: {service} {'runs' if is_there else 'does not run'}")

    # --- people and programs ---

    def keep_volume_busy(self, node: str) -> None:
        """Everything that keeps a volume: much that is not written back yet, over a slow link; a bind mount; a mount
        below; a mount in a namespace of its own; somebody who reads the device; and a program that is started anew."""
        self._tell(f"{node}: its volume is kept busy in every way")
        self._do(
            node,
            "tc qdisc add dev eth1 root tbf rate 40mbit burst 64kb latency 1s && "
            "mkdir -p /srv/bound /mnt/DIR1/below && mount --bind /mnt/DIR1/www /srv/bound && "
            "mount -t tmpfs tmpfs /mnt/DIR1/below && "
            "systemd-run --quiet --unit=lab-namespace unshare -m --propagation private sleep 3600 && "
            "systemd-run --quiet --unit=lab-reader bash -c 'exec sleep 3600 </dev/drbd0' && "
            "systemd-run --quiet --unit=lab-supervisor bash -c 'while sleep 1; do (exec 5>/mnt/DIR1/held; "
            "trap : TERM; while :; do sleep 1; done); done' && sleep 2 && "
            f"dd if=/dev/urandom of={_FILLER} bs=1M count={_DIRTY_MEGABYTES} status=none",
        )

    def check_let_go(self, node: str) -> None:
        """Nothing on the node has the volume any more, and who had nothing to do with it lives. Raises HostError."""
        self._do(node, "! grep ' 147:0 ' /proc/[0-9]*/mountinfo && drbdadm role garoon | grep ^Secondary")
        self._do(node, "! pgrep -f 'exec 5>/mnt/DIR1/hel[d]' && systemctl is-active lab-namespace lab-agent")
        self._do(node, "tc qdisc del dev eth1 root")
        self._tell(f"{node}: nobody has the volume any more")

    def look_into_copy(self, node: str) -> None:
        """The recipe of docs/operations.md for a kept snapshot, on the active node: what is below DRBD stands for the
        snapshot, with the same UUID and a log that was not replayed. Raises HostError."""
        self._do(
            node,
            "kept=$(losetup --find --show --read-only $(drbdadm sh-ll-dev garoon)) && mkdir -p /mnt/kept && "
            f"{KEPT_RECIPE.format(device='$kept')} && test -d /mnt/kept/cybozu && umount /mnt/kept && losetup -d $kept",
        )
        self._tell(f"{node}: a copy of its volume was looked into, beside the volume itself")

    def write_locally(self, node: str) -> None:
        """A program on the node goes on writing lines to its volume, whoever still sees it."""
        self._tell(f"{node}: a program on it writes to the volume, and goes on")
        line = f'echo "written by {node} at $(date +%s.%N)" >>{_LOCAL_FILE}'
        self._do(node, f"(while {line}; do sync {_LOCAL_FILE}; sleep 0.5; done) >/dev/null 2>&1 &")
        self._read_last_line(node)

    def wait_for_lone_write(self, node: str) -> str:
        """A line that the program wrote when the peer could not get it any more."""
        lines: list[str] = []

        def is_written() -> bool:
            if read_hosts(self._bed.world.directory)[node].link != "connected":
                lines.append(self._read_last_line(node))
            return len(set(lines)) > 1  # the first may be of before

        wait_until(is_written, f"{node} writing without its peer", self._bed.patience_seconds, _LOOK_SECONDS)
        self._tell(f"{node}: cut off, the program on it goes on")
        return lines[-1]

    def check_not_merged(self, active: str, line: str) -> None:
        """What was written alone is not on the volume in service, what was written before it is. Raises HostError."""
        self._do(active, f"test -s {_LOCAL_FILE} && ! grep -qF '{line}' {_LOCAL_FILE}")
        self._tell(f"{active}: its volume has nothing of what was written alone")

    def check_kept(self, node: str, line: str) -> None:
        """What the node alone wrote is in a snapshot of its volume. Raises HostError."""
        volume_id = self._bed.installation.nodes[node].data_volume_id
        found = self._bed.clients.ec2.describe_snapshots(Filters=[{"Name": "volume-id", "Values": [volume_id]}])
        folders = [snapshot_directory(self._bed.world.directory, one["SnapshotId"]) for one in found["Snapshots"]]
        if not any(is_in_image(folder / VOLUME_IMAGE, line.encode()) for folder in folders):
            raise HostError(f"None of the {len(folders)} snapshots of {node} holds what it wrote alone: {line}.")
        self._tell(f"{node}: what it wrote alone is in a snapshot of its volume")

    def _read_last_line(self, node: str) -> str:
        return self._do(node, f"tail -n 1 {_LOCAL_FILE}").strip()

    def write_much(self, node: str, megabytes: int) -> None:
        self._tell(f"{node}: {megabytes} MB are written to the volume")
        self._do(node, f"dd if=/dev/urandom of={_FILLER} bs=1M count={megabytes} conv=fsync status=none")

    def fill_volume(self, node: str) -> None:
        self._tell(f"{node}: the volume is full")
        nearly_all = "$(($(stat -f -c '%a * %S' /mnt/DIR1) - 16 * 1024 * 1024))"
        self._do(node, f"fallocate -l {nearly_all} {_FILLER}; ! dd if=/dev/zero of={_FILLER}-2 bs=4k conv=fsync")

    def free_volume(self, node: str) -> None:
        self._tell(f"{node}: an operator makes room on the volume")
        self._do(node, f"rm -f {_FILLER} {_FILLER}-2")

    # --- waiting ---

    def wait_for_alarm(self, node: str, alarm: str, state: str = "ALARM") -> None:
        name = f"{CLUSTER}-{node}-{alarm}"

        def is_so() -> bool:
            described = self._bed.clients.cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
            return described[0]["StateValue"] == state

        wait_until(is_so, f"the alarm {name} being {state}", self._bed.patience_seconds, _LOOK_SECONDS)

    def wait_for_data(self, node: str, data: str) -> None:
        def is_so() -> bool:
            return read_hosts(self._bed.world.directory)[node].data == data

        wait_until(is_so, f"the replica of {node} being {data}", self._bed.patience_seconds, _LOOK_SECONDS)

    def wait_for_status(self, node: str, link: str, data: str) -> None:
        """Until the node script on it, asked for its `status`, calls its replica's link and data so."""

        def is_so() -> bool:
            replication = json.loads(self._do(node, "garoon-node status"))["status"]["replication"]
            return (replication["link"], replication["data"]) == (link, data)

        wait_until(is_so, f"{node} calling its replica {link}, {data}", self._bed.patience_seconds, _LOOK_SECONDS)
        self._tell(f"{node}: its script says {link}, {data}")

    def _do(self, node: str, script: str) -> str:
        """Whatever the machine's network does. Raises HostError when it does not succeed."""
        return self._machines[node].must(script, _ACT_SECONDS)
