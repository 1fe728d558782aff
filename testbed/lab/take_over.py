"""The way over from LifeKeeper, step by step by the runbook's own commands, while a user writes; and the way back."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from testbed.garoon.installation import HOME, STANDBY, point_virtual_ip
from testbed.garoon.user import User, find_outages
from testbed.hosts import HostError
from testbed.lab.balancer import Entrance
from testbed.lab.bed import PACE, LabTestbed, Site
from testbed.lab.runbook import OPERATOR, Command, read_runbook
from testbed.stack.deployment import REPOSITORY, STACK_NAME
from testbed.world.waiting import wait_until

_ACT_SECONDS = 900.0
_GIB = 1024**3
_MODIFY_VOLUME = "aws ec2 modify-volume --volume-id VOLUME_OF_"
# The article's pair, but for its volumes, which are as small as EBS has them.
_VOLUME_GIB, _ENLARGED_GIB = 1, 2
_EXPORTS = "".join(
    f"/mnt/DIR1/{path} 10.0.2.0/24(rw,sync,no_subtree_check) 10.0.5.0/24(rw,sync,no_subtree_check)\\n"
    for path in ("www/cgi-bin/cbgrn/sessiondata", "cybozu/mysql-5.0/files")
)
_UNIT = (
    "[Unit]\\nDescription=LifeKeeper\\n[Service]\\nType=oneshot\\nRemainAfterExit=yes\\n"
    "ExecStart=/opt/LifeKeeper/bin/lkstart\\nExecStop=/opt/LifeKeeper/bin/lkstop\\n[Install]\\nWantedBy=multi-user.target\\n"
)
# The step whose check shows that a step's way back has led to where it leads.
_SHOWN_BY = {4: 3, 3: 1, 2: 1}
_RECOVERING = 19  # garoon-node's exit code: begun, and to be asked again
# What operators set on a node is theirs, and /run is as new after the next boot.
_NOTHING_LEFT = (
    "! find /etc /opt /usr/local /var/lib /var/log -name '*garoon-nod[e]*' -o -path /etc/drbd.d/garoon.res"
    " | grep -v local.conf >&2 && ! pgrep -f garoon-nod[e]"
)
_COMMANDS = ("lkstart", "lkstop", "lcdstatus", "mirror_action")
# What the set-up put on the volume, from below DRBD, whose own data lies at the partition's end.
_KEEP_VOLUME = "mount -t xfs /dev/xvdb1 /mnt/DIR1 && cp -a /mnt/DIR1 /var/tmp/volume && umount /mnt/DIR1"
_MAKE_FILE_SYSTEM = """#!/bin/bash
# Once: Garoon as its installer leaves it, on a file system that fills the partition to its end.
set -eu
rm "$0"
mkfs.xfs -q -f "$1"
mount "$1" /mnt/DIR1
cp -a /var/tmp/volume/. /mnt/DIR1/
umount /mnt/DIR1
rm -r /var/tmp/volume
"""


@dataclass
class Stretch:
    """One step, or its way back, as it went."""

    name: str
    begun_at: float
    ended_at: float = 0.0
    away_seconds: float = 0.0


@dataclass
class Way:
    """How all of it went."""

    stretches: list[Stretch] = field(default_factory=list)
    memos: int = 0
    user: User | None = None
    """Who wrote all the while."""
    problems: list[str] = field(default_factory=list)

    def check_memos(self) -> None:
        """Whether everything that was acknowledged on the way can be read."""
        self.problems += self.user.read_back()[:3] if self.user else []

    def away_seconds(self) -> dict[str, float]:
        """Of the take-over, as phases of its result."""
        whole = self.stretches[-1].ended_at - self.stretches[0].begun_at
        away = sum(one.away_seconds for one in self.stretches)
        return {"takeOver": round(whole, 2), "takeOverAway": round(away, 2)}

    def to_json(self) -> list[dict[str, object]]:
        return [
            {
                "step": one.name,
                "seconds": round(one.ended_at - one.begun_at, 1),
                "awaySeconds": round(one.away_seconds, 1),
            }
            for one in self.stretches
        ]


class TakeOver:
    """Goes through the runbook on a site whose pair LifeKeeper protects."""

    def __init__(self, site: Site, way: Way) -> None:
        self._site = site
        self._way = way
        self._steps = read_runbook()
        self._bed: LabTestbed | None = None
        self._directory = site.world.directory / "operator"
        self._directory.mkdir()

    @property
    def bed(self) -> LabTestbed:
        assert self._bed is not None, "the runbook deploys no stack"
        return self._bed

    def leave_as_lifekeeper_does(self) -> None:
        """Both nodes as the users' article has them, and LifeKeeper serving. Raises HostError, TimeoutError."""
        site = self._site
        site.tell("making the pair that LifeKeeper protects")
        site.wait_until_up()
        script = (REPOSITORY / "testbed/lab/lifekeeper.sh").read_text()
        for name, machine in site.machines.items():
            machine.enlarge_volume(_VOLUME_GIB * _GIB)
            peer = next(other for other in site.installation.nodes.values() if other.name != name)
            if name == HOME:
                machine.must(_KEEP_VOLUME, _ACT_SECONDS)
            # Such a pair has no DRBD.
            machine.must("rm /etc/drbd.d/garoon.res /etc/modules-load.d/garoon.conf && modprobe -r drbd", _ACT_SECONDS)
            machine.must("mkdir -p /opt/LifeKeeper/bin /opt/LifeKeeper/config", _ACT_SECONDS)
            machine.put_file("/opt/LifeKeeper/lifekeeper", script)
            links = " && ".join(f"ln -s ../lifekeeper /opt/LifeKeeper/bin/{command}" for command in _COMMANDS)
            machine.must(
                f"{links} && echo PEER_ADDRESS={peer.eth1_address} >/etc/default/LifeKeeper && "
                f"printf '{_EXPORTS}' >/etc/exports && printf '{_UNIT}' >/etc/systemd/system/lifekeeper.service && "
                "systemctl daemon-reload && systemctl enable -q lifekeeper nfs-server && "
                "printf 'label: dos\\nstart=2048, type=83\\n' | sfdisk --quiet --wipe always /dev/vdb && "
                "udevadm settle",
                _ACT_SECONDS,
            )
        home, standby = site.machines[HOME], site.machines[STANDBY]
        home.must("touch /opt/LifeKeeper/config/in-service", _ACT_SECONDS)
        home.put_file("/opt/LifeKeeper/make-file-system", _MAKE_FILE_SYSTEM)
        standby.must("/opt/LifeKeeper/bin/lkstart", _ACT_SECONDS)
        home.must("/opt/LifeKeeper/bin/lkstart && systemctl restart nfs-server", _ACT_SECONDS)
        point_virtual_ip(site.clients, site.installation, HOME, ("app-1a", "app-1c"))

    @contextmanager
    def watched(self) -> Iterator[User]:
        """A user writes all the while; what was acknowledged must be there at the end."""
        with User(Entrance(), PACE.user_interval_seconds, PACE.user_timeout_seconds, "way") as user:
            self._wait_until_served(user, "LifeKeeper serving", 0)
            yield user
            self._wait_until_served(user, "the user being served at the end", time.time())
            user.leave()
            self._way.user, self._way.memos = user, len(user.acknowledged)
            self._way.check_memos()
            outages = find_outages(user.visits)
            now = time.time()
            for stretch in self._way.stretches:
                stretch.away_seconds = sum(
                    max(0.0, min(stretch.ended_at, outage.ended_at or now) - max(stretch.begun_at, outage.started_at))
                    for outage in outages
                )

    def go(self, user: User) -> None:
        """All steps, each with its check."""
        for step in self._steps:
            with self._stretch(f"{step.number}. {step.title}"):
                self._run(step.do)
                self._run(step.check)
            if step.number in (1, 2, 5, 6, 7):
                self._wait_until_served(user, f"the user being served after step {step.number}", time.time())

    def go_back(self, user: User) -> None:
        """The ways back, the last step's first: after that of step 3 LifeKeeper serves again."""
        steps = {step.number: step for step in self._steps}
        for step in reversed(self._steps):
            if not step.back:
                continue
            with self._stretch(f"back from {step.number}. {step.title}"):
                self._run(step.back)
                if step.number in _SHOWN_BY:
                    self._run(steps[_SHOWN_BY[step.number]].check)
            if step.number <= 3:
                self._wait_until_served(user, f"LifeKeeper serving after the way back of {step.number}", time.time())

    @contextmanager
    def _stretch(self, name: str) -> Iterator[None]:
        self._site.tell(name)
        stretch = Stretch(name, time.time())
        self._way.stretches.append(stretch)
        try:
            yield
        finally:
            stretch.ended_at = time.time()

    def _run(self, commands: tuple[Command, ...]) -> None:
        for command in commands:
            if command.place == OPERATOR:
                self._run_as_operator(command.text)
            else:
                self._run_on_node(command)

    def _run_on_node(self, command: Command) -> None:
        """A database that recovers is asked again, as the page says."""
        machine = self._site.machines[command.place]

        def is_over() -> bool:
            result = machine.run(command.text, _ACT_SECONDS)
            if result.exit_code not in (0, _RECOVERING):
                printed = (result.stdout + result.stderr).strip()[-1500:]
                raise HostError(f"{command.place}: `{command.text}` ended with {result.exit_code}: {printed}")
            return result.exit_code == 0

        wait_until(is_over, f"`{command.text}` on {command.place}", _ACT_SECONDS)

    def _run_as_operator(self, text: str) -> None:
        match text.split():
            case ["sam", "build", "&&", "sam", "deploy"]:
                # What `discover` found is in the samconfig.toml of an operator; the lab has times of its own beside it.
                self._bed = self._site.deploy(StartInMaintenance="Yes")
                self._bed.wait_until_installed()
            case ["sam", "delete"]:
                self._delete_stack()
            case [*_] if text.startswith(_MODIFY_VOLUME):
                name = text.removeprefix(_MODIFY_VOLUME).split()[0].lower().replace("_", "-")
                self._site.machines[name].enlarge_volume(_ENLARGED_GIB * _GIB)
            case _:
                self._call(text)

    def _delete_stack(self) -> None:
        self._site.clients.cloudformation.delete_stack(StackName=STACK_NAME)
        self._site.clients.cloudformation.get_waiter("stack_delete_complete").wait(StackName=STACK_NAME)

    def _call(self, text: str) -> None:
        """The command line of an operator who has `garoon-failover` installed."""
        command = self._directory / "garoon-failover"
        if not command.exists():
            command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m garoon_failover "$@"\n')
            command.chmod(0o755)
        path = os.pathsep.join([str(self._directory), os.environ.get("PATH", "")])
        modules = os.pathsep.join([str(REPOSITORY / "cli"), str(REPOSITORY / "layers/failover_core")])
        environment = {**os.environ, **self._site.clients.endpoint.environment(), "PATH": path, "PYTHONPATH": modules}
        done = subprocess.run(
            ["bash", "-c", text],
            cwd=self._directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_ACT_SECONDS,
            check=False,
        )
        if done.returncode != 0:
            raise HostError(f"`{text}` ended with {done.returncode}: {(done.stdout + done.stderr).strip()[-1500:]}")

    def _wait_until_served(self, user: User, what: str, since: float) -> None:
        wait_until(lambda: user.good_since(since) >= 2, what, _ACT_SECONDS)


def take_over(site: Site, way: Way) -> LabTestbed:
    """The stack protects the pair that LifeKeeper protected; every problem is in `way`."""
    journey = TakeOver(site, way)
    journey.leave_as_lifekeeper_does()
    with journey.watched() as user:
        journey.go(user)
    journey.bed.take_as_it_is()
    return journey.bed


def take_over_and_turn_back(site: Site, way: Way) -> None:
    """LifeKeeper serves again, and nothing of the stack is left."""
    journey = TakeOver(site, way)
    journey.leave_as_lifekeeper_does()
    with journey.watched() as user:
        journey.go(user)
        journey.go_back(user)
    for machine in site.machines.values():
        machine.must(_NOTHING_LEFT, _ACT_SECONDS)
    site.machines[HOME].must("/opt/LifeKeeper/bin/lcdstatus | grep -x 'in service'", _ACT_SECONDS)
