"""Puts the servers' set-up scripts into two SSM Command documents: `make document`.

Every parameter reaches the script as an environment variable, as the failover controller's document has it
(docs/decisions/0004-parameters-as-environment.md). The script stands in the document as it is, to be read there.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

_DIRECTORY = Path(__file__).parent
_STAND_IN = _DIRECTORY.with_name("stand-in")
_END = "END_OF_STAND_IN_FILE"
MAXIMUM_BYTES = 60_000
"""Of 64 KB, Systems Manager's quota for a document, which CloudFormation hands over as JSON."""
_LONGEST_SECONDS = 3600

_NAME = "^[A-Za-z0-9][A-Za-z0-9.-]{0,62}$"
_ADDRESS = r"^[0-9]{1,3}(\.[0-9]{1,3}){3}$"
_NETWORK = r"^[0-9]{1,3}(\.[0-9]{1,3}){3}/[0-9]{1,2}$"
_PORT = "^[1-9][0-9]{0,4}$"
_INSTALLER = (
    r"^(ByHand|StandIn|s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/[A-Za-z0-9._/-]{1,900})$",
    "ByHand, StandIn (a small program in Garoon's place), or the archive with Garoon's installer",
)


@dataclass(frozen=True)
class Document:
    """A server's document: the parts of its script in their order, and its parameters with their patterns."""

    file: Path
    description: str
    parts: tuple[str, ...]
    stand_in: tuple[str, ...]
    """Files of the stand-in for Garoon that the script carries."""
    parameters: dict[str, tuple[str, str]]

    def script(self) -> str:
        """The parts as one script, without the lines by which they read each other."""
        lines: list[str] = []
        for number, part in enumerate(self.parts):
            text = (_DIRECTORY / part).read_text().splitlines()
            lines += [line for line in text[1 if number else 0 :] if not line.startswith("source ")]
        end = lines.index("main")
        return "\n".join([*lines[:end], *self._stand_in_file(), *lines[end:]]) + "\n"

    def _stand_in_file(self) -> list[str]:
        """The function that prints one of the files."""
        lines = ["stand_in_file() {", "    case $1 in"]
        for name in self.stand_in:
            content = (_STAND_IN / name).read_text().splitlines()
            lines += [f"    {name}) cat <<'{_END}' ;;", *content, _END]
        return [*lines, "    esac", "}", ""]

    def generate(self) -> str:
        """The document's text. Raises ValueError when the script can't be put into one."""
        script = self.script()
        if "{{" in script or not script.isascii() or "\t" in script:
            raise ValueError(f"The script of {self.file.name} must be plain ASCII without tabs and double braces.")
        content = {
            "schemaVersion": "2.2",
            "description": self.description,
            "parameters": {name: _parameter(*described) for name, described in self.parameters.items()},
            "mainSteps": [
                {
                    "action": "aws:runShellScript",
                    "name": "setUp",
                    "precondition": {"StringEquals": ["platformType", "Linux"]},
                    "inputs": {"timeoutSeconds": str(_LONGEST_SECONDS), "runCommand": [_Block(script)]},
                }
            ],
        }
        size = len(json.dumps(content, separators=(",", ":")).encode())
        if size > MAXIMUM_BYTES:
            raise ValueError(f"{self.file.name} has {size} bytes as JSON; {MAXIMUM_BYTES} are allowed here.")
        generator = Path(__file__).name
        head = f"# Generated from the scripts beside it by {generator}; change those, then run `make document`.\n"
        return head + yaml.dump(content, Dumper=_Dumper, sort_keys=False, width=1000)


class _Block(str):
    """Text that stands in YAML as it is."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    pass


_Dumper.add_representer(
    _Block, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style="|")
)


def _parameter(pattern: str, description: str) -> dict[str, Any]:
    return {
        "type": "String",
        "description": description,
        "interpolationType": "ENV_VAR",
        "allowedPattern": pattern,
    }


DOCUMENTS = (
    Document(
        file=_DIRECTORY / "db-document.yaml",
        description="Sets a database server of Garoon up. Can run again; never touches a volume that is not empty.",
        parts=("common.sh", "network.sh", "volume.sh", "../stand-in/stand-in.sh", "garoon.sh", "db-server.sh"),
        stand_in=("cyde_5_0.sh", "cyss_cbgrn.sh", "cyss.sh", "garoon.sql", "my.ini"),
        parameters={
            "Region": (_NAME, "the region"),
            "NodeName": (_NAME, "name of this node"),
            "PeerName": (_NAME, "name of the other node"),
            "IsHome": ("^(Yes|No)$", "whether the first synchronisation goes out from this node"),
            "Eth0Address": (_ADDRESS, "address of this node's first interface"),
            "Eth1Address": (_NETWORK, "address of this node's second interface, with the bits of its subnet"),
            "PeerEth0Address": (_ADDRESS, "address of the other node's first interface"),
            "PeerEth1Address": (_ADDRESS, "address of the other node's second interface"),
            "PeerEth1Subnet": (_NETWORK, "subnet of the other node's second interface"),
            "VolumeId": ("^vol-[0-9a-f]{8,17}$", "the data volume"),
            "GaroonInstaller": _INSTALLER,
            "DataVolumes": ("^(New|Kept)$", "New: made into a replica, if it is empty; Kept: left as it is"),
        },
    ),
    Document(
        file=_DIRECTORY / "app-document.yaml",
        description="Sets an App server of Garoon up. Can run again.",
        parts=("common.sh", "../stand-in/stand-in.sh", "garoon.sh", "app-server.sh"),
        stand_in=("grn.pl",),
        parameters={
            "VirtualIp": (_ADDRESS, "address of the active database server"),
            "DatabasePort": (_PORT, "port of Garoon's MySQL"),
            "WebPort": (_PORT, "port of Apache"),
            "GaroonInstaller": _INSTALLER,
        },
    ),
)


if __name__ == "__main__":
    for each in DOCUMENTS:
        each.file.write_text(each.generate())
