"""`python -m testbed.lab --scenario NAME [--json FILE]`: builds what is missing and runs a scenario."""

from __future__ import annotations

import argparse
import importlib
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from rich.console import Console

from testbed.hosts import HostError
from testbed.lab import images
from testbed.lab.base_system import BuildError
from testbed.lab.machine import MachineError
from testbed.lab.network import NetworkError
from testbed.run.arguments import new_file
from testbed.stack.deployment import REPOSITORY, SCRATCH, DeploymentError, build
from testbed.world.profiles import load_profile

if TYPE_CHECKING:
    from testbed.run.drill import Result
    from testbed.scenarios.scenario import Scenario

CACHE = SCRATCH / "lab"
PROFILE = "realistic"
CREATE_SECONDS = 20.0
"""From the route's move, the App servers create files again within this time."""
_END_SECONDS = 10.0
_TOOLS = (
    "debootstrap",
    "haproxy",
    "ip",
    "mkfs.ext4",
    "nft",
    "qemu-img",
    "qemu-system-x86_64",
    "setpriv",
    "sysctl",
    "unshare",
    "xfs_repair",
)
_FAILURES = (BuildError, DeploymentError, HostError, MachineError, NetworkError, TimeoutError)
_DIRECTORY, _STAGE = "GAROON_LAB_DIRECTORY", "GAROON_LAB_STAGE"


def main() -> int:
    """Returns the exit code: 0 passed, 1 failed, 2 the lab can't run here, 130 interrupted."""
    arguments = _parse()
    logging.basicConfig(level=logging.ERROR)
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    console = Console(highlight=False)
    try:
        match os.environ.get(_STAGE):
            case "build":
                _build(arguments, console)
            case "run":
                return _run(arguments, console)
            case _:
                return _enclose(arguments)
    except KeyboardInterrupt:
        console.print("Interrupted; everything that was started has been stopped.")
        return 130


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m testbed.lab", description=__doc__)
    parser.add_argument("--scenario", default="network-loss", metavar="NAME", help="which one")
    parser.add_argument("--call", metavar="MODULE:FUNCTION", help="in place of a scenario: call this with the servers")
    parser.add_argument("--product", type=Path, default=REPOSITORY, help="the working tree whose stack is deployed")
    parser.add_argument("--json", type=new_file, metavar="FILE", help="write the result there, as one JSON object")
    return parser.parse_args()


