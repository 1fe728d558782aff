"""`python -m testbed drill ...`, `soak`, `cloud` and `dashboard`: see `--help`."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from rich.console import Console

from testbed.hosts import HostError
from testbed.run.arguments import existing_folder, new_file
from testbed.world.profiles import load_profile

if TYPE_CHECKING:
    from testbed.run.bed import Testbed
    from testbed.scenarios.scenario import Scenario


def main() -> int:
    """Returns the exit code: 0 passed, 1 failed, 2 wrong arguments, 130 interrupted."""
    arguments = _parse()
    logging.basicConfig(level=logging.ERROR)
    if arguments.verbose:
        logging.getLogger("testbed").setLevel(logging.DEBUG)
    # An ordered end also for `kill` and for a closed terminal, so that nothing of the testbed outlives it.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    # A log file or a pipe has no width to fit.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 200)
    try:
        run: Callable[[argparse.Namespace, Console], int] = arguments.run
        return run(arguments, console)
    except KeyboardInterrupt:
        console.print("Interrupted; everything that was started has been stopped.")
        return 130


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m testbed", description=__doc__)
    parser.add_argument("--verbose", action="store_true", help="log what goes on behind the scenes")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    drill = commands.add_parser("drill", help="break something and watch the controller put it right")
    drill.add_argument("--scenario", default="network-loss", metavar="NAME", help="which one (see --list)")
    drill.add_argument("--profile", default="fast", metavar="NAME", help="fast (default) or realistic")
    drill.add_argument("--json", type=new_file, metavar="FILE", help="write the result there, as one JSON object")
    drill.add_argument("--product", type=existing_folder, metavar="FOLDER", help="whose stack is deployed instead")
    drill.add_argument("--list", action="store_true", help="list the scenarios, one line each")
    drill.set_defaults(run=_drill)
    soak = commands.add_parser("soak", help="failovers and switchbacks in a row, with a user who writes throughout")
    soak.add_argument("--rounds", type=_read_count, default=20, metavar="N", help="how many of each (default 20)")
    soak.add_argument("--profile", default="fast", metavar="NAME", help="fast (default) or realistic")
    soak.add_argument("--json", type=new_file, metavar="FILE", help="write the result there, as one JSON object")
    soak.set_defaults(run=_soak, product=None)
    cloud = commands.add_parser("cloud", help="keep the local cloud and the simulated cluster running")
    cloud.add_argument("--profile", default="fast", metavar="NAME", help="fast (default) or realistic")
    cloud.set_defaults(run=_cloud)
    dashboard = commands.add_parser("dashboard", help="show the dashboard's widget on a page, if wished during a drill")
    dashboard.add_argument("--scenario", metavar="NAME", help="play it once the page is open (see drill --list)")
    dashboard.add_argument("--profile", default="fast", metavar="NAME", help="fast (default) or realistic")
    dashboard.set_defaults(run=_dashboard)
    return parser.parse_args()


def _read_count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)


def _drill(arguments: argparse.Namespace, console: Console) -> int:
    # Imported here: `--help` and a wrong name need not wait for boto3.
    from testbed import scenarios

    if arguments.list:
        width = max(map(len, scenarios.ALL))
        for scenario in scenarios.ALL.values():
            console.print(f"{scenario.name:<{width}}  {scenario.title}", markup=False, soft_wrap=True)
        return 0
    try:
        scenario = scenarios.find(arguments.scenario)
    except scenarios.UnknownScenarioError as error:
        print(error, file=sys.stderr)
        return 2
    return _play(scenario, arguments, console)


def _soak(arguments: argparse.Namespace, console: Console) -> int:
    from testbed.run.soak import make_soak

    return _play(make_soak(arguments.rounds), arguments, console)


def _play(scenario: Scenario, arguments: argparse.Namespace, console: Console) -> int:
    try:
        profile = load_profile(arguments.profile)
    except LookupError as error:
        print(error, file=sys.stderr)
        return 2

    from testbed.run.bed import running_testbed
    from testbed.run.drill import keep, run, write_json
    from testbed.run.view import Progress, choose_view, print_timeline
    from testbed.stack import deployment
    from testbed.stack.deployment import DeploymentError

    try:
        product = arguments.product or deployment.REPOSITORY
        with (
            Progress(console) as progress,
            running_testbed(profile, progress.tell, shape=scenario.shape, product=product) as bed,
        ):
            progress.finish()
            try:
                with choose_view(console) as view:
                    result = run(bed, scenario, view)
            except BaseException:
                bed.keep_logs(scenario.name)
                raise
            keep(bed, result)
    except (DeploymentError, TimeoutError, HostError) as error:
        console.print(f"FAIL {scenario.name}: the testbed did not come up: {error}", markup=False, soft_wrap=True)
        return 1
    if arguments.json:
        write_json(result, arguments.json)
    print_timeline(console, result.moments, result.broken_at)
    style = "bold green" if result.has_passed else "bold red"
    console.print(result.sentence(), style=style, markup=False, soft_wrap=True)
    return 0 if result.has_passed else 1


def _cloud(arguments: argparse.Namespace, console: Console) -> int:
    from testbed.run.guide import print_guide

    def show(bed: Testbed) -> None:
        print_guide(console, bed)
        threading.Event().wait()

    return _keep_running(arguments, console, show)


def _dashboard(arguments: argparse.Namespace, console: Console) -> int:
    from testbed import scenarios

    try:
        scenario = scenarios.find(arguments.scenario) if arguments.scenario else None
    except scenarios.UnknownScenarioError as error:
        print(error, file=sys.stderr)
        return 2

    from testbed.run.dashboard import serving_dashboard_of
    from testbed.run.drill import run
    from testbed.run.guide import print_guide
    from testbed.run.view import choose_view

    def show(bed: Testbed) -> None:
        with serving_dashboard_of(bed.clients, bed.stack) as (address, is_looked_at):
            if scenario is None:
                print_guide(console, bed)
            console.print(f"The dashboard: {address}", style="bold", markup=False, soft_wrap=True)
            if scenario is not None:
                console.print(f"Open it, and {scenario.name} begins. Ctrl-C ends it.", markup=False)
                is_looked_at.wait()
                with choose_view(console) as view:
                    result = run(bed, scenario, view)
                console.print(result.sentence(), style="bold", markup=False, soft_wrap=True)
            threading.Event().wait()

    return _keep_running(arguments, console, show)


def _keep_running(arguments: argparse.Namespace, console: Console, show: Callable[[Testbed], None]) -> int:
    """A testbed that somebody looks at, until Ctrl-C."""
    try:
        profile = load_profile(arguments.profile)
    except LookupError as error:
        print(error, file=sys.stderr)
        return 2

    from testbed.run.bed import running_testbed
    from testbed.run.view import Progress
    from testbed.stack.deployment import DeploymentError

    try:
        with Progress(console) as progress, running_testbed(profile, progress.tell) as bed:
            progress.finish()
            with suppress(KeyboardInterrupt):
                show(bed)
    except (DeploymentError, TimeoutError, HostError) as error:
        console.print(f"The testbed did not come up: {error}", markup=False, soft_wrap=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
