"""The commands of "Stop the controller now" do what the page says, on the deployed stack."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore import xform_name

from testbed.judges.observer import list_executions
from testbed.run.bed import Testbed
from testbed.world.waiting import wait_until

PAGE = (Path(__file__).parents[2] / "docs/operations.md").read_text()
SECTION = PAGE.partition("\n## Stop the controller now\n")[2].partition("\n## ")[0]
STOP, SWITCH_OFF = [
    [line.removeprefix("$ ") for line in block.splitlines() if line.startswith("$ ")]
    for block in re.findall(r"```console\n(.*?)```", SECTION, re.DOTALL)
]
OF_THE_COMMAND_LINE = {"query", "output", "cli-binary-format"}


def run(bed: Testbed, command: str, **given: str) -> Any:
    """What `aws` does with the line: the same operation with the same parameters. Raises on any that do not exist."""
    aws, service, operation, *rest = shlex.split(command)
    assert aws == "aws"
    client = bed.clients._client(service)
    method = operation.replace("-", "_")
    shape = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[method]).input_shape
    members = {xform_name(name, "-"): (name, member) for name, member in shape.members.items()}
    arguments: dict[str, Any] = {}
    while rest and rest[0].startswith("--"):
        option, value = rest.pop(0)[2:], rest.pop(0)
        if option not in OF_THE_COMMAND_LINE:
            name, member = members[option]
            value = given.get(value, value)
            arguments[name] = int(value) if member.type_name == "integer" else value
    assert rest in ([], ["/dev/stdout"])
    return getattr(client, method)(**arguments)


@pytest.fixture
def stopped(bed: Testbed) -> Iterator[Testbed]:
    yield bed
    function = bed.stack.outputs["WatchClusterFunctionName"]
    bed.clients.functions.delete_function_concurrency(FunctionName=function)
    for rule in bed.stack.rules:
        bed.clients.events.enable_rule(Name=rule)


def test_from_the_first_line_on_nothing_starts_and_from_the_last_on_nothing_runs(bed: Testbed) -> None:
    invoke, list_running, stop = STOP
    # An execution that stays for long: it looks again and again at a node that does not answer.
    bed.hosts["db-01"].set_fault("aws", "down")
    started = bed.clients.stepfunctions.start_execution(stateMachineArn=bed.stack.state_machine_arn, input="{}")

    said = json.loads(run(bed, invoke)["Payload"].read())
    assert said["isOn"], said
    for machine in bed.stack.state_machines:
        for execution in run(bed, list_running, STATE_MACHINE_ARN=machine)["executions"]:
            run(bed, stop, EXECUTION_ARN=execution["executionArn"])

    assert list_executions(bed.clients, bed.stack, statusFilter="RUNNING") == []
    ended = bed.clients.stepfunctions.describe_execution(executionArn=started["executionArn"])
    assert (ended["status"], ended.get("cause")) == ("ABORTED", "stopped by hand")

    bed.hosts["db-01"].power_off()
    bed.make_stage(lambda _text: None).repeat_alarm_event("db-01", "heartbeat-lost", 1)
    wait_until(lambda: not list_executions(bed.clients, bed.stack, statusFilter="RUNNING"), "the event's end", 90, 0.5)
    assert bed.hosts["db-02"].mirror.view("db-02").role == "secondary"


def test_what_starts_executions_can_be_switched_off_one_by_one(stopped: Testbed) -> None:
    function = stopped.stack.outputs["WatchClusterFunctionName"]
    for command in SWITCH_OFF:
        run(stopped, command, WATCH_CLUSTER_FUNCTION=function)
    starting = {
        name
        for name in stopped.stack.rules
        for target in stopped.clients.events.list_targets_by_rule(Rule=name)["Targets"]
        if target["Arn"] in stopped.stack.state_machines or target["Arn"].endswith(f":function:{function}")
    }
    on = {name for name in starting if stopped.clients.events.describe_rule(Name=name)["State"] == "ENABLED"}
    assert starting
    assert on == set()
    limit = stopped.clients.functions.get_function_concurrency(FunctionName=function)
    assert limit["ReservedConcurrentExecutions"] == 0
