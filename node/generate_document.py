"""Assemble garoon-node.sh from its parts in src/ and put it into the SSM Command documents: `make document`.

The script's digest goes into the layer, so that readiness knows which script the stack carries.

document.yaml takes every verb; look-document.yaml runs the same script but takes only those verbs that change nothing.
IAM lets a role send a document or not, and has no condition on a command's parameters (Service Authorization Reference,
"Actions, resources, and condition keys for AWS Systems Manager"): so a role that may only look is given the second.

Every parameter reaches the script as an environment variable (`interpolationType: ENV_VAR`; Systems Manager User Guide,
"Data elements and parameters", SSM Agent 3.3.2746.0 or later), so that no value is ever part of the script's text. The
patterns are those of the script, which checks once more.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from pathlib import Path

import yaml

PARTS = (
    "core",
    "resources",
    "replication",
    "replication_drbd",
    "volume",
    "services",
    "exports",
    "clients",
    "checks",
    "verbs",
    "watch",
    "room_drbd",
    "survey",
    "install",
    "main",
)
"""Files of src/, in the order in which the script has them. A part says at its top what it uses."""
SCRIPT = Path(__file__).with_name("garoon-node.sh")
DOCUMENT = Path(__file__).with_name("document.yaml")
LOOK_DOCUMENT = Path(__file__).with_name("look-document.yaml")
DIGEST = SCRIPT.parents[1] / "layers/failover_core/failover/node_script.py"
QUOTA_BYTES = 64 * 1024
"""Systems Manager's quota for a document's content, which CloudFormation hands over as JSON."""
MAXIMUM_BYTES = 60_000
"""Room is left for what is not foreseen."""

VERBS = ("status", "probe", "survey", "promote", "start", "restart", "stop", "demote", "reconnect", "rejoin", "install")
LOOKING_VERBS = ("status", "probe", "survey")
NUMBER = "^[0-9]{1,15}$"
NAME = r"^([A-Za-z0-9][A-Za-z0-9._-]{0,62})?$"
ADDRESS = r"^([0-9]{1,3}(\.[0-9]{1,3}){3})?$"
PATH = r"^(/[A-Za-z0-9][A-Za-z0-9._/-]{0,200})?$"
OPTIONAL_NUMBER = "^([0-9]{1,15})?$"
CLIENTS = r"^([0-9]{1,3}(\.[0-9]{1,3}){3}(/[0-9]{1,2})?(,[0-9]{1,3}(\.[0-9]{1,3}){3}(/[0-9]{1,2})?)*)?$"
SERVICE = (
    r"((/[A-Za-z0-9_][A-Za-z0-9._-]{0,62}){1,8}|[A-Za-z0-9_][A-Za-z0-9._-]{0,62})"
    r"(:(start|stop)=[1-9][0-9]{0,3}|:check=[1-5]|:on-failure=(restart|warn))*"
)
VOLUME = ":".join([r"/[A-Za-z0-9][A-Za-z0-9._/-]{0,200}"] * 3)
EXPORT = r"/?[A-Za-z0-9_][A-Za-z0-9._-]{0,62}(/[A-Za-z0-9_][A-Za-z0-9._-]{0,62}){0,8}:[1-9][0-9]{0,8}"

PEER_PROOFS = ("none", "unseen", "secondary")

# Lists are of any length here: the agent compiles each pattern by Go's regexp, which refuses a repetition that makes,
# with those inside it, more than 1000, and so every command. The script takes ten, as the template's parameters do.
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
    "FurtherVolumes": (
        f"^({VOLUME}(,{VOLUME})*)?$",
        "others: data device, replicated device, mount point",
    ),
    "ReplicationProtocol": ("^[AC]?$", "A (asynchronous) or C (synchronous)"),
    "DatabasePort": (OPTIONAL_NUMBER, "port of Garoon's database"),
    "PathPort": (OPTIONAL_NUMBER, "port of the SSH server, whose banner shows that a path is alive"),
    "ExportClients": (CLIENTS, "networks that may mount the exports, separated by commas"),
    "WatchIntervalSeconds": ("^[1-5]?$", "seconds between two rounds of metrics"),
    "NfsLeaseSeconds": (OPTIONAL_NUMBER, "seconds of the NFS server's lease and grace period"),
    "Services": (f"^({SERVICE}(,{SERVICE})*)?$", "services in start order, the database first"),
    "Exports": (
        f"^({EXPORT}(,{EXPORT})*)?$",
        "exported paths, full ones or below the mount point, each with its fsid",
    ),
}


def assemble(engine: Path | None = None) -> str:
    """The script: its parts, one after the other. `engine` is a file to take the place of the engine's two."""
    files = {part: SCRIPT.with_name("src") / f"{part}.sh" for part in PARTS}
    if engine is not None:
        files["replication_drbd"] = engine
        del files["room_drbd"]
    return "\n".join(file.read_text() for file in files.values())


