#!/usr/bin/env bash
# ministack 1.5.33 (PyPI): ReplaceNetworkAclAssociation takes any association, one that does not exist as well, and answers
# with a new one that is of no subnet. A new subnet is associated with no network ACL to begin with, a new network ACL has no
# entries, and DescribeNetworkAcls does not look at the filter association.subnet-id. The Amazon VPC User Guide ("Network ACL
# basics", "Custom network ACLs"): each subnet has one network ACL, at first the default one of its VPC, and each network ACL
# ends with an entry `*` that denies. EC2 API Reference: the action changes which network ACL a subnet is associated with; "Error
# codes for the Amazon EC2 API": InvalidAssociationID.NotFound. So cutting a host off by its subnet's network ACL looks done.
#
# What to do: none here; look the association up again and check its subnet, which fails as it should.
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
import boto3
from saw import says

ec2 = boto3.client("ec2")
vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]


def find(name, value):
    return ec2.describe_network_acls(Filters=[{"Name": name, "Values": [value]}])["NetworkAcls"]


def subnets(acls):
    return [association["SubnetId"] for acl in acls for association in acl["Associations"]]


says("subnets of the VPC's default network ACL", [], subnets(find("vpc-id", vpc)))
acl = ec2.create_network_acl(VpcId=vpc)["NetworkAcl"]
says("entries of a new network ACL", [], acl["Entries"])
made_up = "aclassoc-00000000000000000"
new = ec2.replace_network_acl_association(AssociationId=made_up, NetworkAclId=acl["NetworkAclId"])["NewAssociationId"]
says("a made-up association is replaced", True, new.startswith("aclassoc-") and new != made_up)
says("subnets of the new network ACL", [""], subnets(find("network-acl-id", acl["NetworkAclId"])))
others = [one for one in find("association.subnet-id", subnet) if subnet not in subnets([one])]
says("network ACLs of the subnet, but not its", 3, len(others))
PY
