#!/bin/bash
# What EC2's DHCP tells an instance: name and address of the first interface, from the kernel's command line:
#   garoon.name=db-01 garoon.eth0=10.0.3.4
# The subnet is a /24 whose first address is its router. All else is the set-up's.
set -u

declare -A given=()
for word in $(</proc/cmdline); do
    [[ $word == garoon.*=* ]] && given[${word%%=*}]=${word#*=}
done
hostname "${given[garoon.name]:-machine}"

{
    printf 'source /etc/network/interfaces.d/*\n' # first, as in Debian's own
    printf 'auto lo\niface lo inet loopback\n'
    if [[ -n ${given[garoon.eth0]:-} ]]; then
        printf 'auto eth0\niface eth0 inet static\n    address %s/24\n' "${given[garoon.eth0]}"
        printf '    gateway %s.1\n' "${given[garoon.eth0]%.*}"
    fi
} >/etc/network/interfaces
