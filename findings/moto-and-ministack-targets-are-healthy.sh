#!/usr/bin/env bash
# moto 5.2.5 and ministack 1.5.33 (PyPI), two local load balancers: a target is healthy as soon as it is registered, also an instance
# that never was, and one in a target group that no load balancer uses. ministack's is healthy also when it is stopped. The Elastic
# Load Balancing API Reference: RegisterTargets of a target that does not exist is InvalidTarget; TargetHealth is unused, with the
# reason Target.InvalidState (stopped or terminated) or Target.NotInUse. So a failover that never moves its target, or registers
# the wrong one, waits for nothing here and passes its test.
#
#                                   moto                           ministack   ELB
#   no load balancer                healthy                        healthy     unused, Target.NotInUse
#   stopped                         unused, Target.InvalidState    healthy     unused, Target.InvalidState
#   an instance that never was      healthy                        healthy     InvalidTarget
#
# What to do: let a test assert which targets were registered and deregistered; health is no proof here.
# Needs Python 3.10 or newer with venv, and its registry. Everything listens on the loopback interface alone.
set -euo pipefail
folder=$(mktemp -d)
server=""
trap '[[ -z $server ]] || { kill "$server"; wait "$server" || true; }; rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check 'moto[server,ec2,elbv2]==5.2.5' ministack==1.5.33 boto3==1.43.106
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

ec2, balancing = boto3.client("ec2"), boto3.client("elbv2")
lone, running, stopped, unknown = sys.argv[2:]


def says(what, expected, actual):
    print(f"{sys.argv[1]:10} {what:30} {actual}")
    if actual != expected:
        sys.exit(f"This has changed: expected {expected!r}.")


vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
run = ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1, SubnetId=subnet)
node = run["Instances"][0]["InstanceId"]
group = balancing.create_target_group(Name="db", Protocol="TCP", Port=3306, VpcId=vpc, TargetType="instance")
group = group["TargetGroups"][0]["TargetGroupArn"]


def health(instance):
    found = balancing.describe_target_health(TargetGroupArn=group, Targets=[{"Id": instance}])
    found = found["TargetHealthDescriptions"][0]["TargetHealth"]
    return " ".join([found["State"], *([found["Reason"]] if "Reason" in found else [])])


def register(instance):
    try:
        balancing.register_targets(TargetGroupArn=group, Targets=[{"Id": instance}])
    except ClientError as error:
        return error.response["Error"]["Code"]
    return health(instance)


says("no load balancer", lone, register(node))
balancer = balancing.create_load_balancer(Name="db", Subnets=[subnet], Type="network")["LoadBalancers"][0]["LoadBalancerArn"]
forward = [{"Type": "forward", "TargetGroupArn": group}]
balancing.create_listener(LoadBalancerArn=balancer, Protocol="TCP", Port=3306, DefaultActions=forward)
says("running", running, health(node))
ec2.stop_instances(InstanceIds=[node])
says("stopped", stopped, health(node))
says("an instance that never was", unknown, register("i-0123456789abcdef0"))
PY
serve moto
venv/bin/python seen.py moto healthy healthy "unused Target.InvalidState" healthy
serve ministack
venv/bin/python seen.py ministack healthy healthy healthy healthy
