"""The simulated Garoon user: writes a memo with an attachment and reads an older one back, twice a second.

Each visit goes the whole way: the ALB's target health, an App server over HTTP, that server's subnet's route, the
interface it leads to, and the database server's sockets. So what it records is the outage as a user sees it.
"""

from __future__ import annotations

import http.client
import itertools
import random
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self
from urllib.parse import quote

from botocore.exceptions import BotoCoreError, ClientError

from testbed.garoon.installation import GAROON_PATH, WEB_PORT, Installation
from testbed.stack.endpoint import Clients

if TYPE_CHECKING:
    from mypy_boto3_elbv2.type_defs import TargetHealthDescriptionTypeDef

_VISITS_AT_ONCE = 32
_HEALTH_LIFETIME_SECONDS = 0.2  # what a check found takes a moment to reach a real ALB's nodes, too


@dataclass(frozen=True)
class Visit:
    """One write and one read of the user. Times are Unix seconds."""

    started_at: float
    ended_at: float
    error: str | None

    @property
    def is_good(self) -> bool:
        return self.error is None


@dataclass(frozen=True)
class Outage:
    """From the first failed visit to the first good one afterwards; without an end while it lasts."""

    started_at: float
    ended_at: float | None

    def seconds(self, now: float) -> float:
        return (self.ended_at or now) - self.started_at


def find_outages(visits: Sequence[Visit]) -> list[Outage]:
    """The outages in a record of visits, first to last. Visits may overlap in time: order is that of their start."""
    outages: list[Outage] = []
    started_at: float | None = None
    for visit in sorted(visits, key=lambda visit: visit.started_at):
        if not visit.is_good and started_at is None:
            started_at = visit.started_at
        elif visit.is_good and started_at is not None:
            outages.append(Outage(started_at, visit.ended_at))
            started_at = None
    if started_at is not None:
        outages.append(Outage(started_at, None))
    return outages


class Door(Protocol):
    """Where a request goes in."""

    def choose(self) -> tuple[str, int]:
        """Address and port for the next request. Raises a boto3 error."""


class HealthyTargets:
    """Finds a healthy App server as the ALB does."""

    def __init__(self, clients: Clients, installation: Installation) -> None:
        self._clients = clients
        self._target_group_arn = installation.target_group_arn
        self._addresses = {server.instance_id: server.address for server in installation.app_servers.values()}
        self._turn = itertools.count()
        self._known: list[TargetHealthDescriptionTypeDef] = []
        self._known_until = 0.0

    def choose(self) -> tuple[str, int]:
        targets = self._targets()
        healthy = [target for target in targets if target["TargetHealth"]["State"] == "healthy"]
        # With no healthy target, an ALB sends requests to all of them ("fail open"; ELB user guide, health checks).
        chosen = (healthy or targets)[next(self._turn) % len(healthy or targets)]
        return self._addresses[chosen["Target"]["Id"]], WEB_PORT

    def _targets(self) -> list[TargetHealthDescriptionTypeDef]:
        if time.monotonic() >= self._known_until:
            health = self._clients.elbv2.describe_target_health(TargetGroupArn=self._target_group_arn)
            self._known = health["TargetHealthDescriptions"]
            self._known_until = time.monotonic() + _HEALTH_LIFETIME_SECONDS
        return self._known


class Browser:
    """Talks HTTP to Garoon."""

    def __init__(self, door: Door, timeout_seconds: float) -> None:
        self._door = door
        self._timeout_seconds = timeout_seconds

    def put(self, memo: str, attachment: bytes) -> None:
        """Raises OSError, http.client.HTTPException, or a boto3 error."""
        self._request("PUT", memo, attachment)

    def get(self, memo: str) -> bytes:
        """Raises OSError, http.client.HTTPException, or a boto3 error."""
        return self._request("GET", memo, None)

    def _request(self, method: str, memo: str, body: bytes | None) -> bytes:
        address, port = self._door.choose()
        connection = http.client.HTTPConnection(address, port, timeout=self._timeout_seconds)
        try:
            connection.request(method, f"{GAROON_PATH}?memo={quote(memo)}", body=body)
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        if response.status != 200:
            raise http.client.HTTPException(content.decode(errors="replace") or f"HTTP {response.status}")
        return content


