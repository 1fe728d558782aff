#!/usr/bin/env bash
# awseip of resource-agents 4.12.0 (Debian 12): its monitor looks for the Elastic IP anywhere in what describe-instances says, as
# a part of a word too. An instance that has 203.0.113.10 is taken for one that has 203.0.113.1: monitor says that the
# address runs here, and start succeeds without a call to associate it. The OCF Resource Agent Developer's Guide: monitor
# says OCF_SUCCESS of a resource that is running, and start starts it if it is not. (awsvip compares whole words.)
#
#   instance has 203.0.113.1     monitor 0 (running)      start 0, associates nothing
#   instance has 203.0.113.10    monitor 0 (running)      start 0, associates nothing: the surprise
#   instance has 198.51.100.7    monitor 7 (not running)  start 0, associates the address
#
# What to do: reserve no Elastic IP that begins another one of the same instance's, or ask describe-addresses instead.
# Needs Debian 12 with apt. The AWS CLI and the instance's metadata are stand-ins of a few lines, on no network.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq -o APT::Sandbox::User=root resource-agents=1:4.12.0-2
dpkg -x resource-agents_*.deb .
mkdir bin
cat >bin/curl <<'SH'
#!/bin/sh
case $* in *api/token*) echo token ;; *instance-id*) printf i-0123456789abcdef0 ;; esac
SH
cat >bin/aws <<'SH'
#!/bin/sh
case $* in
*describe-instances*) echo "{\"Reservations\": [{\"Instances\": [{\"InstanceId\": \"i-0123456789abcdef0\", \"PublicIpAddress\": \"$HAS\"}]}]}" ;;
*associate-address*) echo "$*" >>calls ;;
esac
SH
chmod +x bin/curl bin/aws
export PATH=$folder/bin:$PATH OCF_ROOT=$folder/usr/lib/ocf OCF_RESOURCE_INSTANCE=eip OCF_RESKEY_awscli=$folder/bin/aws
export OCF_RESKEY_elastic_ip=203.0.113.1 OCF_RESKEY_allocation_id=eipalloc-0123456789abcdef0 OCF_RESKEY_api_delay=0

agent() { "$OCF_ROOT/resource.d/heartbeat/awseip" "$1" >/dev/null 2>&1; }
says() { # says ADDRESS EXPECTED
    local monitor=0 start=0 words
    export HAS=$1
    : >calls
    agent monitor || monitor=$?
    agent start || start=$?
    words="monitor $monitor, start $start, associates $(wc -l <calls)"
    printf 'instance has %-14s %s\n' "$1" "$words"
    [[ $words == "$2" ]] || { echo "This has changed: expected '$2'." >&2; exit 1; }
}
says 203.0.113.1 "monitor 0, start 0, associates 0"
says 203.0.113.10 "monitor 0, start 0, associates 0"
says 198.51.100.7 "monitor 7, start 0, associates 1"