def generate(verbs: tuple[str, ...] = VERBS) -> str:
    """The text of the document that takes these verbs. Raises ValueError when the script can't be put into one."""
    script = assemble()
    if "{{" in script:
        raise ValueError(f"{SCRIPT.name} contains double braces, which Systems Manager takes for a parameter.")
    if not script.isascii() or "\t" in script:
        raise ValueError(f"{SCRIPT.name} must be plain ASCII without tabs to stand in a YAML block as it is.")
    lines = [
        f"# Generated from src/ by {Path(__file__).name}; change those, then run `make document`.",
        "schemaVersion: '2.2'",
        "description: What the Garoon failover controller may do on a database server, and nothing else.",
        "parameters:",
        *_parameter("Verb", "what to do", allowed=verbs),
        *_parameter("Epoch", "epoch of the command; 0 for none", pattern=NUMBER, default="0"),
        *_parameter("ExpiresAt", "Unix time after which it must not start; 0 for never", pattern=NUMBER, default="0"),
        *_parameter("AcceptDataLoss", "promote a stale replica", allowed=("true", "false"), default="false"),
    ]
    if "promote" in verbs:
        lines += _parameter(
            "PeerProof", "promote: what it must find its peer to be", allowed=PEER_PROOFS, default="none"
        )
        lines += _parameter("AndStart", "promote: begin what users reach", allowed=("true", "false"), default="false")
    for name, (pattern, description) in INSTALL_PARAMETERS.items() if "install" in verbs else ():
        lines += _parameter(name, f"install: {description}", pattern=pattern, default="")
    lines += [
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
    lines += [f"      {line}" for line in _stub(script)]
    document = "\n".join(lines) + "\n"
    if size_in_bytes(document) > MAXIMUM_BYTES:
        raise ValueError(
            f"The document has {size_in_bytes(document)} bytes as JSON; {MAXIMUM_BYTES} are allowed here, and "
            f"{QUOTA_BYTES} by Systems Manager."
        )
    return document


def without_comments(script: str) -> str:
    """The script without the lines that hold nothing but a comment."""
    return re.sub(r"^ *#.*\n", "", script, flags=re.MULTILINE)


def size_in_bytes(document: str) -> int:
    """How large the document is as CloudFormation hands it to Systems Manager."""
    return len(json.dumps(yaml.safe_load(document), separators=(",", ":")).encode())


def generate_digest(document: str) -> str:
    """The module that holds the digest of the document's script, as the script itself tells it (`answeringVersion`)."""
    [step] = yaml.safe_load(document)["mainSteps"]
    [script] = step["inputs"]["runCommand"]
    digest = hashlib.sha256(f"{script.rstrip()}\n".encode()).hexdigest()[:12]
    return f'''"""Which garoon-node the stack carries. Generated by `make document`."""

DIGEST = "{digest}"
'''


def _stub(script: str) -> list[str]:
    """What runs the script: it is longer than a document may be, so it travels compressed (RFC 1952) in base64.

    Its comments stay behind, a quarter of it; tests/node/test_document.py holds that nothing else does.
    Without a file: /tmp may be full. The functions believe to stand in the stub's file, which installs itself.
    """
    return [
        "#!/bin/bash",
        f"# {SCRIPT.name} without its comments, compressed; to read it:",
        '# sed -n "s/^PACKED=//p" THIS_FILE | base64 -d | gzip -d',
        f"PACKED={_packed(without_comments(script))}",
        'SCRIPT=$(printf %s "$PACKED" | base64 -d | gzip -d) || exit 1',
        'eval "$SCRIPT"',
    ]


def _packed(script: str) -> str:
    """As the document has it already, if that is the same script: other versions of zlib compress otherwise."""
    if DOCUMENT.exists() and (found := re.search(r"PACKED=([A-Za-z0-9+/=]+)$", DOCUMENT.read_text(), re.MULTILINE)):
        packed = found[1]
        if gzip.decompress(base64.b64decode(packed)).decode() == script:
            return packed
    return base64.b64encode(gzip.compress(script.encode(), 9, mtime=0)).decode()


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


def main() -> None:
    """Write the script and the documents, and say how much of the quota they use."""
    SCRIPT.write_text(assemble())
    for file, document in ((DOCUMENT, generate()), (LOOK_DOCUMENT, generate(LOOKING_VERBS))):
        file.write_text(document)
        DIGEST.write_text(generate_digest(document))
        print(f"{file.name}: {size_in_bytes(document)} of {MAXIMUM_BYTES} bytes as JSON")


if __name__ == "__main__":
    main()
