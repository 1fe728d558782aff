"""Generate the SSM Command documents from garoon-node.sh: `python node/generate_document.py [--check]`.

document.yaml takes every verb; look-document.yaml runs the same script but takes only those verbs that change nothing.
IAM lets a role send a document or not, and has no condition on a command's parameters (Service Authorization Reference,
"Actions, resources, and condition keys for AWS Systems Manager"): so a role that may only look is given the second.

Every parameter reaches the script as an environment variable (`interpolationType: ENV_VAR`; Systems Manager User Guide,
"Data elements and parameters", SSM Agent 3.3.2746.0 or later), so that no value is ever part of the script's text. The
patterns are those of the script, which checks once more.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

SCRIPT = Path(__file__).with_name("garoon-node.sh")
DOCUMENT = Path(__file__).with_name("document.yaml")
LOOK_DOCUMENT = Path(__file__).with_name("look-document.yaml")
MAXIMUM_BYTES = 64 * 1024
"""Systems Manager's quota for a document's content."""

VERBS = ("status", "probe", "promote", "start", "restart", "stop", "demote", "reconnect", "rejoin", "install")
LOOKING_VERBS = ("status", "probe")
NUMBER = "^[0-9]{1,15}$"
NAME = r"^([A-Za-z0-9][A-Za-z0-9._-]{0,62})?$"
ADDRESS = r"^([0-9]{1,3}(\.[0-9]{1,3}){3})?$"
PATH = r"^(/[A-Za-z0-9][A-Za-z0-9._/-]{0,200})?$"
OPTIONAL_NUMBER = "^([0-9]{1,15})?$"
CLIENTS = r"^([0-9]{1,3}(\.[0-9]{1,3}){3}(/[0-9]{1,2})?(,[0-9]{1,3}(\.[0-9]{1,3}){3}(/[0-9]{1,2})?)*)?$"

INSTALL_PARAMETERS = {
    "ClusterName": (NAME, "name of the cluster, in metrics"),
    "NodeName": (NAME, "name of this node"),
    "Eth0Address": (ADDRESS, "address of this node's eth0"),
    "Eth1Address": (ADDRESS, "address of this node's eth1"),
    "PeerName": (NAME, "name of the other node"),
    "PeerEth0Address": (ADDRESS, "address of the other node's eth0"),
    "PeerEth1Address": (ADDRESS, "address of the other node's eth1"),
    "VirtualIp": (ADDRESS, "address that the clients use"),
    "MountPoint": (PATH, "where the replicated volume is mounted"),
    "DataDevice": (PATH, "block device under the replication"),
    "ReplicatedDevice": (PATH, "replicated block device"),
    "ReplicationProtocol": ("^[AC]?$", "A (asynchronous) or C (synchronous)"),
    "DatabasePort": (OPTIONAL_NUMBER, "port of Garoon's database"),
    "PathPort": (OPTIONAL_NUMBER, "port of the SSH server, whose banner shows that a path is alive"),
    "ExportClients": (CLIENTS, "networks that may mount the exports, separated by commas"),
    "WatchIntervalSeconds": ("^([1-9]|10)?$", "seconds between two rounds of metrics"),
}


def generate(verbs: tuple[str, ...] = VERBS) -> str:
    """The text of the document that takes these verbs. Raises ValueError when the script can't be put into one."""
    script = SCRIPT.read_text()
    if "{{" in script:
        raise ValueError(f"{SCRIPT.name} contains double braces, which Systems Manager takes for a parameter.")
    if not script.isascii() or "\t" in script:
        raise ValueError(f"{SCRIPT.name} must be plain ASCII without tabs to stand in a YAML block as it is.")
    lines = [
        f"# Generated from {SCRIPT.name} by {Path(__file__).name}; change those, then run `make document`.",
        "schemaVersion: '2.2'",
        "description: What the Garoon failover controller may do on a database server, and nothing else.",
        "parameters:",
        *_parameter("Verb", "what to do", allowed=verbs),
        *_parameter("Epoch", "epoch of the command; 0 for none", pattern=NUMBER, default="0"),
        *_parameter("ExpiresAt", "Unix time after which it must not start; 0 for never", pattern=NUMBER, default="0"),
        *_parameter("AcceptDataLoss", "promote a stale replica", allowed=("true", "false"), default="false"),
    ]
    for name, (pattern, description) in INSTALL_PARAMETERS.items() if "install" in verbs else ():
        lines += _parameter(name, f"install: {description}", pattern=pattern, default="")
    lines += [
        # Sequences as far left as YAML allows: every column counts a thousand times against the quota.
        "mainSteps:",
        "- action: aws:runShellScript",
        "  name: garoonNode",
        "  precondition:",
        "    StringEquals:",
        "    - platformType",
        "    - Linux",
        "  inputs:",
        "    timeoutSeconds: '600'",
        "    runCommand:",
        "    - |",
    ]
    lines += [f"      {line}" if line else "" for line in _without_comments(script)]
    document = "\n".join(lines) + "\n"
    if len(document.encode()) > MAXIMUM_BYTES:
        raise ValueError(f"The document has {len(document.encode())} bytes; Systems Manager takes {MAXIMUM_BYTES}.")
    return document


def _without_comments(script: str) -> list[str]:
    """The script's lines but for those that only comment: Systems Manager's quota is for what runs."""
    first, *rest = script.splitlines()
    return [first, *(line for line in rest if not line.lstrip().startswith("#"))]


def _parameter(
    name: str,
    description: str,
    *,
    pattern: str | None = None,
    allowed: tuple[str, ...] = (),
    default: str | None = None,
) -> list[str]:
    lines = [
        f"  {name}:",
        "    type: String",
        f"    description: {_quoted(description)}",
        "    interpolationType: ENV_VAR",
    ]
    if default is not None:
        lines.append(f"    default: {_quoted(default)}")
    if allowed:
        lines += ["    allowedValues:", *(f"      - {_quoted(value)}" for value in allowed)]
    if pattern is not None:
        re.compile(pattern)
        lines.append(f"    allowedPattern: {_quoted(pattern)}")
    return lines


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def main() -> int:
    """Write the documents, or with --check only say whether they are fresh."""
    for file, document in ((DOCUMENT, generate()), (LOOK_DOCUMENT, generate(LOOKING_VERBS))):
        if "--check" not in sys.argv[1:]:
            file.write_text(document)
        elif not file.exists() or file.read_text() != document:
            print(f"{file.name} is not what {SCRIPT.name} gives: run `make document`.", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
