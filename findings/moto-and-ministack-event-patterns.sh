#!/usr/bin/env bash
# moto 5.2.5 and ministack 1.5.33 (PyPI), two local EventBridges: the pattern [1] matches an event's 1.0. The EventBridge User
# Guide ("Event pattern syntax"): numbers are compared as they are written; 300, 300.0 and 3.0e2 are not equal. Python writes a float
# as 1.0, so the event of a function starts the failover here, and in AWS never. moto also holds true for 1, and it doesn't look into
# objects that are in an array, as the instances of an API call via CloudTrail are. EventBridge does ("Arrays in Amazon EventBridge
# event patterns"; for objects, the README of Event Ruler, its engine, "JSON Array Matching").
#
#   pattern of the detail               detail                          moto   ministack   EventBridge
#   lost: [1]                           lost: 1.0                       yes    yes         no
#   lost: [1]                           lost: true                      yes    no          no
#   items: {instanceId: [i-...]}        items: [{instanceId: i-...}]    no     yes         yes
#
# What to do: {"numeric": ["=", 1]} matches 1.0 in all three; whether an array matches, only EventBridge (TestEventPattern) shows.
# Needs Python 3.10 or newer with venv, and its registry. Everything listens on the loopback interface alone.
set -euo pipefail
folder=$(mktemp -d)
server=""
trap '[[ -z $server ]] || { kill "$server"; wait "$server" || true; }; rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check 'moto[server,events,sqs]==5.2.5' ministack==1.5.33 boto3==1.43.106
export AWS_ACCESS_KEY_ID=x AWS_SECRET_ACCESS_KEY=x AWS_DEFAULT_REGION=ap-northeast-1

serve() { # serve NAME: starts it, and waits until it answers
    local port
    port=$(venv/bin/python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    [[ -z $server ]] || { kill "$server"; wait "$server" || true; }
    if [[ $1 == moto ]]; then
        venv/bin/moto_server -H 127.0.0.1 -p "$port" >server.log 2>&1 &
    else
        env TMPDIR="$folder" STATE_DIR="$folder/state" S3_DATA_DIR="$folder/s3" DOCKER_HOST="unix://$folder/no-docker.sock" \
            SFTP_ENABLED=0 IOT_MTLS_ENABLED=0 BIND_HOST=127.0.0.1 GATEWAY_PORT="$port" MINISTACK_REGION="$AWS_DEFAULT_REGION" \
            venv/bin/ministack >server.log 2>&1 &
    fi
    server=$!
    export AWS_ENDPOINT_URL="http://127.0.0.1:$port"
    for ((tries = 0; tries < 120; tries++)); do
        venv/bin/python -c "import socket; socket.create_connection(('127.0.0.1', $port))" 2>/dev/null && break
        sleep 0.5
    done
}
cat >seen.py <<'PY'
import json, sys, boto3

events, queues = boto3.client("events"), boto3.client("sqs")


def says(number, pattern, detail, expected):
    name = f"rule-{number}"
    queue = queues.create_queue(QueueName=name)["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name=name, EventPattern=json.dumps({"source": ["db"], "detail": pattern}))
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])
    events.put_events(Entries=[{"Source": "db", "DetailType": "Seen", "Detail": json.dumps(detail)}])
    arrived = "yes" if queues.receive_message(QueueUrl=queue, WaitTimeSeconds=2).get("Messages") else "no"
    events.remove_targets(Rule=name, Ids=["queue"])
    events.delete_rule(Name=name)
    print(f"{sys.argv[1]:10} {json.dumps(pattern):36} {json.dumps(detail):40} {arrived}")
    if arrived != expected:
        sys.exit(f"This has changed: expected {expected!r}.")


node = "i-0123456789abcdef0"
cases = [
    ({"lost": [1]}, {"lost": 1}),
    ({"lost": [1]}, {"lost": 1.0}),
    ({"lost": [{"numeric": ["=", 1]}]}, {"lost": 1.0}),
    ({"lost": [1]}, {"lost": True}),
    ({"items": {"instanceId": [node]}}, {"items": [{"instanceId": node}]}),
]
for number, (case, expected) in enumerate(zip(cases, sys.argv[2:], strict=True)):
    says(number, *case, expected)
PY
serve moto
venv/bin/python seen.py moto yes yes yes yes no
serve ministack
venv/bin/python seen.py ministack yes yes yes no yes
