#!/usr/bin/env bash
# ministack 1.5.33 (PyPI) computes an alarm's state from all points of the metric's name, whichever dimensions they have, of all
# its evaluation periods together. The Amazon CloudWatch User Guide: each combination of dimensions is a metric of its own
# ("CloudWatch concepts", Dimensions), and an alarm compares each period by itself, so many of which (DatapointsToAlarm) must
# breach ("Alarm evaluation"). TreatMissingData is kept and not looked at. So the standby's zero raises the active node's alarm.
#
#   Beat: db-01 1, db-02 0; alarm on db-01 below 1                 ALARM               (AWS: OK)
#   alarm on db-99, which never beat                               ALARM               (AWS: INSUFFICIENT_DATA)
#   Lag: 1, 1, 9 minute by minute; alarm above 5, 3 of 3           ALARM               (AWS: OK)
#   no point at all, TreatMissingData breaching                    INSUFFICIENT_DATA   (AWS: ALARM)
#
# What to do: give each node's metric a name of its own here, and set an alarm's state by SetAlarmState.
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
venv/bin/python - <<'PY'
import datetime, boto3
from saw import says

watch = boto3.client("cloudwatch")
now = datetime.datetime.now(datetime.timezone.utc)


def dimensions(node):
    return [{"Name": "Node", "Value": node}]


def put(metric, node, value, seconds_ago):
    point = {"MetricName": metric, "Dimensions": dimensions(node), "Value": value}
    watch.put_metric_data(Namespace="N", MetricData=[{**point, "Timestamp": now - datetime.timedelta(seconds=seconds_ago)}])


def alarm(metric, node, statistic, comparison, threshold, periods, **more):
    name = f"{metric}-{node}"
    watch.put_metric_alarm(
        AlarmName=name, Namespace="N", MetricName=metric, Dimensions=dimensions(node), Period=60, Statistic=statistic,
        ComparisonOperator=comparison, Threshold=threshold, EvaluationPeriods=periods, DatapointsToAlarm=periods, **more)
    return watch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["StateValue"]


put("Beat", "db-01", 1, 10)
put("Beat", "db-02", 0, 10)
for minute, lag in ((2, 1), (1, 1), (0, 9)):
    put("Lag", "db-01", lag, minute * 60 + 10)
says("db-01, which beats", "ALARM", alarm("Beat", "db-01", "Minimum", "LessThanThreshold", 1, 1))
says("db-02, which does not", "ALARM", alarm("Beat", "db-02", "Minimum", "LessThanThreshold", 1, 1))
says("db-99, which never was", "ALARM", alarm("Beat", "db-99", "Minimum", "LessThanThreshold", 1, 1))
says("one of three periods above 5, 3 must be", "ALARM", alarm("Lag", "db-01", "Maximum", "GreaterThanThreshold", 5, 3))
missing = alarm("Never", "db-01", "Minimum", "LessThanThreshold", 1, 1, TreatMissingData="breaching")
says("nothing to see, which is breaching", "INSUFFICIENT_DATA", missing)
PY