class User:
    """Visits Garoon at a fixed rate on its own threads while the context is open."""

    def __init__(self, door: Door, interval_seconds: float, timeout_seconds: float, name: str = "memo") -> None:
        """`name` begins the names of this user's memos: no other user's may."""
        self._name = name
        # Longer than an App server waits for the database side: its error page says more than a time-out.
        self._browser = Browser(door, 2 * timeout_seconds)
        self._interval_seconds = interval_seconds
        # A visit that hangs must not keep the next one from starting: the outage's end would be seen too late.
        self._pool = ThreadPoolExecutor(max_workers=_VISITS_AT_ONCE, thread_name_prefix="user")
        self._is_over = threading.Event()
        self._lock = threading.Lock()
        self._visits: list[Visit] = []
        self._acknowledged: dict[str, bytes] = {}
        self._under_way = 0
        self._random = random.Random(time.time_ns())
        self._clock = threading.Thread(target=self._run, name="user-clock", daemon=True)

    def __enter__(self) -> Self:
        self._clock.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave()

    def leave(self) -> None:
        """Ends the visits; those under way are finished first."""
        self._is_over.set()
        self._clock.join()
        self._pool.shutdown(wait=True)

    @property
    def visits(self) -> list[Visit]:
        """Finished visits in the order of their start."""
        with self._lock:
            return sorted(self._visits, key=lambda visit: visit.started_at)

    @property
    def acknowledged(self) -> dict[str, bytes]:
        """Every memo that was acknowledged, with its attachment."""
        with self._lock:
            return dict(self._acknowledged)

    def good_since(self, moment: float) -> int:
        """How many visits have been good without a break up to the last one, of those started after `moment`."""
        count = 0
        for visit in reversed(self.visits):
            if not visit.is_good or visit.started_at < moment:
                break
            count += 1
        return count

    def read_back(self) -> list[str]:
        """Reads every acknowledged memo with its attachment; returns what is missing or different, as sentences."""
        with ThreadPoolExecutor(max_workers=4) as pool:
            return [problem for problem in pool.map(self._read_one_back, self.acknowledged.items()) if problem]

    def _read_one_back(self, memo: tuple[str, bytes]) -> str | None:
        name, attachment = memo
        try:
            found = self._browser.get(name)
        except (OSError, http.client.HTTPException, BotoCoreError, ClientError) as error:
            return f"Memo {name} was acknowledged and cannot be read: {error}"
        return None if found == attachment else f"The attachment of memo {name} is not the one acknowledged."

    def _run(self) -> None:
        next_at = time.monotonic()
        for number in itertools.count(1):
            if self._is_over.wait(max(0.0, next_at - time.monotonic())):
                return
            next_at = max(next_at + self._interval_seconds, time.monotonic())
            with self._lock:
                is_crowded = self._under_way >= _VISITS_AT_ONCE
                self._under_way += not is_crowded
            # On a machine that cannot keep up, visits are left out rather than queued: a queued one would be late news.
            if not is_crowded:
                self._pool.submit(self._visit, number)

    def _visit(self, number: int) -> None:
        started_at = time.time()
        attachment = f"test.txt of visit {number} at {started_at}\n".encode() + self._random.randbytes(64)
        memo = f"{self._name}-{number}"
        error: str | None = None
        try:
            self._browser.put(memo, attachment)
            with self._lock:
                self._acknowledged[memo] = attachment
                older = self._random.choice(list(self._acknowledged.items()))
            if self._browser.get(older[0]) != older[1]:
                error = f"The attachment of {older[0]} is not the one that was stored."
        except (OSError, http.client.HTTPException, BotoCoreError, ClientError) as problem:
            error = str(problem) or type(problem).__name__
        with self._lock:
            self._under_way -= 1
            self._visits.append(Visit(started_at, time.time(), error))
