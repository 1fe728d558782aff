"""The arms that run the real script: simulated hosts, and the lab's machines."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import ClassVar, Protocol

from testbed.cluster.node import PLAIN, Promotion
from testbed.cluster.report import NodeState, ReportError, parse_report
from testbed.hosts import HostUnreachable
from testbed.hosts.host import CommandResult
from testbed.hosts.mirror import Mirror
from testbed.lab.host import LabHost
from tests.contract.stories import STORIES
from tests.contract.story import NAMES, Answer, Event, play, why_not, wrong_at_start
from tests.node.node import SCRIPT, Cluster, wait_for

_HANGING = {"promote": "mount", "start": "exportfs", "demote": "umount"}
"""What never ends, so that the node can be caught in the middle of the verb."""
_HOLD_LOCK = """cd "${GAROON_NODE_ROOT:-/}"
exec 9>>run/garoon-node.lock; flock 9
setsid sleep 600 >/dev/null 2>&1 </dev/null & echo $! >run/contract-lock-holder
"""
_LET_LOCK_GO = """cd "${GAROON_NODE_ROOT:-/}"
[ ! -e run/contract-lock-holder ] || kill "$(cat run/contract-lock-holder)"; rm -f run/contract-lock-holder
"""
# A machine runs it with the shell of Debian, which knows no braces.
_FORGET = "rm -f /var/lib/garoon-node/epoch /var/lib/garoon-node/role /run/garoon-node.epoch"
_RECOVERY_SECONDS = 600


class _Host(Protocol):
    """What simulated hosts and the lab's machines have in common."""

    def boot(self) -> None: ...

    def power_off(self) -> None: ...

    def deliver(self, script: str, environment: Mapping[str, str], timeout_seconds: float) -> CommandResult: ...

    def set_fault(self, name: str, value: object) -> None: ...

    def kill_service(self, name: str) -> None: ...


class HostArm(ABC):
    """The real script, and what happens alike to all that run it."""

    name: str
    lacks: ClassVar[Mapping[str, str]] = {}
    cannot: ClassVar[Mapping[str, str]] = {}
    verb_seconds: float
    rest_seconds: float
    outdate: ClassVar[str] = "drbdadm outdate garoon"

    def __init__(self, hosts: Mapping[str, _Host]) -> None:
        self._hosts = hosts
        self._script = SCRIPT.read_text()

    @abstractmethod
    def begin(self) -> None:
        """Both nodes on, in sync, without a role and without an epoch."""

    def obey(self, node: str, verb: str, epoch: int, expires_in: int | None, promotion: Promotion = PLAIN) -> Answer:
        environment = {"SSM_Verb": verb, "SSM_Epoch": str(epoch)}
        environment |= {f"SSM_{name}": value for name, value in promotion.parameters().items()}
        if expires_in is not None:
            environment["SSM_ExpiresAt"] = str(int(time.time()) + expires_in)
        result = self._hosts[node].deliver(self._script, environment, self.verb_seconds)
        return Answer(result.exit_code, parse_report(result.stdout))

    def happen(self, node: str, event: Event) -> None:
        host = self._hosts[node]
        match event:
            case "loses power":
                host.power_off()
            case "boots":
                self._boot(node)
            case "loses its link":
                host.set_fault("nic_eth1", "down")
            case "finds its link again":
                host.set_fault("nic_eth1", None)
            case "is outdated":
                # DRBD refuses it to a replica that is in touch: to one whose link was just cut, for some seconds.
                self.rest(lambda: self._do(node, self.outdate) == 0)
            case "loses its database":
                host.kill_service("cyde_5_0")
            case "is at work on an earlier order":
                assert self._do(node, _HOLD_LOCK) == 0
            case "is well again":
                assert self._do(node, _LET_LOCK_GO) == 0
                self._repair(node)
            case _:
                self._break(node, event)

    def rest(self, is_at_rest: Callable[[], bool]) -> None:
        deadline = time.monotonic() + self.rest_seconds
        while not is_at_rest() and time.monotonic() < deadline:
            time.sleep(0.1)

    def crash(self, node: str, verb: str, epoch: int, is_moment: Callable[[NodeState], bool]) -> None:
        raise NotImplementedError

    def _do(self, node: str, script: str) -> int:
        return self._hosts[node].deliver(script, {}, self.verb_seconds).exit_code

    @abstractmethod
    def _boot(self, node: str) -> None:
        """Until it takes orders. From then on its watch outdates no replica: a story has no time."""

    @abstractmethod
    def _break(self, node: str, event: Event) -> None: ...

    @abstractmethod
    def _repair(self, node: str) -> None: ...


