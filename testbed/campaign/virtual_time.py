"""Time that costs nothing: tasks on one thread, of which one runs at a time, and a clock that jumps to the next event.

A task gives up the processor only where it waits (`sleep`, `Task.wait`), so a case with the same seed runs the same way
every time.
"""

from __future__ import annotations

import contextvars
import heapq
from collections.abc import Callable
from concurrent.futures import TimeoutError as FutureTimeoutError
from datetime import UTC, datetime, tzinfo
from itertools import count
from types import TracebackType
from typing import Any, Generic, ParamSpec, TypeVar

from greenlet import greenlet

P = ParamSpec("P")
R = TypeVar("R")

START = datetime(2026, 11, 22, 4, 0, tzinfo=UTC).timestamp()


class TaskKilled(BaseException):
    """The task ends here and now, as a process does that is killed."""


class Task(Generic[R]):
    """Something that runs beside others; killing it kills what it has started to wait for."""

    def __init__(self, loop: Loop, name: str, function: Callable[[], R], parent: Task[Any] | None) -> None:
        self.name = name
        self.parent = parent
        self.notes: dict[str, Any] = {}
        """What belongs to the task and to those that it starts; see `note`."""
        self.children: list[Task[Any]] = []
        self.error: BaseException | None = None
        self.is_over = False
        self.token = 0
        """Grows with each wait: an alarm clock that was set for an earlier wait rings for nobody."""
        self._loop = loop
        self._result: R | None = None
        self._waiters: list[Task[Any]] = []
        self._is_killed = False
        self._function = function
        self._greenlet = greenlet(self._run, parent=loop.hub)
        # A new greenlet has an empty context; the emulator keeps the account and region there.
        self._greenlet.gr_context = contextvars.copy_context()
        if parent is not None:
            parent.children.append(self)

    def _run(self) -> None:
        try:
            if not self._is_killed:
                self._result = self._function()
        except (TaskKilled, SystemExit) as error:
            self.error = error
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits for the task, or to the loop
            self.error = error
            if not self._waiters and self.parent is None:
                self._loop.unexpected.append(error)
        self.is_over = True
        for waiter in self._waiters:
            self._loop.schedule(waiter, 0)

    def resume(self) -> None:
        self._greenlet.switch()

    def kill(self) -> None:
        """Ends the task and its children, at once or, for the running one, at its next wait."""
        for child in self.children:
            child.kill()
        if not self.is_over and not self._is_killed:
            self._is_killed = True
            self._loop.schedule(self, 0)

    @property
    def is_killed(self) -> bool:
        return self._is_killed

    def note(self, name: str) -> Any:
        """The task's own note of that name, or its parent's."""
        task: Task[Any] | None = self
        while task is not None:
            if name in task.notes:
                return task.notes[name]
            task = task.parent
        return None

    def done(self) -> bool:
        return self.is_over

    def result(self, timeout: float | None = None) -> R:
        """What the task returned or raised, once it is over. Raises TimeoutError, as a future does."""
        if not self.is_over:
            waiter = self._loop.current
            self._waiters.append(waiter)
            self._loop.wait(timeout)
            if not self.is_over:
                self._waiters.remove(waiter)
                raise FutureTimeoutError
        if self.error is not None:
            raise self.error
        return self._result  # type: ignore[return-value]

    def wait_quietly(self) -> None:
        """Until it is over, however that is."""
        try:
            self.result()
        except TaskKilled:
            if self._loop.current.is_killed:
                raise
        except Exception:  # noqa: BLE001 - whoever asks for the result gets it
            pass


