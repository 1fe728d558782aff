#!/usr/bin/env bash
# ministack 1.5.33 (PyPI): of Step Functions' time-outs it knows a task's TimeoutSeconds. Three others are read over, without an
# error: the execution succeeds, or waits on. The Step Functions Developer Guide: a state machine's TimeoutSeconds ends an execution
# that runs longer with States.Timeout ("State machine structure"; its status is then TIMED_OUT); a task fails with
# States.HeartbeatTimeout when HeartbeatSeconds pass without a heartbeat, and TimeoutSecondsPath takes the time-out from the
# input ("Task workflow state").
#
#   TimeoutSeconds 1 of the state machine, Wait 3          SUCCEEDED after 3 s
#   HeartbeatSeconds 1 and TimeoutSeconds 4 of a task      States.Timeout after 4 s
#   TimeoutSecondsPath, 1 in the input                     RUNNING after 4 s
#
# What to do: give each task a fixed TimeoutSeconds here; a state machine's own time-out can't be tested.
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
import time, boto3
from machines import start, states, wait_for
from saw import says

queues = boto3.client("sqs")
queue = queues.create_queue(QueueName="q")["QueueUrl"]
waiting = {
    "Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "End": True,
    "Parameters": {"QueueUrl": queue, "MessageBody": {"token.$": "$$.Task.Token"}},
}


def run(definition):
    begin = time.monotonic()
    found = wait_for(start(definition))
    return found, time.monotonic() - begin


found, seconds = run({"TimeoutSeconds": 1, "StartAt": "S", "States": {"S": {"Type": "Wait", "Seconds": 3, "End": True}}})
ending = f"{found['status']}, at least {min(int(seconds), 3)} s"
says("state machine, TimeoutSeconds 1, Wait 3", "SUCCEEDED, at least 3 s", ending)

found, seconds = run({"StartAt": "S", "States": {"S": {**waiting, "HeartbeatSeconds": 1, "TimeoutSeconds": 4}}})
ending = f"{found['error']}, at least {min(int(seconds), 4)} s"
says("task, HeartbeatSeconds 1, TimeoutSeconds 4", "States.Timeout, at least 4 s", ending)

execution = start({"StartAt": "S", "States": {"S": {**waiting, "TimeoutSecondsPath": "$.limit"}}}, {"limit": 1})
time.sleep(4)
says("task, TimeoutSecondsPath 1, after 4 s", "RUNNING", states.describe_execution(executionArn=execution)["status"])
PY