class SimulatedArm(HostArm):
    """The real script on simulated hosts; one pair for all stories, new before each."""

    name = "script"
    verb_seconds = 150.0
    rest_seconds = 60.0
    asks_engine: ClassVar[str] = "drbdsetup"
    """The command without which it can't see its replica. A host on which it hangs has DRBD 9."""

    def __init__(self, cluster: Cluster) -> None:
        self._nodes = {node.name: node for node in (cluster.first, cluster.second)}
        super().__init__({name: node.host for name, node in self._nodes.items()})
        self._script = cluster.first.script
        self._cluster = cluster

    def begin(self) -> None:
        hosts = [node.host for node in self._nodes.values()]
        for host in hosts:
            host.power_off()
            host.clear_faults()
            for state in ("role", "epoch"):
                (host.files.root / "var/lib/garoon-node" / state).unlink(missing_ok=True)
        delays = hosts[0].settings.delays
        Mirror.create(hosts[0].files.world, NAMES, delays.resync_seconds, delays.link_loss_seconds)
        for host in hosts:
            host.boot()
        for name, node in self._nodes.items():
            self._boot(name)
            # A busy machine is slow, not blind.
            node.set_local(START_SECONDS="60", LOCK_WAIT_SECONDS="1", LOOK_SECONDS="8")
        wait_for("both replicas up to date", self._cluster.is_in_sync)

    def crash(self, node: str, verb: str, epoch: int, is_moment: Callable[[NodeState], bool]) -> None:
        host = self._nodes[node].host
        host.set_fault("hanging_commands", [_HANGING[verb]])

        def order() -> None:
            with suppress(HostUnreachable, ReportError):  # its answer goes with it
                self.obey(node, verb, epoch, 60)

        ordering = threading.Thread(target=order)
        ordering.start()
        wait_for(f"the middle of {verb}", lambda: is_moment(NodeState.from_json(self._nodes[node].status())))
        host.power_off()
        ordering.join()
        host.clear_faults()
        self._boot(node)

    def _boot(self, node: str) -> None:
        self._nodes[node].host.boot()
        self._nodes[node].host.wait_until_ready()
        self._nodes[node].stop_watch()

    def _break(self, node: str, event: Event) -> None:
        one = self._nodes[node]
        match event:
            case "begins a long resync":
                self._cluster.start_resync(one)
            case "can't start its database":
                one.host.set_fault("service_broken", ["cyde_5_0"])
            case "has a database that recovers":
                one.set_local(START_SECONDS="2")
                one.host.set_fault("recovery_seconds", _RECOVERY_SECONDS)
            case "can't mount its volume":
                one.host.set_fault("mount_fails", True)
            case "can't see its replica":
                one.host.set_fault("hanging_commands", [self.asks_engine])
            case _:
                raise NotImplementedError(event)

    def _repair(self, node: str) -> None:
        self._nodes[node].host.clear_faults()


class OtherEngineArm(SimulatedArm):
    """The script with another engine than DRBD, on hosts that have that one."""

    name = "other engine"
    outdate = "mirrorctl age"
    asks_engine = "mirrorctl"


class LabArm(HostArm):
    """The real script on the lab's machines, with a real DRBD: see `play_in_lab`."""

    name = "lab"
    cannot: ClassVar[Mapping[str, str]] = {
        "begins a long resync": "DRBD resyncs what differs, and here nothing does",
        "can't start its database": "the lab pretends no fault",
        "has a database that recovers": "the lab pretends no fault",
        "can't mount its volume": "the lab pretends no fault",
        "can't see its replica": "the lab pretends no fault",
        "dies in the middle of promote": "no command of a real machine waits until it is seen",
        "dies in the middle of start": "no command of a real machine waits until it is seen",
        "dies in the middle of demote": "no command of a real machine waits until it is seen",
    }
    verb_seconds = 240.0
    rest_seconds = 300.0

    def __init__(self, machines: Mapping[str, LabHost]) -> None:
        super().__init__(machines)
        self._machines = machines

    def begin(self) -> None:
        for name, machine in self._machines.items():
            machine.boot()
            self._boot(name)
            if self._do(name, "test -e /run/lab-eth1-down") == 0:
                self.happen(name, "finds its link again")
        # Nobody needs what they hold: each follows, and the second to be told has a peer to follow.
        for name in NAMES:
            for verb in ("demote", "rejoin"):
                self.obey(name, verb, 0, None)
        for name in NAMES:
            assert self._do(name, _FORGET) == 0

    def obey(self, node: str, verb: str, epoch: int, expires_in: int | None, promotion: Promotion = PLAIN) -> Answer:
        """A database that is still on its way is asked for again, as the controller does: these machines are slow."""
        answers: list[Answer] = []

        def is_over() -> bool:
            answers.append(super(LabArm, self).obey(node, verb, epoch, expires_in, promotion))
            code: str = answers[-1].report["code"]
            return code != "recovering"

        self.rest(is_over)
        return answers[-1]

    def happen(self, node: str, event: Event) -> None:
        if event == "loses its link":
            assert self._do(node, "touch /run/lab-eth1-down") == 0
        super().happen(node, event)
        if event == "finds its link again":
            assert self._do(node, "rm -f /run/lab-eth1-down") == 0

    def _boot(self, node: str) -> None:
        self._machines[node].boot()

        def is_ready() -> bool:
            try:
                return self._do(node, "systemctl stop garoon-node-watch.service") == 0
            except HostUnreachable:
                return False

        self.rest(is_ready)

    def _break(self, node: str, event: Event) -> None:
        raise NotImplementedError(event)

    def _repair(self, node: str) -> None: ...


def play_in_lab(machines: Mapping[str, LabHost], tell: Callable[[str], None]) -> list[str]:
    """What the lab's machines do otherwise than the stories have it. Nobody else may command them meanwhile."""
    arm, problems = LabArm(machines), list[str]()
    for story in STORIES:
        if reason := why_not(story, arm.cannot):
            tell(f"left out: {story.name} ({reason})")
            continue
        tell(story.name)
        arm.begin()
        if wrong := wrong_at_start(story, arm):
            return problems + wrong  # what keeps one story from beginning keeps the others, too
        problems += play(story, arm)
    return problems
