#!/usr/bin/env bash
# aws-vpc-route53 of resource-agents 4.12.0 (Debian 12): start succeeds although Route 53 refused the change (throttled, no
# permission), and monitor afterwards says that the resource runs. Nobody looks at what the update of the record returned. The OCF
# Resource Agent Developer's Guide: start returns OCF_SUCCESS only if all succeeded as expected. To the cluster the failover is
# complete, and the name still leads to the lost host.
#
#   the change is   start   monitor   where the name leads after it
#   accepted        0       0         here
#   refused         0       0         the lost host: the surprise
#
# What to do: ask Route 53, or a resolver, where the name leads after a failover.
# Needs Debian 12 with apt. The AWS CLI, the instance's metadata and dig are stand-ins of a few lines, on no network.
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
*list-resource-record-sets*) printf 'db.example.com.\t10\tA\nRESOURCERECORDS\t%s\n' "$(cat record)" ;;
*change-resource-record-sets*)
    echo change >>calls
    [ "$ROUTE53" = accepts ] || { echo AccessDenied >&2; exit 254; }
    echo 192.0.2.10 >record
    printf 'CHANGEINFO\tcomment\t/change/C1\tPENDING\n' ;;
*get-change*) printf 'CHANGEINFO\tcomment\t/change/C1\tINSYNC\n' ;;
esac
SH
printf '#!/bin/sh\ncat record\n' >bin/dig
printf '#!/bin/sh\n' >bin/sleep # before it asks whether the change is in place
chmod +x bin/*
export PATH=$folder/bin:$PATH OCF_ROOT=$folder/usr/lib/ocf HA_RSCTMP=$folder OCF_RESOURCE_INSTANCE=name
export OCF_RESKEY_awscli=$folder/bin/aws OCF_RESKEY_hostedzoneid=Z0123456789ABCDEFGHIJ
export OCF_RESKEY_fullname=db.example.com. OCF_RESKEY_CRM_meta_interval=300000

says() { # says ROUTE-53 EXPECTED
    local words start=0 monitor=0
    export ROUTE53=$1
    echo 192.0.2.20 >record
    : >calls
    "$OCF_ROOT/resource.d/heartbeat/aws-vpc-route53" start >log 2>&1 || start=$?
    "$OCF_ROOT/resource.d/heartbeat/aws-vpc-route53" monitor >>log 2>&1 || monitor=$?
    words="start $start, monitor $monitor, changes tried: $(wc -l <calls), record: $(cat record)"
    printf 'Route 53 %-8s %s\n' "$1" "$words"
    [[ $words == "$2" ]] || { cat log; echo "This has changed: expected '$2'." >&2; exit 1; }
}
says accepts "start 0, monitor 0, changes tried: 1, record: 192.0.2.10"
says refuses "start 0, monitor 0, changes tried: 2, record: 192.0.2.20"
