#!/bin/bash
# assemble.sh SYSTEM ADDED WORK IMAGE: makes the root disk of the machines out of the Debian system and what is added to it.
# Runs in a mount namespace of its own; SYSTEM stays as it is.
set -eu
system=$1 added=$2 work=$3 image=$4
whole=$work/whole
mkdir -p "$whole" "$work/overlay"
mount -t overlay overlay -o "lowerdir=$system,upperdir=$added,workdir=$work/overlay" "$whole"

# Servers are installed for the set-up to find; which of them run on a machine is the set-up's to say.
unset TMPDIR # which is not there inside
chroot "$whole" systemctl disable --quiet apache2 chrony mariadb nfs-server

truncate -s 3G "$image"
mkfs.ext4 -q -F -L root -E lazy_itable_init=1,lazy_journal_init=1 -d "$whole" "$image"
