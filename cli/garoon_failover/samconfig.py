"""samconfig.toml: `sam deploy` without an option, each parameter with a comment that says where it was found."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from garoon_failover.discovery import Found
from garoon_failover.errors import UsageError

CAPABILITIES = "CAPABILITY_IAM CAPABILITY_AUTO_EXPAND"
_PAIR = re.compile(r'\s*([A-Za-z0-9]+)=(?:"((?:\\.|[^"\\])*)"|(\S*))')


def read_document(path: Path) -> tomlkit.TOMLDocument:
    """What is in the file; an empty document without one. Raises UsageError for a file that is no TOML."""
    try:
        return tomlkit.parse(path.read_text())
    except FileNotFoundError:
        return tomlkit.document()
    except (OSError, UnicodeDecodeError, TOMLKitError) as error:
        raise UsageError(
            f"{path} cannot be read: {error}.", f"Correct it or move it away: mv {path} {path}.old"
        ) from error


def read_parameters(document: Mapping[str, Any]) -> dict[str, str]:
    """The stack's parameters in the file's default environment, in either of the forms that the SAM CLI takes."""
    try:
        overrides = document.get("default", {}).get("deploy", {}).get("parameters", {}).get("parameter_overrides", [])
    except AttributeError:
        return {}
    texts = [str(one) for one in ([overrides] if isinstance(overrides, str) else overrides)]
    pairs = [pair for text in texts for pair in _PAIR.findall(text)]
    # A list's value may hold blanks without quotes: the SAM CLI takes the whole entry then.
    return {name: (quoted or plain).replace('\\"', '"') for name, quoted, plain in pairs}


def write(path: Path, document: tomlkit.TOMLDocument, found: Iterable[Found], stack_name: str, region: str) -> None:
    """Writes the file. What is in it beside the parameters, the stack's name and the region stays as it is."""
    document.setdefault("version", 0.1)
    default = _table(document, "default", is_super=True)
    common = _table(_table(default, "global", is_super=True), "parameters")
    common["stack_name"] = stack_name
    common["region"] = region
    deploy = _table(_table(default, "deploy", is_super=True), "parameters")
    deploy.setdefault("capabilities", CAPABILITIES)
    if "s3_bucket" not in deploy:
        deploy.setdefault("resolve_s3", True)
    deploy.setdefault("confirm_changeset", True)
    overrides = tomlkit.array()
    for one in found:
        overrides.add_line(comment=_comment(one.source))
        overrides.add_line(f'{one.name}="{one.value}"')
    overrides.add_line(indent="")
    deploy["parameter_overrides"] = overrides
    path.write_text(tomlkit.dumps(document))


def _comment(text: str) -> str:
    return re.sub(r"[\x00-\x1f\x7f]", " ", text)


def _table(parent: Any, name: str, *, is_super: bool = False) -> Any:
    if name not in parent:
        parent[name] = tomlkit.table(is_super_table=is_super)
    return parent[name]
