#!/usr/bin/env bash
# ministack 1.5.33 (PyPI): StopExecution answers, and DescribeExecution says ABORTED, but the execution works on. It retries its
# task, and when its retries are used up it is FAILED, with a second last event. If a retry succeeds, its work is done although
# the execution was stopped. The Step Functions API Reference: StopExecution stops an execution and answers when that was; the
# error that it is given is the execution's.
#
#   after StopExecution     ABORTED, error Operator
#   some seconds later      FAILED, error of the task
#
# What to do: don't believe a test here that stops a workflow and then changes what the workflow works on.
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
from machines import start, states
from saw import says

queues = boto3.client("sqs")


def send_to(queue):
    address = queues.meta.endpoint_url + "/000000000000/" + queue
    return {"StartAt": "Send", "States": {"Send": {
        "Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "End": True,
        "Parameters": {"QueueUrl": address, "MessageBody": "from the workflow"},
        "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 3, "BackoffRate": 1, "MaxAttempts": 1}],
    }}}


def state_of(execution):
    found = states.describe_execution(executionArn=execution)
    return f"{found['status']}, error {found['error']}"


def last_events(execution):
    events = [event["type"] for event in states.get_execution_history(executionArn=execution)["events"]]
    return " ".join(events[events.index("ExecutionAborted"):])


def start_and_stop(queue):
    execution = start(send_to(queue))
    while not any(event["type"] == "TaskFailed" for event in states.get_execution_history(executionArn=execution)["events"]):
        time.sleep(0.1)
    states.stop_execution(executionArn=execution, error="Operator", cause="stopped by hand")
    return execution


execution = start_and_stop("never-made")
says("after StopExecution", "ABORTED, error Operator", state_of(execution))
for _ in range(60):
    time.sleep(1)
    if "ExecutionFailed" in last_events(execution):
        break
says("some seconds later", "FAILED, error SQS.QueueDoesNotExist", state_of(execution))
says("its events since then", "ExecutionAborted TaskScheduled TaskFailed ExecutionFailed", last_events(execution))

execution = start_and_stop("made-later")
says("another, after StopExecution", "ABORTED, error Operator", state_of(execution))
queue = queues.create_queue(QueueName="made-later")["QueueUrl"]
messages = []
for _ in range(60):
    messages = messages or queues.receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages", [])
says("what it sent since then", "from the workflow", " ".join(message["Body"] for message in messages))
PY
