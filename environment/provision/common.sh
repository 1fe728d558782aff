#!/bin/bash
# What db-server.sh and app-server.sh share. Every function can run again: what is so already is left as it is.
#
# Settings come as environment variables, SSM_NAME for the document's parameter NAME (Systems Manager User Guide, "Data
# elements and parameters"). Nothing here takes a value as shell text.
set -Eeuo pipefail
export DEBIAN_FRONTEND=noninteractive LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

CHANGED=0
readonly TIME_SERVER="server 169.254.169.123 prefer iburst minpoll 4 maxpoll 4"

say() {
    printf '%s\n' "$*"
}

changed() {
    CHANGED=$((CHANGED + 1))
    say "$*"
}

# What somebody has to do something about: nothing after it is tried.
refuse() {
    printf '%s\n' "$*" >&2
    exit 1
}

trap 'printf "Line %d of the set-up failed: %s\n" "$LINENO" "$BASH_COMMAND" >&2' ERR

# setting NAME: into the variable VALUE.
setting() {
    local name="SSM_$1"
    VALUE=${!name:-}
    [[ -n $VALUE ]] || refuse "Nothing was changed, because the setting $1 has no value."
}

conclude() {
    if ((CHANGED == 0)); then
        say "$1 is set up already, nothing changed."
    else
        say "$1 is set up."
    fi
}

# put_file PATH MODE CONTENT: WROTE says whether the file was not so already.
WROTE=false
put_file() {
    WROTE=false
    [[ ! -f $1 || $(<"$1") != "$3" ]] || return 0
    mkdir -p "${1%/*}"
    printf '%s\n' "$3" >"$1.new"
    chmod "$2" "$1.new"
    mv -f "$1.new" "$1"
    WROTE=true
    changed "Wrote $1."
}

# put_block PATH CONTENT: the same for a part of a file that others write to as well, between two marks.
put_block() {
    local path=$1 begin="# Garoon: begin" end="# Garoon: end" line kept="" is_ours=false
    [[ -f $path ]] || : >"$path"
    while IFS= read -r line || [[ -n $line ]]; do
        case $line in
        "$begin") is_ours=true ;;
        "$end") is_ours=false ;;
        *) [[ $is_ours == true ]] || kept+=$line$'\n' ;;
        esac
    done <"$path"
    put_file "$path" 0644 "$kept$begin"$'\n'"$2"$'\n'"$end"
}

is_debian() {
    [[ -e /etc/debian_version ]]
}

# is_enabled UNIT: also where systemd does not run, as in an image that is being made.
is_enabled() {
    [[ $(systemctl is-enabled "$1" 2>/dev/null) == enabled* ]]
}

# enable_units UNIT...: from the next boot on, and now.
enable_units() {
    local unit
    for unit; do
        if ! is_enabled "$unit"; then
            systemctl enable --quiet "$unit"
            changed "Enabled $unit."
        fi
        systemctl start "$unit"
    done
}

# disable_units UNIT...: those of them that are there.
disable_units() {
    local unit
    for unit; do
        if is_enabled "$unit"; then
            systemctl disable --quiet "$unit"
            systemctl stop "$unit"
            changed "Disabled $unit."
        fi
    done
}

# A server that has just been launched may be updating itself.
apt_get() {
    apt-get --quiet --quiet --option DPkg::Lock::Timeout=600 --option Acquire::Retries=5 "$@"
}

# install_packages PACKAGE...: those that are missing, and nothing is upgraded.
install_packages() {
    local package
    local -a missing=()
    for package; do
        if is_debian; then
            [[ $(dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
        else
            rpm --query --quiet "$package" || missing+=("$package")
        fi
    done
    ((${#missing[@]} > 0)) || return 0
    if is_debian; then
        apt_get update
        apt_get install --yes --no-install-recommends "${missing[@]}"
    else
        dnf install --assumeyes --quiet "${missing[@]}"
    fi
    changed "Installed ${missing[*]}."
}

# cloud-init would give the host the name and the hosts file of its address again at each boot.
keep_from_cloud_init() {
    [[ ! -d /etc/cloud/cloud.cfg.d ]] || put_file /etc/cloud/cloud.cfg.d/99-garoon.cfg 0644 $'preserve_hostname: true\nmanage_etc_hosts: false'
}

# set_hostname NAME
set_hostname() {
    keep_from_cloud_init
    put_file /etc/hostname 0644 "$1"
    [[ $(uname -n) == "$1" ]] || hostname "$1"
}

# host_line ADDRESS REGION [NAME]: with the name that EC2's own name server gives the address.
host_line() {
    printf '%s %sip-%s.%s.compute.internal\n' "$1" "${3:+$3 }" "${1//./-}" "$2"
}

# The Amazon Time Sync Service (EC2 User Guide, "Set the time reference on your EC2 instance").
set_up_clock() {
    install_packages chrony
    local unit=chronyd has_changed=false
    if is_debian; then
        unit=chrony
        put_file /etc/chrony/sources.d/amazon.sources 0644 "$TIME_SERVER"
        has_changed=$WROTE
    elif ! grep -q '^server 169\.254\.169\.123 ' /etc/chrony.conf; then
        printf '%s\n' "$TIME_SERVER" >>/etc/chrony.conf
        changed "Added the Amazon Time Sync Service to /etc/chrony.conf."
        has_changed=true
    fi
    enable_units "$unit"
    [[ $has_changed == false ]] || systemctl restart "$unit"
}

# As the product's own documents ask for; the VPC's security groups are the filter.
switch_off_filters() {
    disable_units firewalld.service
    [[ -f /etc/selinux/config ]] || return 0
    if ! grep -q '^SELINUX=disabled$' /etc/selinux/config; then
        sed -i 's/^SELINUX=.*/SELINUX=disabled/' /etc/selinux/config
        changed "Switched SELinux off from the next boot on; until then it only warns."
    fi
    ! command -v setenforce >/dev/null || [[ $(getenforce) == Disabled ]] || setenforce 0
    # RHEL 9 and later go by the kernel's command line alone (RHEL 9, "Using SELinux", changing SELinux modes at boot time).
    if command -v grubby >/dev/null && [[ $(grubby --info=DEFAULT) != *selinux=0* ]]; then
        grubby --update-kernel=ALL --args=selinux=0
        changed "Added selinux=0 to the kernel's command line."
    fi
}

# fetch URL FILE
fetch() {
    curl --fail --silent --show-error --location --retry 5 --retry-all-errors --output "$2" "$1"
}
