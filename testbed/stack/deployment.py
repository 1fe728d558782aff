"""Builds and deploys the real template.yaml to the local cloud with the SAM CLI.

Nothing about the template is changed for that: only its parameters get the installation's ids and the profile's times,
and the layer's packages are resolved for this machine, whose Python the local cloud's functions run with.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from testbed.stack.endpoint import Clients
from testbed.stack.sam import find_sam
from testbed.world.files import exclusively

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackResourceSummaryTypeDef

REPOSITORY = Path(__file__).resolve().parents[2]
SCRATCH = REPOSITORY / ".testbed"
if not os.access(SCRATCH if SCRATCH.exists() else REPOSITORY, os.W_OK):  # somebody else's
    SCRATCH = Path(tempfile.gettempdir()) / f"garoon-testbed-{os.getuid()}"
STACK_NAME = "garoon-failover"
ARTIFACTS = "garoon-failover-artifacts"
_BUILDS_KEPT = 2
# What the built template is made of, beside the Python that the layer's packages are chosen for.
_SOURCES = ("template.yaml", "functions", "layers", "statemachines", "node")


class DeploymentError(RuntimeError):
    """The SAM CLI failed; the message ends with what it printed last."""


@dataclass(frozen=True)
class Stack:
    """The deployed stack."""

    name: str
    outputs: Mapping[str, str]
    roles: frozenset[str]
    rules: tuple[str, ...]
    alarms: tuple[str, ...]
    state_machines: tuple[str, ...]
    """ARNs of all workflows."""

    @property
    def state_machine_arn(self) -> str:
        """ARN of the failover workflow."""
        return self.outputs["FailoverStateMachineArn"]

    @property
    def cluster_table(self) -> str:
        return self.outputs["ClusterTableName"]

    @property
    def topic_arn(self) -> str:
        return self.outputs["NotificationTopicArn"]

    @property
    def document(self) -> str:
        return self.outputs["NodeDocumentName"]

    def is_controller(self, caller: str) -> bool:
        """Whether that caller (an ARN of a role or of its session) is one of the stack's own roles."""
        return any(part in self.roles for part in caller.split("/"))


def build(product: Path = REPOSITORY) -> Path:
    """The built template's path. Builds only if a source has changed since one of the last builds.

    `product` is the working tree whose template it is: another commit's, where two are compared.
    Raises DeploymentError.
    """
    builds = SCRATCH / "builds"
    builds.mkdir(parents=True, exist_ok=True)
    # Test workers build the same thing at the same time: one builds, the others find it done.
    with exclusively(SCRATCH / "build.lock"):
        target = builds / _fingerprint(product)
        if not target.exists():
            # A directory beside the final one: the built template refers to the sources by relative paths.
            unfinished = builds / "unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)
            _run(
                [
                    "build",
                    *("--template-file", str(product / "template.yaml")),
                    *("--build-dir", str(unfinished)),
                    *("--cached", "--cache-dir", str(SCRATCH / "sam-cache")),
                ],
                {"LAYER_TARGET": "host"},
            )
            unfinished.rename(target)
        os.utime(target)
        for old in sorted(builds.iterdir(), key=lambda path: path.stat().st_mtime)[:-_BUILDS_KEPT]:
            shutil.rmtree(old, ignore_errors=True)
    return target / "template.yaml"


def deploy(clients: Clients, template: Path, parameters: Mapping[str, str]) -> Stack:
    """Deploys the built template, or updates the stack with it: what is not given stays. Raises DeploymentError."""
    with suppress(clients.s3.exceptions.BucketAlreadyOwnedByYou):
        clients.s3.create_bucket(Bucket=ARTIFACTS, CreateBucketConfiguration={"LocationConstraint": "ap-northeast-1"})
    _run(
        [
            "deploy",
            *("--template-file", str(template)),
            *("--stack-name", STACK_NAME),
            *("--s3-bucket", ARTIFACTS),
            *("--capabilities", "CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"),
            "--no-confirm-changeset",
            "--no-fail-on-empty-changeset",
            "--no-progressbar",
            *(["--parameter-overrides"] if parameters else []),
            *(f"{name}={value}" for name, value in parameters.items()),
        ],
        {**clients.endpoint.environment(), "SAM_CLI_POLL_DELAY": "0.5"},
    )
    return describe(clients)


