#!/usr/bin/env bash
# ministack 1.5.33 (PyPI) runs a Parallel state as if it had no JSONata: its Arguments, Output and Assign do nothing, without
# an error, while Output and Assign of a Pass state work. And variables that a branch assigns are there after it. The Step
# Functions Developer Guide: Parallel has all three fields ("Parallel workflow state"); a branch has variables of its own, which
# go out of scope with it ("Passing data between states with variables", Variable scope). There, under Evaluation order: all
# expressions of an Assign see the values from before it. Here each sees what the one before it has assigned.
#
#   Output {"count": 2}                 [1, 2]          (AWS: {"count": 2})
#   Arguments {"n": 6}, input of 5      number 5        (AWS: n 6)
#   $inner after its branch             there           (AWS: not there)
#   Assign x: $y, y: $x of 1 and 2      x 2, y 2        (AWS: x 2, y 1)
#
# What to do: make Parallel's output in a Pass state after it, and give each variable one name in the whole machine.
# Needs Python 3.10 or newer with venv, and its registry. Everything listens on the loopback interface alone.
set -euo pipefail
folder=$(mktemp -d)
server=""
trap '[[ -z $server ]] || { kill "$server"; wait "$server" || true; }; rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check ministack==1.5.33 boto3==1.43.106 jsonata-python==0.7.1
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
from machines import start, wait_for
from saw import says


def run(first, **states):
    found = wait_for(start({"QueryLanguage": "JSONata", "StartAt": first, "States": states}, {"number": 5}))
    return found["output"] if found["status"] == "SUCCEEDED" else found["error"]


def parallel(*values, **fields):
    branches = [{"StartAt": "B", "States": {"B": {"Type": "Pass", "Output": value, "End": True}}} for value in values]
    return {"Type": "Parallel", "Branches": branches, **fields}


says("Output", "[1, 2]", run("P", P=parallel(1, 2, Output={"count": "{% $count($states.result) %}"}, End=True)))
says("Arguments", '[{"number": 5}]', run("P", P=parallel("{% $states.input %}", Arguments={"n": 6}, End=True)))
show = {"Type": "Pass", "Output": "{% $exists($there) %}", "End": True}
says("Assign, then $exists", "false", run("P", P=parallel(1, Assign={"there": 1}, Next="Show"), Show=show))
task = {"Type": "Pass", "Assign": {"there": 1}, "End": True}
branch = {"Type": "Parallel", "Branches": [{"StartAt": "B", "States": {"B": task}}], "Next": "Show"}
says("Assign in a branch, then $exists", "true", run("P", P=branch, Show=show))
says("Assign that swaps 1 and 2", "[2, 2]", run(
    "One", One={"Type": "Pass", "Assign": {"x": 1, "y": 2}, "Next": "Swap"},
    Swap={"Type": "Pass", "Assign": {"x": "{% $y %}", "y": "{% $x %}"}, "Next": "Last"},
    Last={"Type": "Pass", "Output": ["{% $x %}", "{% $y %}"], "End": True}))
PY
