"""The share of a processor that a function's memory gives it, as time that it would take longer than here.

A function has as much of a processor as it has of 1,769 MB (Lambda Developer Guide, "Configure Lambda function
memory"). That holds for its start as well here. AWS promises no more for it, though others have measured more.
"""

from __future__ import annotations

import os
from pathlib import Path
from subprocess import Popen

MEGABYTES_OF_A_PROCESSOR = 1769
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def used_seconds(process: Popen[str] | None) -> float:
    """Of a processor, by all threads since the process began; 0 for one that is over, or never was."""
    try:
        stat = Path("/proc", str(process.pid), "stat").read_text() if process else ""
    except FileNotFoundError:
        return 0.0
    # After the command's name, which may hold anything: the state is the third field, user and system time the 14th
    # and 15th (proc_pid_stat(5)).
    fields = stat.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND if fields else 0.0


def more_seconds(used: float, memory_megabytes: int) -> float:
    """How much longer it takes what a whole processor did in `used` seconds; more than one is no use to one thread."""
    return max(0.0, used) * max(0.0, MEGABYTES_OF_A_PROCESSOR / memory_megabytes - 1)
