"""Systems Manager documents: the API and the CloudFormation resource type AWS::SSM::Document.

Follows, in the Systems Manager API Reference: CreateDocument, GetDocument, DescribeDocument, UpdateDocument,
DeleteDocument; in the Systems Manager User Guide: "Schemas, features, and examples" and "Data elements and
parameters" (allowedValues, allowedPattern, interpolationType); in the CloudFormation Template Reference:
AWS::SSM::Document (Ref, UpdateMethod). The emulator knows no documents.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from typing import Any

import yaml
from ministack.core.responses import (
    AccountRegionScopedDict,
    error_response_json,
    get_account_id,
    json_response,
    new_uuid,
)

Response = tuple[int, dict[str, str], bytes]
Document = dict[str, Any]

_LARGEST_DOCUMENT_BYTES = 64 * 1024
_MOST_REPETITIONS = 1000
_OF_A_PATTERN = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\{(\d+)(,?)(\d*)\}|.", re.DOTALL)
_UNKNOWN_TO_GO = re.compile(r"\(\?[=!<]|\\[1-9]")
_NAME = re.compile(r"[a-zA-Z0-9_\-.]{3,128}")
_COMMAND_SCHEMA_VERSIONS = ("1.2", "2.0", "2.2")

documents: Any = AccountRegionScopedDict()
_RUN_SHELL_SCRIPT = {
    "schemaVersion": "2.2",
    "parameters": {
        "commands": {"type": "StringList"},
        "executionTimeout": {"type": "String", "default": "3600", "allowedPattern": "[1-9][0-9]{0,5}"},
    },
    "mainSteps": [
        {
            "action": "aws:runShellScript",
            "name": "runShellScript",
            "inputs": {"runCommand": ["{{ commands }}"], "timeoutSeconds": "3600"},
        }
    ],
}
_OF_AWS: dict[str, Document] = {
    name: {"Name": name, "DocumentType": "Command", "Versions": [{"Parsed": content}]}
    for name, content in {"AWS-RunShellScript": _RUN_SHELL_SCRIPT}.items()
}
"""Documents that every account has (Systems Manager User Guide, "AWS-RunShellScript"), with what is used of them."""


class DocumentError(Exception):
    """Refused, with the API's error code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def resource_handlers() -> dict[str, dict[str, Any]]:
    """The CloudFormation resource type, as the emulator's table of provisioners wants it."""
    return {
        "AWS::SSM::Document": {
            "create": _provision,
            "update": _reprovision,
            "update_with_logical_id": True,
            "delete": lambda name, _properties: documents.pop(name, None),
        }
    }


def create(name: str, content: str, document_format: str, document_type: str) -> Document:
    """Stores version 1 of a document. Raises DocumentError."""
    if not _NAME.fullmatch(name):
        raise DocumentError("ValidationException", f"'{name}' is not a document name: {_NAME.pattern}")
    if name in documents:
        raise DocumentError("DocumentAlreadyExists", f"Document with same name {name} already exists.")
    documents[name] = {
        "Name": name,
        "DocumentType": document_type,
        "CreatedDate": time.time(),
        "Versions": [_version(content, document_format, document_type)],
    }
    document: Document = documents[name]
    return document


def add_version(name: str, content: str, document_format: str) -> Document:
    """Stores the next version.

    It does not become the default one, as CloudFormation's UpdateMethod NewVersion says, but was reported not to do
    (July 2026): who wants what was deployed asks for $LATEST.
    """
    document = find(name)
    document["Versions"].append(_version(content, document_format, document["DocumentType"]))
    return document


def find(name: str) -> Document:
    """The document of that name or ARN. Raises DocumentError."""
    document: Document | None = _OF_AWS.get(name) or documents.get(name.rpartition("/")[2])
    if document is None:
        raise DocumentError("InvalidDocument", f"Document with name {name} does not exist.")
    return document


