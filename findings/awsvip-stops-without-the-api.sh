#!/usr/bin/env bash
# awsvip and awseip of resource-agents 4.12.0 (Debian 12): while EC2 does not answer (throttled, no route, no permission),
# monitor says "not running" and stop says "stopped", though nothing was found out and nothing was changed. The OCF Resource
# Agent Developer's Guide: OCF_NOT_RUNNING is for a resource that stopped gracefully, OCF_ERR_... for a problem; stop does all in
# its power to stop what runs. To the cluster the address is free, so it does not fence the node that has it still.
#
#                   EC2 answers    EC2 does not
#   monitor         0 (running)    7 (not running)
#   stop            0              0, nothing unassigned
#
# What to do: take such a stop for unknown, and ask EC2 again before the address is used elsewhere.
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
case $* in *api/token*) echo token ;; *instance-id*) printf i-0123456789abcdef0 ;; *interface-id*) printf eni-0123456789abcdef0 ;; esac
SH
cat >bin/aws <<'SH'
#!/bin/sh
[ "$EC2" = answers ] || exit 255
case $* in
*describe-instances*) printf '10.0.1.4\t10.0.1.5\t203.0.113.1\n' ;;
*describe-addresses*) echo '"AssociationId": "eipassoc-0123456789abcdef0"' ;;
*unassign-private*|*disassociate-address*) echo "$*" >>calls ;;
esac
SH
chmod +x bin/curl bin/aws
export PATH=$folder/bin:$PATH OCF_ROOT=$folder/usr/lib/ocf OCF_RESOURCE_INSTANCE=vip OCF_RESKEY_awscli=$folder/bin/aws
export OCF_RESKEY_secondary_private_ip=10.0.1.5 OCF_RESKEY_elastic_ip=203.0.113.1 OCF_RESKEY_allocation_id=eipalloc-0123456789abcdef0
export OCF_RESKEY_api_delay=0

says() { # says AGENT EC2 EXPECTED
    local agent=$OCF_ROOT/resource.d/heartbeat/$1 monitor=0 stop=0 words
    export EC2=$2
    : >calls
    "$agent" monitor >/dev/null 2>&1 || monitor=$?
    "$agent" stop >/dev/null 2>&1 || stop=$?
    words="monitor $monitor, stop $stop, gives up $(wc -l <calls)"
    printf '%-8s EC2 %-12s %s\n' "$1" "$2" "$words"
    [[ $words == "$3" ]] || { echo "This has changed: expected '$3'." >&2; exit 1; }
}
says awsvip answers "monitor 0, stop 0, gives up 1"
says awsvip is-silent "monitor 7, stop 0, gives up 0"
says awseip answers "monitor 0, stop 0, gives up 1"
says awseip is-silent "monitor 7, stop 0, gives up 0"
