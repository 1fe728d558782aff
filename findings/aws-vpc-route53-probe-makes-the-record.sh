#!/usr/bin/env bash
# aws-vpc-route53 of resource-agents 4.12.0 (Debian 12): a probe, by which a cluster finds out where a resource runs, makes the
# record if there is none, and says that the resource runs here. The OCF Resource Agent Developer's Guide: monitor queries the
# current status, and a probe is a test whether the resource runs; OCF_NOT_RUNNING is the answer if not. A new cluster probes every
# host, so each writes the name for itself, the last one stays, and the cluster finds its one resource running everywhere.
#
#   the record         probe               record after it
#   this host's        0 (running)         unchanged
#   another host's     7 (not running)     unchanged
#   none               0 (running)         this host's: the surprise
#
# What to do: make the record before the cluster knows of the resource.
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
case $* in *api/token*) echo token ;; *local-ipv4*) printf 192.0.2.10 ;; esac
SH
cat >bin/aws <<'SH'
#!/bin/sh
case $* in
*list-resource-record-sets*) [ ! -s record ] || printf 'db.example.com.\t10\tA\nRESOURCERECORDS\t%s\n' "$(cat record)" ;;
*change-resource-record-sets*)
    echo 192.0.2.10 >record
    printf 'CHANGEINFO\tcomment\t/change/C1\tPENDING\n' ;;
*get-change*) printf 'CHANGEINFO\tcomment\t/change/C1\tINSYNC\n' ;;
esac
SH
printf '#!/bin/sh\n' >bin/dig # no probe asks it, but it must be there
printf '#!/bin/sh\n' >bin/sleep # before it asks whether the change is in place
chmod +x bin/*
export PATH=$folder/bin:$PATH OCF_ROOT=$folder/usr/lib/ocf HA_RSCTMP=$folder OCF_RESOURCE_INSTANCE=name
export OCF_RESKEY_awscli=$folder/bin/aws OCF_RESKEY_hostedzoneid=Z0123456789ABCDEFGHIJ
export OCF_RESKEY_fullname=db.example.com. OCF_RESKEY_CRM_meta_interval=0

says() { # says RECORD EXPECTED
    local words probe=0
    printf '%s' "$1" >record
    "$OCF_ROOT/resource.d/heartbeat/aws-vpc-route53" monitor >log 2>&1 || probe=$?
    words="probe $probe, record: $(cat record)"
    printf 'record %-12s %s\n' "${1:-none}" "$words"
    [[ $words == "$2" ]] || { cat log; echo "This has changed: expected '$2'." >&2; exit 1; }
}
says 192.0.2.10 "probe 0, record: 192.0.2.10"
says 192.0.2.20 "probe 7, record: 192.0.2.20"
says "" "probe 0, record: 192.0.2.10"