def why_not() -> str | None:
    """Why the lab can't run on this machine; None when it can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "The lab needs Linux and root: it makes network namespaces, bridges and disk images."
    if missing := [tool for tool in _TOOLS if shutil.which(tool) is None]:
        return f"The lab needs {', '.join(missing)}: `make lab-deps` installs them (Debian 12)."
    return None


def _enclose(arguments: argparse.Namespace) -> int:
    """Does all the rest in a process namespace: whatever ends its first process ends all others in it."""
    from testbed import scenarios
    from testbed.lab.scenarios import ALL, THERE_AND_BACK

    try:
        if arguments.scenario != THERE_AND_BACK:
            scenarios.find(arguments.scenario, ALL)
    except scenarios.UnknownScenarioError as error:
        print(error, file=sys.stderr)
        return 2
    if reason := why_not():
        print(reason, file=sys.stderr)
        return 2
    directory = tempfile.mkdtemp(prefix="garoon-lab-")
    # Whatever ends this process ends the lab, too.
    command = ["setpriv", "--pdeathsig", "KILL", "--"]
    command += ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--", *_again(arguments)]
    inside = subprocess.Popen(command, env={**os.environ, "TMPDIR": directory, _DIRECTORY: directory, _STAGE: "build"})
    is_interrupted = False

    def stop(_number: int, _frame: object) -> None:
        nonlocal is_interrupted
        is_interrupted = True
        inside.kill()  # a forking `unshare` ignores SIGTERM; its child dies with it

    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, stop)  # and no exception: also a second one must not keep what follows from being done
    code = inside.wait()
    _remove(Path(directory))
    if is_interrupted:
        raise KeyboardInterrupt
    return code


def _remove(directory: Path) -> None:
    """What was interrupted may still be dying, and writing, for a moment."""
    deadline = time.monotonic() + _END_SECONDS
    while directory.exists() and time.monotonic() < deadline:
        shutil.rmtree(directory, ignore_errors=True)
        time.sleep(0.05)


def _build(arguments: argparse.Namespace, console: Console) -> NoReturn:
    """Builds what needs this machine's network, then becomes a process in a network namespace of its own.

    With the last process go that namespace, its bridges and its taps.
    """
    try:
        images.build(CACHE, console.print)
        console.print("building the stack (sam build)")
        build(arguments.product)
    except (BuildError, MachineError, DeploymentError) as error:
        console.print(f"FAIL: {error}", markup=False, soft_wrap=True)
        sys.exit(1)
    os.environ[_STAGE] = "run"
    os.execvp("unshare", ["unshare", "--net", "--", *_again(arguments)])


def _again(arguments: argparse.Namespace) -> list[str]:
    written = ["--json", str(arguments.json)] if arguments.json else []
    product = ["--product", str(arguments.product), *(["--call", arguments.call] if arguments.call else [])]
    return [sys.executable, "-m", "testbed.lab", "--scenario", arguments.scenario, *product, *written]


def _run(arguments: argparse.Namespace, console: Console) -> int:
    from testbed.cloud.launch import CloudNotStartedError
    from testbed.lab.bed import keep_logs
    from testbed.lab.scenarios import ALL, THERE_AND_BACK
    from testbed.run.drill import write_json
    from testbed.run.view import print_timeline

    directory = Path(os.environ[_DIRECTORY])
    try:
        if arguments.call:
            return _call(arguments.call, arguments.product, directory, console)
        if arguments.scenario == THERE_AND_BACK:
            return _turn_back(arguments.json, directory, console)
        result = _play(ALL[arguments.scenario], arguments.product, directory, console)
    except BaseException as error:
        logs = keep_logs(directory / "world", arguments.scenario)
        if not isinstance(error, (*_FAILURES, CloudNotStartedError)):
            raise
        console.print(f"FAIL {arguments.scenario}: the lab could not go on: {error}", markup=False, soft_wrap=True)
        console.print(f"The logs are in {logs}.")
        return 1
    if arguments.json:
        write_json(result, arguments.json)
    print_timeline(console, result.moments, result.broken_at)
    console.print(result.sentence(), style="bold green" if result.has_passed else "bold red", markup=False)
    return 0 if result.has_passed else 1


def _call(what: str, product: Path, directory: Path, console: Console) -> int:
    """Calls it with the database servers by name and something to tell its progress to; it returns what is wrong.

    db-01 is in service then, and nothing starts an execution.
    """
    from testbed.lab.bed import running_lab
    from testbed.run.view import Progress

    sys.path.insert(0, str(REPOSITORY / "layers/failover_core"))
    module, _, name = what.partition(":")
    function = getattr(importlib.import_module(module), name)
    with (
        images.in_use(CACHE, console.print) as built,
        Progress(console) as progress,
        running_lab(directory, built, load_profile(PROFILE), progress.tell, product) as bed,
    ):
        bed.leave_alone()
        problems: list[str] = function(bed.machines, progress.tell)
    for problem in problems:
        console.print(f"FAIL: {problem}", markup=False, soft_wrap=True)
    return 1 if problems else 0


def _play(scenario: Scenario, product: Path, directory: Path, console: Console) -> Result:
    from testbed.garoon.installation import HOME
    from testbed.lab.bed import open_by_deployment, running_site
    from testbed.lab.creates import Creates, first_create_seconds
    from testbed.lab.scenarios import TAKE_OVER
    from testbed.lab.take_over import Way, take_over
    from testbed.run.drill import keep, run
    from testbed.run.view import Progress, choose_view

    with (
        images.in_use(CACHE, console.print) as built,
        Progress(console) as progress,
        running_site(directory, built, load_profile(PROFILE), progress.tell, product, scenario.shape) as site,
    ):
        way = Way()
        bed = take_over(site, way) if scenario.name == TAKE_OVER.name else open_by_deployment(site)
        creates = Creates(bed.web_machines)
        creates.start()
        begun_at = time.time()
        progress.finish()
        with choose_view(console) as view:
            result = run(bed, scenario, view)
        created_at = creates.stop()
        if bed.vpc.moved_at is not None and bed.vpc.moved_at > begun_at:
            # The route moves before the services start; before they run, nobody has the virtual IP.
            served_at = [moment.time for moment in result.moments if moment.what.endswith(": services run")]
            seconds = first_create_seconds(created_at, max(bed.vpc.moved_at, *served_at))
            if seconds is None or seconds > CREATE_SECONDS:
                late = "none" if seconds is None else f"the first one after {seconds:.1f} s"
                result.problems.append(
                    f"Of the files that an App server creates through NFS: {late}, once route and services were there."
                )
            if seconds is not None:
                result.phases = {**result.phases, "firstCreate": round(seconds, 2)}
        # Judged by the files that a simulated mirror overwrote; here switchback-after-failover looks itself.
        result.broken_promises.pop("6")
        way.check_memos()
        console.print("checking InnoDB, XFS and the replicas")
        result.problems += [*way.problems, *bed.check_volumes(result.active_after or HOME)]
        if way.stretches:
            result.phases = {**result.phases, **way.away_seconds()}
            console.print_json(data=way.to_json())
        keep(bed, result)
    return result


def _turn_back(file: Path | None, directory: Path, console: Console) -> int:
    """Plays that; its result has what tells of a drill whether data is intact."""
    from testbed.lab.bed import running_site
    from testbed.lab.scenarios import THERE_AND_BACK
    from testbed.lab.take_over import Way, take_over_and_turn_back
    from testbed.run.view import Progress

    way = Way()
    with (
        images.in_use(CACHE, console.print) as built,
        Progress(console) as progress,
        running_site(directory, built, load_profile(PROFILE), progress.tell) as site,
    ):
        take_over_and_turn_back(site, way)
    console.print_json(data=way.to_json())
    if file:
        told = {"scenario": THERE_AND_BACK, "dataIntact": not way.problems, "memos": way.memos, "promises": {}}
        file.write_text(json.dumps({**told, "steps": way.to_json()}, indent=2) + "\n")
    if way.problems:
        console.print(f"FAIL {THERE_AND_BACK}: {' '.join(way.problems)}", markup=False, soft_wrap=True)
        return 1
    console.print(f"PASS {THERE_AND_BACK}: LifeKeeper serves again, {way.memos} memos are there.", style="bold green")
    return 0


if __name__ == "__main__":
    sys.exit(main())
