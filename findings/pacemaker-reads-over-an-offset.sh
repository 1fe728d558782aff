#!/usr/bin/env bash
# pacemaker 2.1.5 (Debian 12): in a date of ISO 8601 as everyone writes it, 2026-11-29T12:00:00+09:00, the offset is read over,
# without an error: the time is taken for the host's own. With a space before the offset it counts. "Pacemaker Explained" (Rules,
# Date/Time Expressions): start and end are dates that conform to ISO 8601, and that has no space there. So a rule for a
# maintenance window is right on a host that is in Japan, and nine hours late on one in UTC, as an EC2 instance is.
#
#   iso8601 --date, host in UTC      what it is
#   2026-11-29 12:00:00 +09:00       2026-11-29 03:00:00Z
#   2026-11-29T12:00:00+09:00        2026-11-29 12:00:00Z: the surprise
#   2026-11-29T03:00:00Z             2026-11-29 03:00:00Z
#
# crm_rule, and so the cluster, agrees. What to do: write dates in UTC, with Z.
# Needs Debian 12 with apt, libglib2.0-0, libxslt1.1 and libgnutls30. No cluster.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq -o APT::Sandbox::User=root pacemaker-cli-utils=2.1.5-1+deb12u1 libcrmcommon34=2.1.5-1+deb12u1 \
    libqb100 libpacemaker1 libpe-rules26 libpe-status28 libcib27 libcrmservice28 liblrmd28 \
    libstonithd26 libpils2 libltdl7 libdbus-1-3 pacemaker-common
for package in *.deb; do dpkg -x "$package" .; done
export LD_LIBRARY_PATH=$folder/usr/lib:$folder/usr/lib/x86_64-linux-gnu PCMK_schema_directory=$folder/usr/share/pacemaker

says() { # says TIME-ZONE DATE EXPECTED EXPECTED-OF-THE-RULE: the rule is asked for 05:00 UTC
    local date rule
    date=$(TZ=$1 usr/sbin/iso8601 --date "$2")
    rule=$(TZ=$1 usr/sbin/crm_rule --check --rule window --date "2026-11-29 05:00:00Z" --xml-text "
        <cib crm_feature_set='3.16.2' validate-with='pacemaker-3.9' epoch='1' num_updates='0' admin_epoch='0'>
            <configuration><crm_config/><nodes/>
            <resources><primitive id='db' class='ocf' provider='heartbeat' type='mysql'/></resources>
            <constraints><rsc_location id='l' rsc='db'><rule id='window' score='-INFINITY'>
                <date_expression id='d' operation='gt' start='$2'/>
            </rule></rsc_location></constraints></configuration><status/></cib>" || true)
    printf '%-12s %-28s %s, %s\n' "$1" "$2" "$date" "$rule"
    [[ $date == "Date: $3" && $rule == "Rule window $4" ]] || { echo "This has changed: expected '$3' and '$4'." >&2; exit 1; }
}
says UTC "2026-11-29 12:00:00 +09:00" "2026-11-29 03:00:00Z" "is still in effect"
says UTC "2026-11-29T12:00:00+09:00" "2026-11-29 12:00:00Z" "has not yet taken effect"
says UTC "2026-11-29T03:00:00Z" "2026-11-29 03:00:00Z" "is still in effect"
says Asia/Tokyo "2026-11-29T12:00:00+09:00" "2026-11-29 03:00:00Z" "is still in effect"
says Asia/Tokyo "2026-11-29T12:00:00-05:00" "2026-11-29 03:00:00Z" "is still in effect"
