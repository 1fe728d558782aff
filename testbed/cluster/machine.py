"""A server as such: power, network, clock. What runs on it is in `node`, who rents it out in testbed.campaign.hosts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol


class Time(Protocol):
    """What time it is for the machine, and waiting."""

    now: float

    def sleep(self, seconds: float) -> None: ...


class Machine:
    """One server. Whatever changes on it is told to `on_change` at once."""

    def __init__(self, time: Time, name: str, on_change: Callable[[str], None]) -> None:
        self.time = time
        self.name = name
        self._on_change = on_change
        self.is_on = True
        self.is_booted = True
        self.is_hung = False
        self.eth0_up = True
        self.eth1_up = True
        self.aws_path_up = True
        self.cut_interfaces: frozenset[str] = frozenset()
        """Those whose subnet has the network ACL that denies everything: eth0, eth1."""
        self.booted_at = time.now - 86400
        self.seconds_ahead = 0.0
        """How far its clock is ahead."""

    def change(self, what: str, **values: Any) -> None:
        """Sets attributes, and what follows from them; the observer looks."""
        for name, value in values.items():
            if not hasattr(self, name):
                raise AttributeError(name)
            setattr(self, name, value)
        self.settle()
        self._on_change(f"{self.name}: {what}")

    def settle(self) -> None:
        """What follows from a change by itself."""

    def has_network(self, interface: str) -> bool:
        """Whether packets pass the interface."""
        is_up = self.eth0_up if interface == "eth0" else self.eth1_up
        return is_up and interface not in self.cut_interfaces

    @property
    def is_isolated(self) -> bool:
        return len(self.cut_interfaces) == 2

    @property
    def is_reachable(self) -> bool:
        """Over eth0, by the App servers and the peer."""
        return self.is_on and self.is_booted and not self.is_hung and self.has_network("eth0")

    @property
    def takes_commands(self) -> bool:
        return self.is_reachable and self.aws_path_up

    @property
    def is_well(self) -> bool:
        """It works, whatever the network ACLs of its subnets let through."""
        return self.is_on and self.is_booted and not self.is_hung and self.eth0_up and self.aws_path_up

    def work(self, seconds: float) -> None:
        """The running task's work takes so long, and longer while the machine hangs."""
        self.time.sleep(seconds)
        while self.is_hung:
            self.time.sleep(1.0)

    def clock(self) -> int:
        """What its own clock says, in Unix seconds."""
        return int(self.time.now + self.seconds_ahead)
