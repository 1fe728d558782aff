#!/usr/bin/env bash
# moto 5.2.5 and ministack 1.5.33 (PyPI), two local EC2s: what only one node can hold, two do, or the second takes it without being
# allowed to. moto assigns a secondary private address that another interface has, and both have it, with AllowReassignment too; it
# attaches a volume that is attached, and both instances list it. In ministack AttachVolume takes the volume from the other instance,
# and AssociateAddress the Elastic IP, with AllowReassociation false too. The EC2 API Reference: AllowReassignment says whether an
# address of another interface is reassigned; with AllowReassociation false the operation fails; "Error codes for the Amazon EC2
# API": VolumeInUse, Resource.AlreadyAssociated. So a takeover that forgot to take something away first passes its test.
#
#                                              moto         ministack             EC2
#   AssignPrivateIpAddresses, not allowed      both         (has no such action)  an error
#   AssignPrivateIpAddresses, allowed          both                               the second
#   AttachVolume of an attached one            both         the second            VolumeInUse
#   AssociateAddress, not allowed              an error     the second            Resource.AlreadyAssociated
#
# What to do: assert after each step that the first holder has it no more.
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
from botocore.exceptions import ClientError

ec2 = boto3.client("ec2")
private, allowed, volumes, elastic = sys.argv[2:]


def says(what, expected, actual):
    print(f"{sys.argv[1]:10} {what:40} {actual}")
    if actual != expected:
        sys.exit(f"This has changed: expected {expected!r}.")


def tried(call, holders, **arguments):
    """Who holds it after the second asked for it: "the first", "the second", "both", or the error's code."""
    try:
        call(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return {(True, True): "both", (True, False): "the first", (False, True): "the second"}[tuple(holders())]


vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]
run = ec2.run_instances(ImageId="ami-12c6146b", MinCount=2, MaxCount=2, SubnetId=subnet["SubnetId"])
nodes = [one["InstanceId"] for one in run["Instances"]]
interfaces = [
    ec2.create_network_interface(SubnetId=subnet["SubnetId"])["NetworkInterface"]["NetworkInterfaceId"] for _ in nodes]


def interfaces_with():
    for interface in interfaces:
        found = ec2.describe_network_interfaces(NetworkInterfaceIds=[interface])["NetworkInterfaces"][0]
        yield "10.0.1.100" in [one["PrivateIpAddress"] for one in found["PrivateIpAddresses"]]


address = {"PrivateIpAddresses": ["10.0.1.100"]}
try:
    ec2.assign_private_ip_addresses(NetworkInterfaceId=interfaces[0], **address)
except ClientError as error:
    says("AssignPrivateIpAddresses", private, error.response["Error"]["Code"])
else:
    asked = {"NetworkInterfaceId": interfaces[1], **address}
    says("AssignPrivateIpAddresses, not allowed", private, tried(ec2.assign_private_ip_addresses, interfaces_with, **asked))
    asked["AllowReassignment"] = True
    says("AssignPrivateIpAddresses, allowed", allowed, tried(ec2.assign_private_ip_addresses, interfaces_with, **asked))

volume = ec2.create_volume(AvailabilityZone=subnet["AvailabilityZone"], Size=1)["VolumeId"]


def nodes_with_the_volume():
    attached = [one["InstanceId"] for one in ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]["Attachments"]]
    for node in nodes:
        found = ec2.describe_instances(InstanceIds=[node])["Reservations"][0]["Instances"][0]
        mapped = [one["Ebs"]["VolumeId"] for one in found["BlockDeviceMappings"]]
        yield node in attached or volume in mapped


ec2.attach_volume(VolumeId=volume, InstanceId=nodes[0], Device="/dev/sdf")
asked = {"VolumeId": volume, "InstanceId": nodes[1], "Device": "/dev/sdf"}
says("AttachVolume of an attached one", volumes, tried(ec2.attach_volume, nodes_with_the_volume, **asked))

allocation = ec2.allocate_address(Domain="vpc")["AllocationId"]


def nodes_with_the_address():
    holder = ec2.describe_addresses(AllocationIds=[allocation])["Addresses"][0].get("InstanceId")
    return [node == holder for node in nodes]


ec2.associate_address(AllocationId=allocation, InstanceId=nodes[0])
asked = {"AllocationId": allocation, "InstanceId": nodes[1], "AllowReassociation": False}
says("AssociateAddress, not allowed", elastic, tried(ec2.associate_address, nodes_with_the_address, **asked))
PY
serve moto
venv/bin/python seen.py moto both both both Resource.AlreadyAssociated
serve ministack
venv/bin/python seen.py ministack InvalidAction "" "the second" "the second"
