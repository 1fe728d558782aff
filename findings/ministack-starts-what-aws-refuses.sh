#!/usr/bin/env bash
# ministack 1.5.33 (PyPI): a second StartExecution with the name and the input of one that runs is ExecutionAlreadyExists. The Step
# Functions API Reference: it is idempotent, and answers as the first did; only another input, or one that is closed, is an
# error. So a trigger that comes twice, which AWS takes care of, fails here. The other way about it takes what AWS refuses: input that
# is not JSON (InvalidExecutionInput), a definition that begins with a state that is not there (InvalidDefinition), and more than
# 256 KiB of input or result (Developer Guide, "Step Functions service quotas"; States.DataLimitExceeded).
#
#   same name, same input, runs       ExecutionAlreadyExists    (AWS: the same execution)
#   input "{"                         taken                     (AWS: InvalidExecutionInput)
#   StartAt names no state            taken                     (AWS: InvalidDefinition)
#   300,000 bytes of input            SUCCEEDED                 (AWS: an error)
#
# What to do: look at the size of what a workflow hands on in a test of one's own.
# Needs Python 3.10 or newer with venv, and its registry. Everything listens on the loopback interface alone.
set -euo pipefail
folder=$(mktemp -d)
server=""
trap '[[ -z $server ]] || { kill "$server"; wait "$server" || true; }; rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check ministack==1.5.33 boto3==1.43.106
port=$(venv/bin/python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export AWS_ACCESS_KEY_ID=x AWS_SECRET_ACCESS_KEY=x AWS_DEFAULT_REGION=ap-northeast-1
env TMPDIR="$folder" STATE_DIR="$folder/state" S3_DATA_DIR="$folder/s3" DOCKER_HOST="unix://$folder/no-docker.sock" SFTP_ENABLED=0 \
    IOT_MTLS_ENABLED=0 BIND_HOST=127.0.0.1 GATEWAY_PORT="$port" MINISTACK_REGION="$AWS_DEFAULT_REGION" \
    venv/bin/ministack >server.log 2>&1 &
server=$!
export AWS_ENDPOINT_URL="http://127.0.0.1:$port"
for ((tries = 0; tries < 120; tries++)); do
    venv/bin/python -c "import socket; socket.create_connection(('127.0.0.1', $port))" 2>/dev/null && break
    sleep 0.5
done

cat >saw.py <<'PY'
import sys


def says(what, expected, actual):
    print(f"{what:44} {actual}")
    if str(actual) != str(expected):
        sys.exit(f"This has changed: expected {expected!r}.")
PY
cat >machines.py <<'PY'
import json, time, boto3

states = boto3.client("stepfunctions")
ROLE = "arn:aws:iam::000000000000:role/workflow"


def start(definition, data=None):
    machine = states.create_state_machine(name=f"m{time.time_ns()}", definition=json.dumps(definition), roleArn=ROLE)
    execution = states.start_execution(stateMachineArn=machine["stateMachineArn"], input=json.dumps(data or {}))
    return execution["executionArn"]


def wait_for(execution):
    for _ in range(300):
        found = states.describe_execution(executionArn=execution)
        if found["status"] != "RUNNING":
            return found
        time.sleep(0.1)
    raise SystemExit("The execution did not end.")
PY
venv/bin/python - <<'PY'
import json
from botocore.exceptions import ClientError
from machines import ROLE, start, states, wait_for
from saw import says


def tried(call, **arguments):
    try:
        return "taken", call(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"], None


def machine(name, definition):
    return tried(states.create_state_machine, name=name, definition=json.dumps(definition), roleArn=ROLE)


waits = machine("waits", {"StartAt": "S", "States": {"S": {"Type": "Wait", "Seconds": 5, "End": True}}})[1]["stateMachineArn"]
lost = json.dumps({"lost": "db-01"})
says("the first", "taken", tried(states.start_execution, stateMachineArn=waits, name="lost", input=lost)[0])
second = tried(states.start_execution, stateMachineArn=waits, name="lost", input=lost)[0]
says("same name, same input, runs", "ExecutionAlreadyExists", second)
says("input that is not JSON", "taken", tried(states.start_execution, stateMachineArn=waits, input="{")[0])
passes = {"StartAt": "S", "States": {"S": {"Type": "Pass", "End": True}}}
says("StartAt names no state", "taken", machine("nowhere", {**passes, "StartAt": "T"})[0])
says("300,000 bytes of input", "SUCCEEDED", wait_for(start(passes, {"report": "x" * 300_000}))["status"])
PY
