"""Explores the protocol, then shows that seeded defects are found: `python -m testbed.model [--stories]`."""

from __future__ import annotations

import argparse
import sys
import time

from testbed.model.code import Code, stand_still
from testbed.model.defects import DEFECTS, find
from testbed.model.explore import explore
from testbed.model.scopes import LIMIT, SCOPES, make_system


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m testbed.model", description=__doc__)
    parser.add_argument("--stories", action="store_true", help="tell how each seeded defect breaks a promise")
    arguments = parser.parse_args()
    code = Code()
    with stand_still():
        is_good = _explore_all(code)
        is_good &= _find_all(code, tells=arguments.stories)
    return 0 if is_good else 1


def _explore_all(code: Code) -> bool:
    started = time.process_time()
    states = steps = 0
    for scope in SCOPES:
        result = explore(make_system(code, scope), scope.start, limit=LIMIT)
        states += result.states
        steps += result.steps
        print(f"{'BROKEN' if result.finding else 'kept':7} {result.states:7,} states  {scope.name}", flush=True)
        if result.finding:
            print(result.finding)
            return False
    seconds = time.process_time() - started
    print(f"model: {states:,} states, {steps:,} steps, promises kept in all; {seconds:.0f} s of processor time")
    return True


def _find_all(code: Code, *, tells: bool) -> bool:
    found = 0
    for defect in DEFECTS:
        finding = find(code, defect)
        found += finding is not None
        print(f"{'found' if finding else 'MISSED':7} {defect.name}: {defect.what}", flush=True)
        if finding and tells:
            print(finding)
        elif finding:
            print(f"        => {finding.broken}, in {len(finding.story)} steps")
    print(f"model: {found} of {len(DEFECTS)} seeded defects found")
    return found == len(DEFECTS)


if __name__ == "__main__":
    sys.exit(main())
