#!/usr/bin/env bash
# ministack 1.5.33 (PyPI): a route to a network interface becomes one to `local`, in CreateRoute and in ReplaceRoute, and both
# answer that all is well. ReplaceRoute of a route that is not there answers the same and does nothing; CreateRoute of one that
# is there makes a second. The EC2 API Reference: both take NetworkInterfaceId; "Error codes for the Amazon EC2 API" has
# InvalidRoute.NotFound (not in this route table) and RouteAlreadyExists (already in it). So a virtual address that moves
# from one node to the other by ReplaceRoute never moves here, and a failover that forgot to make its route passes its test.
#
# What to do: read the table after each change; whether an address moves, only EC2 itself shows.
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
table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
first, second = [ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"] for _ in range(2)]
gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)


def change(call, destination, **target):
    answer = call(RouteTableId=table, DestinationCidrBlock=destination, **target)
    return answer["ResponseMetadata"]["HTTPStatusCode"]


def routes(destination):
    found = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]
    found = [route for route in found if route["DestinationCidrBlock"] == destination]
    targets = [route.get("NetworkInterfaceId") or route["GatewayId"] for route in found]
    return " ".join(targets).replace(gateway, "gateway").replace(first, "first").replace(second, "second") or "none"


says("CreateRoute to the first interface", 200, change(ec2.create_route, "10.9.0.1/32", NetworkInterfaceId=first))
says("  the table says", "local", routes("10.9.0.1/32"))
says("ReplaceRoute to the second interface", 200, change(ec2.replace_route, "10.9.0.1/32", NetworkInterfaceId=second))
says("  the table says", "local", routes("10.9.0.1/32"))
says("ReplaceRoute where there is none", 200, change(ec2.replace_route, "10.9.0.2/32", GatewayId=gateway))
says("  the table says", "none", routes("10.9.0.2/32"))
says("CreateRoute", 200, change(ec2.create_route, "10.9.0.3/32", GatewayId=gateway))
says("CreateRoute, the same once more", 200, change(ec2.create_route, "10.9.0.3/32", GatewayId=gateway))
says("  the table says", "gateway gateway", routes("10.9.0.3/32"))
PY
