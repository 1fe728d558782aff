#!/usr/bin/env bash
# ministack 1.5.33 (PyPI): a Choice state takes rules that it does not know, and holds them for false. The Step Functions
# Developer Guide ("Choice workflow state") has a form ending in Path for each comparison, which compares with another value
# of the input: here those of timestamps and those of strings other than equality never match. IsNumeric calls true a number,
# and IsPresent holds for absent what is there and null (IsNull is for that). The execution takes Default, and succeeds.
#
#   TimestampLessThanPath of 2026-01 and 2026-02    no     (AWS: yes)
#   StringLessThanPath of a and b                   no     (AWS: yes)
#   IsNumeric of true                               yes    (AWS: no)
#   IsPresent of null                               no     (AWS: yes)
#
# What to do: compare in JSONata, or with a constant.
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


def choose(rule, data):
    found = wait_for(start({"StartAt": "C", "States": {
        "C": {"Type": "Choice", "Choices": [{"Variable": "$.a", **rule, "Next": "Y"}], "Default": "N"},
        "Y": {"Type": "Pass", "Result": "yes", "End": True},
        "N": {"Type": "Pass", "Result": "no", "End": True}}}, data))
    return found["output"].strip('"')


january, february = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"
says("TimestampLessThan, a constant", "yes", choose({"TimestampLessThan": february}, {"a": january}))
says("TimestampLessThanPath", "no", choose({"TimestampLessThanPath": "$.b"}, {"a": january, "b": february}))
says("TimestampEqualsPath, the same", "no", choose({"TimestampEqualsPath": "$.b"}, {"a": january, "b": january}))
says("NumericLessThanPath of 1 and 2", "yes", choose({"NumericLessThanPath": "$.b"}, {"a": 1, "b": 2}))
says("StringLessThanPath of a and b", "no", choose({"StringLessThanPath": "$.b"}, {"a": "a", "b": "b"}))
says("IsNumeric of true", "yes", choose({"IsNumeric": True}, {"a": True}))
says("IsPresent of null", "no", choose({"IsPresent": True}, {"a": None}))
PY
