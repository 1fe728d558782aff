#!/usr/bin/env bash
# fence_aws of fence-agents 4.12.1 (Debian 12): an instance that is `terminated`, which no power on earth switches on again, has
# no known power state for it. It reads `running` as on and `stopped` as off; `terminated` ends as an error, and so does the
# action off: a cluster whose lost node was terminated (by an Auto Scaling group, by hand) can't fence it, and waits.
#
#   running      --action=status   Status: ON      rc 0
#   stopped      --action=status   Status: OFF     rc 2
#   terminated   --action=status   Unable to obtain correct plug status or plug is not available   rc 1
#   terminated   --action=off      the same, rc 1
#
# What to do: take `terminated` for the proof that it is.
# Needs Debian 12 with apt, and Python 3 with venv; EC2 is moto's server on the loopback interface.
set -euo pipefail
folder=$(mktemp -d)
server=""
trap '[[ -z $server ]] || kill "$server"; rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq -o APT::Sandbox::User=root fence-agents=4.12.1-1
dpkg -x fence-agents_*.deb .
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check 'moto[server,ec2]==5.2.5' boto3==1.43.106 pexpect==4.9.0 pycurl==7.45.7 requests==2.32.5
port=$(venv/bin/python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
venv/bin/moto_server -H 127.0.0.1 -p "$port" >server.log 2>&1 &
server=$!
export AWS_ACCESS_KEY_ID=x AWS_SECRET_ACCESS_KEY=x AWS_DEFAULT_REGION=ap-northeast-1 AWS_ENDPOINT_URL="http://127.0.0.1:$port"
export PYTHONPATH=$folder/usr/share/fence
ec2() { venv/bin/python -c "import boto3; ec2 = boto3.client('ec2'); $1"; }
for ((tries = 0; tries < 60; tries++)); do
    ec2 'ec2.describe_instances()' 2>/dev/null && break
    sleep 0.5
done
instance=$(ec2 "print(ec2.run_instances(ImageId='ami-12c6146b', MinCount=1, MaxCount=1)['Instances'][0]['InstanceId'])")

says() { # says STATE ACTION EXPECTED
    local words code=0
    words=$(venv/bin/python usr/sbin/fence_aws -r ap-northeast-1 -n "$instance" "--action=$2" --power-timeout=4 2>&1) || code=$?
    words=$(grep -o 'Status: .*\|Unable to obtain .*' <<<"$words" | head -n 1)
    printf '%-12s %-8s %s, rc %d\n' "$1" "$2" "$words" "$code"
    [[ "$words, rc $code" == "$3" ]] || { echo "This has changed: expected '$3'." >&2; exit 1; }
}
unknown="Unable to obtain correct plug status or plug is not available, rc 1"
says running status "Status: ON, rc 0"
ec2 "ec2.stop_instances(InstanceIds=['$instance'])"
says stopped status "Status: OFF, rc 2"
ec2 "ec2.terminate_instances(InstanceIds=['$instance'])"
says terminated status "$unknown"
says terminated off "$unknown"