def content_of(document: Document, version: str) -> dict[str, Any]:
    """The parsed content of a version: "$LATEST", a number, or "$DEFAULT", the first one. Raises DocumentError."""
    number = {"$LATEST": str(len(document["Versions"])), "$DEFAULT": "1"}.get(version, version)
    if number not in map(str, range(1, len(document["Versions"]) + 1)):
        raise DocumentError("InvalidDocumentVersion", f"{document['Name']} has no version {version}.")
    content: dict[str, Any] = document["Versions"][int(number) - 1]["Parsed"]
    return content


# API actions


def create_document(request: dict[str, Any]) -> Response:
    document = create(
        request.get("Name", ""),
        request.get("Content", ""),
        request.get("DocumentFormat", "JSON"),
        request.get("DocumentType", "Command"),
    )
    return json_response({"DocumentDescription": describe(document)})  # type: ignore[no-any-return]


def describe_document(request: dict[str, Any]) -> Response:
    return json_response({"Document": describe(find(request.get("Name", "")))})  # type: ignore[no-any-return]


def get_document(request: dict[str, Any]) -> Response:
    document = find(request.get("Name", ""))
    version = document["Versions"][-1]
    return json_response(  # type: ignore[no-any-return]
        {
            "Name": document["Name"],
            "CreatedDate": document["CreatedDate"],
            "DocumentVersion": str(len(document["Versions"])),
            "Status": "Active",
            "Content": version["Content"],
            "DocumentType": document["DocumentType"],
            "DocumentFormat": version["Format"],
        }
    )


def delete_document(request: dict[str, Any]) -> Response:
    documents.pop(find(request.get("Name", ""))["Name"])
    return json_response({})  # type: ignore[no-any-return]


def describe(document: Document) -> dict[str, Any]:
    version = document["Versions"][-1]
    latest = str(len(document["Versions"]))
    return {
        "Name": document["Name"],
        "Hash": hashlib.sha256(version["Content"].encode()).hexdigest(),
        "HashType": "Sha256",
        "Owner": get_account_id(),
        "CreatedDate": document["CreatedDate"],
        "Status": "Active",
        "DocumentVersion": latest,
        "LatestVersion": latest,
        "DefaultVersion": "1",
        "Description": version["Parsed"].get("description", ""),
        "Parameters": [
            {
                "Name": name,
                "Type": parameter["type"],
                "Description": parameter.get("description", ""),
                **({"DefaultValue": _text(parameter["default"])} if "default" in parameter else {}),
            }
            for name, parameter in version["Parsed"].get("parameters", {}).items()
        ],
        "PlatformTypes": ["Linux"],
        "DocumentType": document["DocumentType"],
        "SchemaVersion": version["Parsed"]["schemaVersion"],
        "DocumentFormat": version["Format"],
    }


def refusal(error: DocumentError) -> Response:
    return error_response_json(error.code, str(error), 400)  # type: ignore[no-any-return]


# CloudFormation


def _provision(logical_id: str, properties: dict[str, Any], stack_name: str) -> tuple[str, dict[str, str]]:
    from ministack.services.cloudformation import provisioners  # slow to import: see extensions

    name = properties.get("Name") or provisioners._physical_name(stack_name, logical_id)
    try:
        create(name, *_properties(properties), properties.get("DocumentType", "Command"))
    except DocumentError as error:
        raise ValueError(f"AWS::SSM::Document {logical_id}: {error.code}: {error}") from error
    return name, {"Name": name}


def _reprovision(
    name: str, old: dict[str, Any], new: dict[str, Any], stack_name: str, logical_id: str
) -> tuple[str, dict[str, str]]:
    try:
        if new.get("UpdateMethod") == "NewVersion" and old.get("Name") == new.get("Name"):
            add_version(name, *_properties(new))
            return name, {"Name": name}
    except DocumentError as error:
        raise ValueError(f"AWS::SSM::Document {logical_id}: {error.code}: {error}") from error
    if new.get("Name") and old.get("Name") == new.get("Name"):
        raise ValueError(
            f"CloudFormation cannot update a stack when a custom-named resource requires replacing: {name}"
        )
    replacement = {**new, "Name": new.get("Name") or f"{stack_name}-{logical_id}-{new_uuid()[:8]}"}
    provisioned = _provision(logical_id, replacement, stack_name)
    documents.pop(name, None)
    return provisioned


