#!/usr/bin/env bash
# ministack 1.5.33 (PyPI): in a state that uses JSONPath, a path that leads nowhere is null, and the execution goes on. A misspelt field
# of the input is no error: the task works without it, a Wait does not wait, a Map has one item, a Choice takes its Default. The
# Amazon States Language (Payload Template): such a path fails the execution with States.ParameterPathFailure; the Step Functions
# Developer Guide ("Handling errors"): a path that can't be applied at run time is States.Runtime. In JSONata it fails here, too.
#
#   Parameters {"node.$": "$.nod"}           {"node": null}              (AWS: fails)
#   States.Format('stop {}', $.nod)          stop None                   (AWS: fails)
#   Wait, SecondsPath $.second               waits 0 s                   (AWS: fails)
#   Map, ItemsPath $.node                    runs once, with null        (AWS: fails)
#   Choice on $.proven, which is not there   Default                     (AWS: fails)
#   JSONata, $states.input.nod               States.QueryEvaluationError
#
# What to do: write states in JSONata, or lint their paths against a sample of the input.
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
from machines import start, wait_for
from saw import says

INPUT = {"node-a": "db-01"}


def run(state, **more):
    found = wait_for(start({"StartAt": "S", "States": {"S": {"End": True, **state}}, **more}, INPUT))
    return f"{found['status']} {found.get('error') or found['output']}"


def choose(rule):
    lost = {"Type": "Pass", "Result": "fail over", "End": True}
    stay = {"Type": "Pass", "Result": "stay", "End": True}
    choice = {"Type": "Choice", "Choices": [{"Variable": "$.proven", **rule, "Next": "L"}], "Default": "D"}
    found = wait_for(start({"StartAt": "S", "States": {"S": choice, "L": lost, "D": stay}}, INPUT))
    return f"{found['status']} {found.get('error') or found['output']}"


once = {"StartAt": "I", "States": {"I": {"Type": "Pass", "End": True}}}
says("Parameters", 'SUCCEEDED {"node": null}', run({"Type": "Pass", "Parameters": {"node.$": "$.nod"}}))
formatted = {"Type": "Pass", "Parameters": {"do.$": "States.Format('stop {}', $.nod)"}}
says("Parameters, States.Format", 'SUCCEEDED {"do": "stop None"}', run(formatted))
says("InputPath", "SUCCEEDED null", run({"Type": "Pass", "InputPath": "$.nod"}))
says("Wait, SecondsPath", 'SUCCEEDED {"node-a": "db-01"}', run({"Type": "Wait", "SecondsPath": "$.second"}))
says("Map, ItemsPath", "SUCCEEDED [null]", run({"Type": "Map", "ItemsPath": "$.node", "ItemProcessor": once}))
says("Choice, BooleanEquals", 'SUCCEEDED "stay"', choose({"BooleanEquals": True}))
in_jsonata = run({"Type": "Pass", "Output": "{% $states.input.nod %}"}, QueryLanguage="JSONata")
says("JSONata", "FAILED States.QueryEvaluationError", in_jsonata)
PY
