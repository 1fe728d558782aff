#!/usr/bin/env bash
# fence_aws of fence-agents 4.12.1 (Debian 12): on a host without AWS credentials (its instance profile was taken away), monitor and
# list end with exit code 0 and an empty list; the reason goes to the system's log alone. fence_aws(8): monitor checks the health of
# the fence device. FenceAgentAPI.md of the package: 0 is for a device that is reachable and works properly, 1 for one that
# could not be contacted. So the cluster holds its fencing for healthy until the day that it needs it, when status and off fail.
#
#   --action=monitor   rc 0, nothing
#   --action=list      rc 0, nothing
#   --action=status    rc 1, Unable to obtain correct plug status or plug is not available
#
# What to do: take an empty list for a failure, or ask for the status of a node from time to time.
# Needs Debian 12 with apt, and Python 3 with venv. No network: without credentials nothing is asked.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq -o APT::Sandbox::User=root fence-agents=4.12.1-1
dpkg -x fence-agents_*.deb .
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check boto3==1.43.106 pexpect==4.9.0 pycurl==7.45.7 requests==2.32.5

says() { # says ACTION EXPECTED
    local words code=0
    env -i PATH="$PATH" HOME="$folder" AWS_EC2_METADATA_DISABLED=true PYTHONPATH="$folder/usr/share/fence" \
        venv/bin/python usr/sbin/fence_aws -r ap-northeast-1 -n i-0123456789abcdef0 "--action=$1" >said 2>&1 || code=$?
    words="rc $code, $(grep -o 'Unable to obtain .*\|^i-.*' said || echo nothing)"
    printf '%-8s %s\n' "$1" "$words"
    [[ $words == "$2" ]] || { cat said; echo "This has changed: expected '$2'." >&2; exit 1; }
}
says monitor "rc 0, nothing"
says list "rc 0, nothing"
says status "rc 1, Unable to obtain correct plug status or plug is not available"