class Loop:
    """The clock and everything that waits for it."""

    def __init__(self) -> None:
        self.hub: greenlet = greenlet.getcurrent()
        self.now = START
        self.unexpected: list[BaseException] = []
        """Errors of tasks for which nobody waits: bugs of the campaign."""
        self.switches = 0
        self._queue: list[tuple[float, int, Task[Any], int]] = []
        self._order = count()
        self._current: Task[Any] | None = None

    @property
    def current(self) -> Task[Any]:
        if self._current is None:
            raise RuntimeError("Only a task can wait.")
        return self._current

    def spawn(self, function: Callable[[], R], name: str, *, after: float = 0.0, is_child: bool = False) -> Task[R]:
        """Runs the function as a task, `after` so many seconds. A child is killed with the task that started it."""
        task = Task(self, name, function, self._current if is_child else None)
        self.schedule(task, after)
        return task

    def schedule(self, task: Task[Any], seconds: float) -> None:
        heapq.heappush(self._queue, (self.now + seconds, next(self._order), task, task.token))

    def sleep(self, seconds: float) -> None:
        """The running task waits."""
        self.wait(max(seconds, 0.0))

    def wait(self, timeout: float | None) -> None:
        """The running task waits until it is scheduled by somebody, or for the time-out."""
        task = self.current
        if task.is_killed:
            raise TaskKilled
        task.token += 1
        if timeout is not None:
            self.schedule(task, timeout)
        self.hub.switch()
        if task.is_killed:
            raise TaskKilled

    def run(self, until: Callable[[], bool], deadline: float) -> bool:
        """Lets time pass until the condition holds (asked after each event) or the deadline. True if it holds."""
        while not until():
            if not self._queue or self._queue[0][0] > deadline:
                self.now = max(self.now, min(deadline, self._queue[0][0] if self._queue else deadline))
                return until()
            due, _, task, token = heapq.heappop(self._queue)
            if task.is_over or (token != task.token and not task.is_killed):
                continue
            self.now = max(self.now, due)
            self.switches += 1
            self._current = task
            try:
                task.resume()
            finally:
                self._current = None
            if self.unexpected:
                raise self.unexpected[0]
        return True

    def end(self) -> None:
        """Kills whatever still waits, so that nothing of this world outlives it."""
        for _, _, task, _ in list(self._queue):
            task.kill()
        while self._queue:
            _, _, task, _ = heapq.heappop(self._queue)
            if not task.is_over:
                self._current = task
                task.resume()
                self._current = None


class Clock:
    """The loop of the world that runs now. Modules are given this in place of time, once; worlds come and go."""

    def __init__(self) -> None:
        self.loop = Loop()

    def begin(self) -> Loop:
        self.loop = Loop()
        return self.loop


clock = Clock()


class VirtualTime:
    """Stands in for the module `time`."""

    @staticmethod
    def time() -> float:
        return clock.loop.now

    @staticmethod
    def monotonic() -> float:
        return clock.loop.now

    @staticmethod
    def sleep(seconds: float) -> None:
        clock.loop.sleep(seconds)


class VirtualDatetime(datetime):
    """Stands in for the class `datetime`."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return datetime.fromtimestamp(clock.loop.now, tz)


class VirtualExecutor:
    """Stands in for ThreadPoolExecutor: what is submitted runs as tasks of the submitting one."""

    def __init__(self, max_workers: int | None = None) -> None:
        self._tasks: list[Task[Any]] = []

    def submit(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Task[R]:
        name = getattr(function, "__name__", "call")
        task = clock.loop.spawn(lambda: function(*args, **kwargs), name, is_child=True)
        self._tasks.append(task)
        return task

    def shutdown(self, wait: bool = True) -> None:
        for task in self._tasks if wait else []:
            task.wait_quietly()

    def __enter__(self) -> VirtualExecutor:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.shutdown(wait=not isinstance(error, TaskKilled))


class VirtualThread:
    """Stands in for threading.Thread."""

    def __init__(self, target: Callable[..., object], args: tuple[object, ...] = (), daemon: bool = True) -> None:
        self._run = lambda: target(*args)

    def start(self) -> None:
        clock.loop.spawn(self._run, "thread")
