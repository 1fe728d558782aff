"""What a product of before 0.2 needs, to be compared with: its beats go to the CloudWatch agent over StatsD.

A program in the machine takes them and writes each into the log of signs, as a line that CloudWatch Logs makes into the
same metric; a rule for signs passes over it. The agent adds `metric_type` (CloudWatch User Guide, "Retrieve custom
metrics with StatsD").
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from testbed.lab.host import LabHost

_ACT_SECONDS = 60.0
_PROGRAM = """
import json, socket, time
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as statsd, open("/var/log/garoon-node-signs.log", "a", 1) as log:
    statsd.bind(("127.0.0.1", 8125))
    while True:
        name, value, _, tags = statsd.recv(4096).decode().replace(":", "|", 1).split("|")
        dimensions = dict(tag.split(":", 1) for tag in tags[1:].split(",")) | {"metric_type": "gauge"}
        metrics = [{"Namespace": "GaroonFailover", "Dimensions": [list(dimensions)], "Metrics": [{"Name": name}]}]
        about = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": metrics}
        log.write(json.dumps({"_aws": about, **dimensions, name: float(value)}) + "\\n")
"""


def speaks_statsd(product: Path) -> bool:
    """Whether the nodes' script of that working tree sends its beats so."""
    return "STATSD_PORT" in (product / "node/garoon-node.sh").read_text()


def carry_statsd(machines: Iterable[LabHost]) -> None:
    """Until a machine's next boot. Raises HostError."""
    for machine in machines:
        machine.must(
            f"cat >/run/lab-statsd.py <<'PROGRAM'\n{_PROGRAM}PROGRAM\n"
            "systemd-run --quiet --unit=lab-statsd python3 /run/lab-statsd.py",
            _ACT_SECONDS,
        )
