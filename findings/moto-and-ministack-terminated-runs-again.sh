#!/usr/bin/env bash
# moto 5.2.5 and ministack 1.5.33 (PyPI), two local EC2s: StartInstances of a terminated instance succeeds, and it runs again. The EC2
# API Reference (TerminateInstances): terminating is permanent and irreversible. moto's RebootInstances of a stopped instance
# starts it, which no reboot does. ministack's DescribeInstanceStatus (IncludeAllInstances) of a stopped one finds both checks ok,
# which EC2 calls not-applicable (API Reference, InstanceStatusSummary). So a test of the fence passes although the code undoes
# it, and a lost node is healthy.
#
#                                       moto             ministack   EC2
#   terminated, then StartInstances     running          running     terminated
#   stopped, then RebootInstances       running          stopped     stopped
#   stopped, its status checks          not-applicable   ok          not-applicable
#
# What to do: let a test assert that nothing was started, not only what state there is in the end.
# Needs Python 3.10 or newer with venv, and its registry. Everything listens on the loopback interface alone.
set -euo pipefail
folder=$(mktemp -d)
server=""
trap '[[ -z $server ]] || { kill "$server"; wait "$server" || true; }; rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check 'moto[server,ec2]==5.2.5' ministack==1.5.33 boto3==1.43.106
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
import sys, boto3

ec2 = boto3.client("ec2")
node = ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]


def says(what, expected, actual):
    print(f"{sys.argv[1]:10} {what:30} {actual}")
    if actual != expected:
        sys.exit(f"This has changed: expected {expected!r}.")


def state():
    return ec2.describe_instances(InstanceIds=[node])["Reservations"][0]["Instances"][0]["State"]["Name"]


rebooted, checks, started = sys.argv[2:]
ec2.stop_instances(InstanceIds=[node], Force=True)
says("StopInstances", "stopped", state())
found = ec2.describe_instance_status(InstanceIds=[node], IncludeAllInstances=True)["InstanceStatuses"][0]
says("status checks of it", f"{checks} {checks}", f"{found['SystemStatus']['Status']} {found['InstanceStatus']['Status']}")
ec2.reboot_instances(InstanceIds=[node])
says("RebootInstances of it", rebooted, state())
ec2.terminate_instances(InstanceIds=[node])
says("TerminateInstances", "terminated", state())
ec2.start_instances(InstanceIds=[node])
says("StartInstances of it", started, state())
PY
serve moto
venv/bin/python seen.py moto running not-applicable running
serve ministack
venv/bin/python seen.py ministack stopped ok running
