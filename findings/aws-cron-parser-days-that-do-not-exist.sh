#!/usr/bin/env bash
# aws-cron-parser 1.1.12 (npm): next() of a day that a month does not have is a day of the month after it. Its README says that it
# supports all of AWS's specification; there the day of the month is one field and the month another (EventBridge User Guide, "Cron
# expressions"), so 31 is never the 1st, and a month without one has no run. prev() knows that: going back it has no such runs.
# A test that asks when the monthly drill runs next is told a day on which it does not.
#
#   0 3 31 * ? *, from 2027-02-01    2027-03-03, 2027-03-31, 2027-05-01, 2027-05-31
#   0 3 29 2 ? *, from 2027-01-01    2027-03-01, 2028-02-29, 2029-03-01, 2030-03-01
#   0 3 31 * ? *, back from 2027-06  2027-05-31, 2027-03-31, 2027-01-31, 2026-12-31
#
# What to do: use L for the last day, and a day up to 28 otherwise.
# Needs Node.js with npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-fund --no-audit --prefix . aws-cron-parser@1.1.12 >npm.log
cat >days.js <<'JS'
const parser = require("aws-cron-parser");
const [expression, direction, from] = process.argv.slice(2);
const cron = parser.parse(expression);
const days = [];
for (let when = new Date(from); days.length < 4; days.push(when.toISOString().slice(0, 10))) when = parser[direction](cron, when);
console.log(days.join(" "));
JS

says() { # says EXPRESSION DIRECTION FROM EXPECTED
    local days
    days=$(node days.js "$1" "$2" "$3")
    printf '%-14s %-5s %s  %s\n' "$1" "$2" "$3" "$days"
    [[ $days == "$4" ]] || { echo "This has changed: expected '$4'." >&2; exit 1; }
}
says "0 3 31 * ? *" next 2027-02-01 "2027-03-03 2027-03-31 2027-05-01 2027-05-31"
says "0 3 29 2 ? *" next 2027-01-01 "2027-03-01 2028-02-29 2029-03-01 2030-03-01"
says "0 3 31 * ? *" prev 2027-06-01 "2027-05-31 2027-03-31 2027-01-31 2026-12-31"
says "0 3 L * ? *" next 2027-02-01 "2027-02-28 2027-03-31 2027-04-30 2027-05-31"