def _properties(properties: dict[str, Any]) -> tuple[str, str]:
    content = properties.get("Content", "")
    if isinstance(content, str):
        return content, properties.get("DocumentFormat", "JSON")
    return json.dumps(content), "JSON"


def _version(content: str, document_format: str, document_type: str) -> dict[str, Any]:
    if len(content.encode()) > _LARGEST_DOCUMENT_BYTES:
        raise DocumentError("MaxDocumentSizeExceeded", "The size limit of a document is 64 KB.")
    try:
        parsed = json.loads(content) if document_format == "JSON" else yaml.safe_load(content)
    except (ValueError, yaml.YAMLError) as error:
        raise DocumentError("InvalidDocumentContent", f"The content is not {document_format}: {error}") from error
    if not isinstance(parsed, dict):
        raise DocumentError("InvalidDocumentContent", "The content is not an object.")
    if document_type == "Command" and parsed.get("schemaVersion") not in _COMMAND_SCHEMA_VERSIONS:
        raise DocumentError("InvalidDocumentSchemaVersion", f"schemaVersion {parsed.get('schemaVersion')!r}")
    for name, parameter in parsed.get("parameters", {}).items():
        _check_definition(name, parameter)
    return {"Content": content, "Format": document_format, "Parsed": parsed}


def _check_definition(name: str, parameter: dict[str, Any]) -> None:
    if "type" not in parameter:
        raise DocumentError("InvalidDocumentContent", f"Parameter {name} has no type.")
    if parameter.get("interpolationType") not in (None, "RAW", "ENV_VAR"):
        raise DocumentError("InvalidDocumentContent", f"Parameter {name}: interpolationType is RAW or ENV_VAR.")
    if not can_agent_compile(parameter.get("allowedPattern", "")):
        raise DocumentError(
            "InvalidDocumentContent", f"Parameter {name}: the agent refuses {parameter['allowedPattern']}"
        )
    if "default" in parameter:
        try:
            check_value(name, parameter, _text(parameter["default"]))
        except DocumentError as error:
            raise DocumentError("InvalidDocumentContent", f"The default does not fit: {error}") from error


def check_value(name: str, parameter: dict[str, Any], value: str) -> None:
    """Raises DocumentError InvalidParameters when the document's author does not allow the value."""
    allowed = parameter.get("allowedValues")
    if allowed and value not in [_text(choice) for choice in allowed]:
        raise DocumentError("InvalidParameters", f"Parameter {name}: {value!r} is not among the allowed values.")
    pattern = parameter.get("allowedPattern")
    if pattern and not re.fullmatch(_without_anchors(pattern), value):
        raise DocumentError("InvalidParameters", f"Parameter {name}: {value!r} does not match {pattern}.")
    if not parameter.get("minChars", 0) <= len(value) <= parameter.get("maxChars", len(value)):
        raise DocumentError("InvalidParameters", f"Parameter {name}: {value!r} is too short or too long.")


def can_agent_compile(pattern: str) -> bool:
    """Whether the SSM Agent can check a value by that allowedPattern.

    AWS takes a document with any pattern. Before it runs a command, the agent compiles the patterns of all parameters
    by Go's regexp, and refuses the command if one can't be compiled (amazon-ssm-agent, docparser/paramvalidator). Go
    knows no look-around and no back reference, and no repetition that makes, with those inside it, more than 1000
    ("invalid repeat count"; Go, regexp/syntax, repeatIsValid). Such a document is refused here.
    """
    if _UNKNOWN_TO_GO.search(pattern):
        return False
    groups, most = [1], 1  # the most repetitions in each open group, and in what a quantifier would follow
    for piece in _OF_A_PATTERN.finditer(pattern):
        if piece[0] == "(":
            groups.append(1)
        elif piece[0] == ")":
            most = groups.pop()
        elif piece[1]:
            most *= int(piece[3] or piece[1])
        elif piece[0] not in "*+?":
            most = 1
        if most > _MOST_REPETITIONS:
            return False
        groups[-1] = max(groups[-1], most)
    return True


def _without_anchors(pattern: str) -> str:
    return pattern.removeprefix("^").removesuffix("$")


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