def change(clients: Clients, parameters: Mapping[str, str]) -> None:
    """Gives the deployed stack these parameters; the template and the others stay. Raises WaiterError.

    As the console's "Use current template" does.
    """
    stack = clients.cloudformation.describe_stacks(StackName=STACK_NAME)["Stacks"][0]
    told = {parameter["ParameterKey"]: parameter.get("ParameterValue") for parameter in stack.get("Parameters", [])}
    clients.cloudformation.update_stack(
        StackName=STACK_NAME,
        UsePreviousTemplate=True,
        Parameters=[
            {"ParameterKey": name, "ParameterValue": parameters[name]}
            if name in parameters
            else {"ParameterKey": name, "UsePreviousValue": True}
            for name in told
        ],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    clients.cloudformation.get_waiter("stack_update_complete").wait(
        StackName=STACK_NAME, WaiterConfig={"Delay": 1, "MaxAttempts": 120}
    )


def describe(clients: Clients) -> Stack:
    """The deployed stack's outputs and the names of what the drill must know of it."""
    names: dict[str, list[str]] = {}
    for resource in list_resources(clients, STACK_NAME):
        names.setdefault(resource["ResourceType"], []).append(resource.get("PhysicalResourceId", ""))
    return Stack(
        STACK_NAME,
        read_outputs(clients, STACK_NAME),
        frozenset(name.rpartition("/")[2] for name in names.get("AWS::IAM::Role", [])),
        tuple(name.rpartition("/")[2] for name in names.get("AWS::Events::Rule", [])),
        tuple(names.get("AWS::CloudWatch::Alarm", [])),
        tuple(names.get("AWS::StepFunctions::StateMachine", [])),
    )


def read_outputs(clients: Clients, stack_name: str) -> dict[str, str]:
    """What that stack tells, by the names of its outputs."""
    stack = clients.cloudformation.describe_stacks(StackName=stack_name)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def list_resources(clients: Clients, stack_name: str) -> Iterator[StackResourceSummaryTypeDef]:
    """All that the stack consists of."""
    for page in clients.cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack_name):
        yield from page["StackResourceSummaries"]


@contextmanager
def changed_parameters(clients: Clients, parameters: Mapping[str, str]) -> Iterator[None]:
    """Lets the deployed functions run with other stack parameters while the context is open.

    A parameter reaches them as the environment variable of its name (template.yaml, Globals), and that is what is
    changed: as a deployment would, but in a second. Raises LookupError for one that reaches no function.
    """
    wanted = {re.sub(r"(?<!^)(?=[A-Z])", "_", name).upper(): value for name, value in parameters.items()}
    functions = clients.functions.list_functions()["Functions"] if wanted else []
    told = {function["FunctionName"]: function.get("Environment", {}).get("Variables", {}) for function in functions}
    before = {name: variables for name, variables in told.items() if wanted.keys() & variables.keys()}
    if missing := wanted.keys() - {name for variables in before.values() for name in variables}:
        raise LookupError(f"No function is told {', '.join(sorted(missing))}.")
    changed = {
        name: {variable: wanted.get(variable, value) for variable, value in variables.items()}
        for name, variables in before.items()
    }
    _set_environments(clients, changed)
    try:
        yield
    finally:
        _set_environments(clients, before)


def _set_environments(clients: Clients, environments: Mapping[str, Mapping[str, str]]) -> None:
    for name, variables in environments.items():
        clients.functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
    for name in environments:
        clients.functions.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})


def _fingerprint(product: Path) -> str:
    digest = hashlib.sha256(sys.version.encode())
    for source in _SOURCES:
        path = product / source
        files = [path] if path.is_file() else sorted(path.rglob("*"))
        for file in files:
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(f"{file.relative_to(product)}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _run(arguments: list[str], environment: Mapping[str, str]) -> None:
    try:
        sam = find_sam()
    except FileNotFoundError as missing:
        raise DeploymentError(str(missing)) from missing
    # SAM leaves an empty directory behind for each file that it uploads.
    with tempfile.TemporaryDirectory() as scratch:
        result = subprocess.run(
            [str(sam), *arguments],
            cwd=REPOSITORY,
            env={
                **os.environ,
                "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
                "SAM_CLI_TELEMETRY": "0",
                "TMPDIR": scratch,
                **environment,
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    if result.returncode != 0:
        printed = (result.stdout + result.stderr).strip()
        raise DeploymentError(f"`sam {arguments[0]}` failed:\n{printed[-4000:]}")
