#!/bin/bash
# Name, addresses and routes of this machine, from the kernel's command line:
#   garoon.name=db-01 garoon.eth0=10.0.3.4 [garoon.eth1=10.0.12.4 garoon.eth1_route=10.0.14.0/24]
# Every subnet is a /24 whose first address is its router.
set -u

declare -A given=()
for word in $(</proc/cmdline); do
    [[ $word == garoon.*=* ]] && given[${word%%=*}]=${word#*=}
done
name=${given[garoon.name]:-machine}
hostname "$name"

{
    printf '127.0.0.1 localhost %s\n' "$name"
    printf '10.0.3.4 ip-10-0-3-4.ap-northeast-1.compute.internal\n'
    printf '10.0.6.4 ip-10-0-6-4.ap-northeast-1.compute.internal\n'
} >/etc/hosts

{
    printf 'auto lo\niface lo inet loopback\n'
    if [[ -n ${given[garoon.eth0]:-} ]]; then
        printf 'auto eth0\niface eth0 inet static\n    address %s/24\n' "${given[garoon.eth0]}"
        printf '    gateway %s.1\n' "${given[garoon.eth0]%.*}"
    fi
    if [[ -n ${given[garoon.eth1]:-} ]]; then
        printf 'auto eth1\niface eth1 inet static\n    address %s/24\n' "${given[garoon.eth1]}"
        printf '    up ip route add %s via %s.1\n' "${given[garoon.eth1_route]}" "${given[garoon.eth1]%.*}"
    fi
} >/etc/network/interfaces
