#!/usr/bin/env bash
# statelint 3.1.0 (PyPI): a number that a JSONata expression takes from the input is an error to it, in each field that it holds
# to be a number. The Amazon States Language allows an expression there ("QueryLanguage": "JSONata": Seconds, TimeoutSeconds,
# HeartbeatSeconds, MaxConcurrency). With --eval-jsonata an expression passes that needs no input, and only such a one.
#
#   "Seconds": "{% 3 %}"                        without --eval-jsonata an error, with it none
#   "Seconds": "{% $states.input.seconds %}"    should be an Integer, either way
#
# So a workflow that waits as its input says can't be linted clean; the tool's --ignore knows no word for it.
# Needs Python 3 with venv.
# shellcheck disable=SC2016 # the dollar signs are JSONata's
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check statelint==3.1.0 jsonata-python==0.7.1

says() { # says EXPECTED STATE [OPTION]: lints a machine of that one state
    local words
    printf '{"QueryLanguage": "JSONata", "StartAt": "S", "States": {"S": %s}}' "$2" >machine.json
    words=$(venv/bin/statelint "${@:3}" machine.json 2>&1) && words+=clean
    words=${words##*but }
    printf '%-16s %-22s %s\n' "${3:-}" "$words" "$2"
    [[ $words == "$1" ]] || { echo "This has changed: expected '$1'." >&2; exit 1; }
}
wait_for() { printf '{"Type": "Wait", "Seconds": %s, "End": true}' "$1"; }
task_with() { printf '{"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Arguments": {"FunctionName": "f"}, "%s": "{%% $states.input.seconds %%}", "End": true}' "$1"; }
says clean "$(wait_for 3)"
says "should be an Integer" "$(wait_for '"{% 3 %}"')"
says clean "$(wait_for '"{% 3 %}"')" --eval-jsonata
says "should be an Integer" "$(wait_for '"{% $states.input.seconds %}"')"
says "should be an Integer" "$(wait_for '"{% $states.input.seconds %}"')" --eval-jsonata
says "should be an Integer" "$(task_with TimeoutSeconds)" --eval-jsonata
says "should be an Integer" "$(task_with HeartbeatSeconds)" --eval-jsonata
