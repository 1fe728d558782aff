#!/usr/bin/env bash
# ocf:linbit:drbd of drbd-utils 9.22.0 (Debian 12) with DRBD 9: a disk that is Attaching or Negotiating counts as UpToDate for the
# score by which the cluster chooses whom to promote: 10000 if the peer is known, the highest there is. The DRBD User's Guide 9 ("Disk
# states"): both are transient, while an attach goes on. The agent's meta-data (adjust_master_score): this score is for local access
# to 'uptodate' data, and what Negotiating comes to may be Outdated or Inconsistent. With DRBD 8.4 the same agent doesn't count it.
#
#   local disk, peer UpToDate     DRBD 9    DRBD 8.4
#   UpToDate                      10000     10000
#   Negotiating                   10000     10: the surprise
#   Attaching                     10000     10
#   Inconsistent                  10        10
#
# What to do: leave promotion to DRBD's own answer (drbdadm primary refuses then), and don't read readiness from the score.
# Needs Debian 12 with apt and root, for a device node. No kernel module: drbdadm and drbdsetup are stand-ins that speak as the real
# ones, and the agent is a copy that looks for a file of its own instead of /proc/drbd.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq -o APT::Sandbox::User=root drbd-utils=9.22.0-1 resource-agents=1:4.12.0-2
for package in *.deb; do dpkg -x "$package" .; done
mkdir bin
touch proc-drbd r.conf
mknod device b 7 255
agent=usr/lib/ocf/resource.d/linbit/drbd
sed -i "s|/proc/drbd|$folder/proc-drbd|" "$agent"
cat >bin/drbdadm <<'SH'
#!/bin/sh
case $* in
*--version*) echo "DRBD_KERNEL_VERSION_CODE=$VERSION" ;;
*sh-dev*) echo "$DEVICE" ;;
esac
SH
cat >bin/drbdsetup <<'SH'
#!/bin/sh
case $* in
events2*)
    echo "exists resource name:r role:Secondary suspended:no"
    echo "exists connection name:r peer-node-id:1 conn-name:peer connection:Connected role:Primary"
    echo "exists device name:r volume:0 minor:0 backing_dev:/dev/vg/lv disk:$DISK client:no quorum:yes"
    echo "exists peer-device name:r peer-node-id:1 volume:0 replication:Established peer-disk:UpToDate peer-client:no"
    echo "exists -" ;;
sh-status*)
    echo "_volume=0 _role=Secondary _peer=Primary _cstate=Connected _disk=$DISK _pdsk=UpToDate"
    echo _sh_status_process ;;
esac
SH
printf '#!/bin/sh\necho "$*" >>scores\n' >bin/crm_master
chmod +x bin/*
export PATH=$folder/bin:$PATH HA_SBIN_DIR=$folder/bin OCF_ROOT=$folder/usr/lib/ocf OCF_RESOURCE_INSTANCE=r HA_RSCTMP=$folder
export DEVICE=$folder/device OCF_RESKEY_drbd_resource=r OCF_RESKEY_drbdconf=$folder/r.conf OCF_RESKEY_crm_feature_set=3.16.2
export OCF_RESKEY_CRM_meta_interval=10000 OCF_RESKEY_CRM_meta_clone_max=2 OCF_RESKEY_CRM_meta_clone_node_max=1
export OCF_RESKEY_CRM_meta_master_max=1 OCF_RESKEY_CRM_meta_master_node_max=1

says() { # says DISK EXPECTED-WITH-9 EXPECTED-WITH-8.4
    local with score expected
    for with in "9 0x090212 $2" "8.4 0x08040b $3"; do
        read -r with version expected <<<"$with"
        : >scores
        DISK=$1 VERSION=$version "$agent" monitor >log 2>&1 || { cat log; exit 1; }
        score=$(sed -n 's/.*-v //p' scores)
        printf '%-14s DRBD %-4s %s\n' "$1" "$with" "$score"
        [[ $score == "$expected" ]] || { cat log; echo "This has changed: expected '$expected'." >&2; exit 1; }
    done
}
says UpToDate 10000 10000
says Negotiating 10000 10
says Attaching 10000 10
says Inconsistent 10 10
