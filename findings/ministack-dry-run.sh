#!/usr/bin/env bash
# ministack 1.5.33 (PyPI): its EC2 does not know `DryRun`. A call that is only to say whether it would be allowed is carried out:
# StopInstances with DryRun=true stops the instance, CreateVpc makes a VPC, and both answer 200. AWS answers every such call with
# the error DryRunOperation (412) or UnauthorizedOperation (403), and changes nothing (EC2 API Reference, "StopInstances", DryRun).
#
#   CreateVpc      DryRun=true   200, and there is a VPC more
#   StopInstances  DryRun=true   200, and the instance stops
#
# What to do: let no tool that relies on a dry run near it, or answer DryRun before its handlers are called.
# Needs Python 3 with venv; the emulator listens on the loopback interface.
set -euo pipefail
folder=$(mktemp -d)
server=""
trap '[[ -z $server ]] || kill "$server"; rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check ministack==1.5.33 boto3==1.43.106
echo "ministack $(venv/bin/python -c 'import importlib.metadata; print(importlib.metadata.version("ministack"))')"
port=$(venv/bin/python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export GATEWAY_PORT=$port MINISTACK_HOST=127.0.0.1
export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION=us-east-1 AWS_ENDPOINT_URL="http://127.0.0.1:$port"
venv/bin/ministack >server.log 2>&1 &
server=$!
ec2() { venv/bin/python -c "import boto3; ec2 = boto3.client('ec2'); $1"; }
for ((tries = 0; tries < 60; tries++)); do
    ec2 'ec2.describe_vpcs()' 2>/dev/null && break
    sleep 0.5
done

says() { # says WHAT SEEN EXPECTED
    printf '%-28s %s\n' "$1" "$2"
    [[ $2 == "$3" ]] || { echo "This has changed: expected '$3'." >&2; exit 1; }
}
status='["ResponseMetadata"]["HTTPStatusCode"]'
vpcs() { ec2 "print(len(ec2.describe_vpcs()['Vpcs']))"; }
before=$(vpcs)
says "CreateVpc DryRun" "$(ec2 "print(ec2.create_vpc(CidrBlock='10.9.0.0/16', DryRun=True)$status)")" 200
says "VPCs more" "$(($(vpcs) - before))" 1
instance=$(ec2 "print(ec2.run_instances(ImageId='ami-0123456789abcdef0', MinCount=1, MaxCount=1)['Instances'][0]['InstanceId'])")
says "StopInstances DryRun" "$(ec2 "print(ec2.stop_instances(InstanceIds=['$instance'], DryRun=True)$status)")" 200
state=$(ec2 "print(ec2.describe_instances(InstanceIds=['$instance'])['Reservations'][0]['Instances'][0]['State']['Name'])")
[[ $state == stopping ]] && state=stopped
says "the instance is" "$state" stopped
