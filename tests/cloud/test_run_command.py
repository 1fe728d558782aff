"""Documents, commands and associations behave as Systems Manager's do."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.cloud.conftest import Account, Instance, eventually, name

_PARAMETERS = {
    "Verb": {"type": "String", "allowedValues": ["status", "fail", "wait"], "interpolationType": "ENV_VAR"},
    "Epoch": {"type": "String", "allowedPattern": "^[0-9]{1,9}$", "default": "0", "interpolationType": "ENV_VAR"},
}
_SCRIPT = [
    'echo "$SSM_Verb at $SSM_Epoch"',
    'echo "on stderr" >&2',
    'if [ "$SSM_Verb" = wait ]; then sleep 30; fi',
    'if [ "$SSM_Verb" = fail ]; then exit 12; fi',
]


def _content(script: list[str], **inputs: str) -> dict[str, Any]:
    return {
        "schemaVersion": "2.2",
        "description": "What the tests run",
        "parameters": _PARAMETERS,
        "mainSteps": [
            {"name": "run", "action": "aws:runShellScript", "inputs": {"runCommand": script, **inputs}},
        ],
    }


@pytest.fixture(scope="module")
def document(account: Account) -> str:
    return _create(account, _content(_SCRIPT))


@pytest.fixture(scope="module")
def instance(account: Account) -> Instance:
    return account.make_instance()


def _create(account: Account, content: dict[str, Any]) -> str:
    document = name("node")
    account.client("ssm").create_document(Name=document, Content=json.dumps(content), DocumentType="Command")
    return document


def _send(account: Account, document: str, instance: Instance, **parameters: str) -> str:
    command = account.client("ssm").send_command(
        DocumentName=document,
        InstanceIds=[instance.id],
        Parameters={key: [value] for key, value in parameters.items()},
        TimeoutSeconds=30,
    )["Command"]
    assert command["Status"] == "Pending"
    return str(command["CommandId"])


def _invocation(account: Account, command: str, instance: Instance) -> dict[str, Any]:
    ssm = account.client("ssm")

    def look() -> dict[str, Any] | None:
        try:
            return dict(ssm.get_command_invocation(CommandId=command, InstanceId=instance.id))
        except ssm.exceptions.InvocationDoesNotExist:
            return None

    return eventually(look, "the invocation being known")


def _end(account: Account, command: str, instance: Instance) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        invocation = _invocation(account, command, instance)
        return None if invocation["Status"] in ("Pending", "InProgress", "Cancelling") else invocation

    return eventually(look, "the command's end", 45)


def test_parameters_reach_the_script_as_environment_variables(
    account: Account, document: str, instance: Instance
) -> None:
    """Systems Manager User Guide, "Data elements and parameters": interpolationType ENV_VAR sets SSM_<parameter>."""
    invocation = _end(account, _send(account, document, instance, Verb="status", Epoch="7"), instance)
    assert (invocation["Status"], invocation["StatusDetails"], invocation["ResponseCode"]) == ("Success", "Success", 0)
    assert invocation["StandardOutputContent"] == "status at 7\n"
    assert invocation["StandardErrorContent"] == "on stderr\n"


def test_a_script_that_fails_gives_its_exit_code(account: Account, document: str, instance: Instance) -> None:
    """Systems Manager API Reference, GetCommandInvocation: ResponseCode; "Understanding command statuses": Failed."""
    invocation = _end(account, _send(account, document, instance, Verb="fail"), instance)
    assert (invocation["Status"], invocation["ResponseCode"]) == ("Failed", 12)
    listed = account.client("ssm").list_command_invocations(CommandId=invocation["CommandId"], Details=True)
    (seen,) = listed["CommandInvocations"]
    (plugin,) = seen["CommandPlugins"]
    assert (seen["Status"], plugin["ResponseCode"]) == ("Failed", 12)
    assert plugin["Output"].startswith("fail at 0")


@pytest.mark.parametrize(
    "parameters",
    [{"Verb": ["format"]}, {"Verb": ["status"], "Epoch": ["1; reboot"]}, {}, {"Verb": ["status"], "Extra": ["1"]}],
    ids=["not an allowed value", "against the pattern", "missing", "unknown"],
)
def test_parameters_that_the_document_does_not_allow_are_refused(
    account: Account, document: str, instance: Instance, parameters: dict[str, list[str]]
) -> None:
    """Systems Manager API Reference, SendCommand: InvalidParameters."""
    ssm = account.client("ssm")
    with pytest.raises(ssm.exceptions.InvalidParameters):
        ssm.send_command(DocumentName=document, InstanceIds=[instance.id], Parameters=parameters)


def test_unknown_documents_and_instances_are_refused(account: Account, document: str, instance: Instance) -> None:
    """Systems Manager API Reference, SendCommand: InvalidDocument, InvalidInstanceId."""
    ssm = account.client("ssm")
    with pytest.raises(ssm.exceptions.InvalidDocument):
        ssm.send_command(DocumentName="no-such-document", InstanceIds=[instance.id])
    with pytest.raises(ssm.exceptions.InvalidInstanceId):
        ssm.send_command(DocumentName=document, InstanceIds=["i-0123456789abcdef0"], Parameters={"Verb": ["status"]})


def test_a_stopped_instance_takes_no_commands(account: Account, document: str) -> None:
    """Systems Manager API Reference, SendCommand: InvalidInstanceId, "The managed node isn't in a valid state"."""
    stopped, ssm = account.make_instance(), account.client("ssm")
    account.client("ec2").stop_instances(InstanceIds=[stopped.id], Force=True, SkipOsShutdown=True)
    eventually(lambda: account.state_of(stopped) == "stopped", "stopped")
    with pytest.raises(ssm.exceptions.InvalidInstanceId):
        ssm.send_command(DocumentName=document, InstanceIds=[stopped.id], Parameters={"Verb": ["status"]})


def test_an_invocation_is_not_known_at_once(account: Account, document: str, instance: Instance) -> None:
    """Systems Manager API Reference, GetCommandInvocation: InvocationDoesNotExist."""
    ssm = account.client("ssm")
    with pytest.raises(ssm.exceptions.InvocationDoesNotExist):
        ssm.get_command_invocation(CommandId="00000000-0000-0000-0000-000000000000", InstanceId=instance.id)
    command = _send(account, document, instance, Verb="status")
    assert ssm.list_command_invocations(CommandId=command)["CommandInvocations"] == []
    _end(account, command, instance)


def test_a_silent_agent_gets_the_command_when_it_is_back_unless_it_is_cancelled(
    account: Account, document: str
) -> None:
    """Systems Manager User Guide, "Understanding command statuses": Pending; API Reference, CancelCommand."""
    silent, ssm = account.make_instance(), account.client("ssm")
    _end(account, _send(account, document, silent, Verb="status"), silent)  # the agent is known
    (silent.host / "faults.json").write_text('{"aws": "down"}')
    late = _send(account, document, silent, Verb="status")
    cancelled = _send(account, document, silent, Verb="status")
    assert _invocation(account, late, silent)["Status"] == "Pending"
    ssm.cancel_command(CommandId=cancelled, InstanceIds=[silent.id])
    assert _invocation(account, cancelled, silent)["Status"] == "Cancelled"
    (silent.host / "faults.json").write_text("{}")
    assert _end(account, late, silent)["Status"] == "Success"
    assert silent.history().count("deliver") == 2


def test_a_delivery_time_below_the_shortest_is_refused(account: Account, document: str, instance: Instance) -> None:
    """Systems Manager API Reference, SendCommand: TimeoutSeconds, minimum value of 30."""
    with pytest.raises(ClientError, match="ValidationException"):
        account.client("ssm", parameter_validation=False).send_command(
            DocumentName=document, InstanceIds=[instance.id], Parameters={"Verb": ["status"]}, TimeoutSeconds=10
        )


def test_a_script_that_takes_too_long_is_ended(account: Account, instance: Instance) -> None:
    """Systems Manager User Guide, "Understanding command statuses": Execution Timed Out (the step's timeoutSeconds)."""
    slow = _create(account, _content(_SCRIPT, timeoutSeconds="1"))
    invocation = _end(account, _send(account, slow, instance, Verb="wait"), instance)
    assert (invocation["Status"], invocation["StatusDetails"]) == ("TimedOut", "ExecutionTimedOut")


def test_long_output_is_cut(account: Account, instance: Instance) -> None:
    """Systems Manager API Reference, GetCommandInvocation: the first 24,000 characters of the standard output."""
    talkative = _create(account, _content(["head -c 30000 /dev/zero | tr '\\0' x"]))
    invocation = _end(account, _send(account, talkative, instance, Verb="status"), instance)
    assert len(invocation["StandardOutputContent"]) == 24_000


def test_the_ping_status_lags(account: Account, document: str, instance: Instance) -> None:
    """Systems Manager API Reference, InstanceInformation: PingStatus is of the last ping, not of now."""
    _end(account, _send(account, document, instance, Verb="status"), instance)
    ssm = account.client("ssm")
    filters = [{"Key": "InstanceIds", "Values": [instance.id]}]
    account.client("ec2").stop_instances(InstanceIds=[instance.id], Force=True, SkipOsShutdown=True)
    eventually(lambda: account.state_of(instance) == "stopped", "stopped")
    (seen,) = ssm.describe_instance_information(Filters=filters)["InstanceInformationList"]
    assert seen["PingStatus"] == "Online"
    account.client("ec2").start_instances(InstanceIds=[instance.id])
    eventually(lambda: instance.history()[-1] == "boot", "boot")


def test_documents_are_checked_when_they_are_made(account: Account, document: str) -> None:
    """Systems Manager API Reference, CreateDocument: its errors; endpoints and quotas: 64 KB for a document."""
    ssm = account.client("ssm")
    assert json.loads(ssm.get_document(Name=document)["Content"])["schemaVersion"] == "2.2"
    described = ssm.describe_document(Name=document)["Document"]
    assert {parameter["Name"] for parameter in described["Parameters"]} == set(_PARAMETERS)
    with pytest.raises(ssm.exceptions.DocumentAlreadyExists):
        ssm.create_document(Name=document, Content=json.dumps(_content([])), DocumentType="Command")
    with pytest.raises(ssm.exceptions.InvalidDocumentContent):
        ssm.create_document(Name=name("node"), Content="{", DocumentType="Command")
    with pytest.raises(ssm.exceptions.MaxDocumentSizeExceeded):
        ssm.create_document(Name=name("node"), Content=json.dumps(_content(["x" * 65_536])), DocumentType="Command")


def test_a_new_version_runs_only_when_it_is_asked_for(account: Account, instance: Instance) -> None:
    """Systems Manager API Reference, SendCommand: DocumentVersion; CloudFormation was seen to leave the default."""
    document, stack, cloudformation = name("node"), name("stack"), account.client("cloudformation")
    ssm = account.client("ssm")

    def deploy(word: str) -> None:
        properties: dict[str, Any] = {"Name": document, "UpdateMethod": "NewVersion", "DocumentType": "Command"}
        properties["Content"] = _content([f"echo {word}"])
        template = {"Resources": {"Document": {"Type": "AWS::SSM::Document", "Properties": properties}}}
        is_new = word == "old"
        change = cloudformation.create_stack if is_new else cloudformation.update_stack
        change(StackName=stack, TemplateBody=json.dumps(template))
        wanted = "CREATE_COMPLETE" if is_new else "UPDATE_COMPLETE"
        eventually(
            lambda: cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"] == wanted, wanted
        )

    def said(**version: str) -> str:
        parameters = {"Verb": ["status"]}
        sent = ssm.send_command(DocumentName=document, InstanceIds=[instance.id], Parameters=parameters, **version)
        return str(_end(account, sent["Command"]["CommandId"], instance)["StandardOutputContent"]).strip()

    deploy("old")
    deploy("new")
    assert (said(), said(DocumentVersion="$LATEST"), said(DocumentVersion="1")) == ("old", "new", "old")
    with pytest.raises(ssm.exceptions.InvalidDocumentVersion):
        said(DocumentVersion="3")


def test_a_stack_makes_documents_and_runs_associations_now_and_at_every_boot(account: Account) -> None:
    """CloudFormation Template Reference, AWS::SSM::Document (Ref) and AWS::SSM::Association (Ref, Parameters, Targets);
    "AWS::Include transform": the content comes from a file in a bucket."""
    instance, bucket = account.make_instance(), name("bucket")
    s3, cloudformation = account.client("s3"), account.client("cloudformation")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "ap-northeast-1"})
    s3.put_object(Bucket=bucket, Key="document.json", Body=json.dumps(_content(_SCRIPT)).encode())
    include = {"Name": "AWS::Include", "Parameters": {"Location": f"s3://{bucket}/document.json"}}
    template = {
        "Resources": {
            "Document": {
                "Type": "AWS::SSM::Document",
                "Properties": {"DocumentType": "Command", "Content": {"Fn::Transform": include}},
            },
            "Association": {
                "Type": "AWS::SSM::Association",
                "Properties": {
                    "Name": {"Ref": "Document"},
                    "Targets": [{"Key": "InstanceIds", "Values": [instance.id]}],
                    "Parameters": {"Verb": ["status"]},
                },
            },
        },
        "Outputs": {
            "Document": {"Value": {"Ref": "Document"}},
            "Association": {"Value": {"Fn::GetAtt": ["Association", "AssociationId"]}},
        },
    }
    stack = name("stack")
    cloudformation.create_stack(
        StackName=stack, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_AUTO_EXPAND"]
    )

    def finished() -> dict[str, Any] | None:
        (described,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
        return None if described["StackStatus"].endswith("IN_PROGRESS") else dict(described)

    described = eventually(finished, "the stack")
    assert described["StackStatus"] == "CREATE_COMPLETE"
    outputs = {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}
    assert account.client("ssm").describe_document(Name=outputs["Document"])["Document"]["Status"] == "Active"
    eventually(lambda: instance.history() == ["boot", "deliver"], "the association's first run")
    account.client("ec2").reboot_instances(InstanceIds=[instance.id])
    eventually(lambda: instance.history() == ["boot", "deliver", "shutdown", "boot", "deliver"], "run after the boot")
    cloudformation.delete_stack(StackName=stack)
    ssm = account.client("ssm")

    def is_gone() -> bool:
        try:
            ssm.describe_document(Name=outputs["Document"])
        except ssm.exceptions.InvalidDocument:
            return True
        return False

    eventually(is_gone, "the document's end")


def test_a_command_that_is_not_delivered_in_time_never_runs(
    account: Account, undelivered_command: tuple[Instance, str]
) -> None:
    """Systems Manager API Reference, SendCommand: TimeoutSeconds; User Guide, "Understanding command statuses"."""
    silent, command = undelivered_command
    invocation = _end(account, command, silent)
    assert (invocation["Status"], invocation["StatusDetails"]) == ("TimedOut", "DeliveryTimedOut")
    assert invocation["ResponseCode"] == -1
    assert "deliver" not in silent.history()
