#!/usr/bin/env bash
# ministack 1.5.33 (PyPI): every exception of a Python function is called Runtime.HandlerError. The AWS Lambda Developer Guide
# ("AWS Lambda function errors in Python") has the exception's class in errorType, as in {"errorType": "KeyError"}, and a
# Task of Step Functions fails with that name. So a workflow that retries or catches by the class of the exception never does,
# and fails where it would go on in AWS; one that catches the emulator's name works here alone.
#
#   Invoke, errorType                      Runtime.HandlerError    (AWS: TooSoon)
#   Catch "TooSoon"                        FAILED                  (AWS: caught)
#
# What to do: test here only what is caught by States.TaskFailed or States.ALL.
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
import io, json, zipfile, boto3
from machines import ROLE, start, states, wait_for
from saw import says

code = "class TooSoon(Exception):\n    pass\n\ndef handle(event, context):\n    raise TooSoon('later')\n"
archive = io.BytesIO()
with zipfile.ZipFile(archive, "w") as file:
    file.writestr("function.py", code)
functions = boto3.client("lambda")
function = functions.create_function(
    FunctionName="f", Runtime="python3.12", Role=ROLE, Handler="function.handle", Code={"ZipFile": archive.getvalue()})
answer = functions.invoke(FunctionName="f", Payload=b"{}")
says("Invoke, FunctionError", "Unhandled", answer["FunctionError"])
says("Invoke, errorType", "Runtime.HandlerError", json.load(answer["Payload"])["errorType"])


def run(name):
    task = {
        "Type": "Task", "Resource": function["FunctionArn"], "End": True,
        "Retry": [{"ErrorEquals": [name], "IntervalSeconds": 1, "MaxAttempts": 1}],
        "Catch": [{"ErrorEquals": [name], "Next": "Caught"}],
    }
    caught = {"Type": "Pass", "Result": "caught", "End": True}
    execution = start({"StartAt": "Call", "States": {"Call": task, "Caught": caught}})
    end = wait_for(execution)["status"]
    events = states.get_execution_history(executionArn=execution)["events"]
    return f"{end} after {sum(event['type'] == 'TaskFailed' for event in events)} calls"


says('Retry and Catch "TooSoon"', "FAILED after 1 calls", run("TooSoon"))
says('Retry and Catch "Runtime.HandlerError"', "SUCCEEDED after 2 calls", run("Runtime.HandlerError"))
PY
