#!/usr/bin/env bash
# statelint 3.1.0, cfn-lint 1.58.0 (PyPI) and asl-validator 4.0.0 (npm): none of them minds States.ALL beside another name in a
# Retrier, or a Retrier after the one with States.ALL, which is never reached. The Amazon States Language (Retrying after error):
# States.ALL must be alone in its ErrorEquals, and in the last Retrier. The same in a Catch is an error to statelint. A heartbeat that
# is longer than the task's time-out, which must be smaller, passes all three. Such a workflow passes its lint and can't be deployed.
#
#                                               statelint   cfn-lint   asl-validator
#   Retry [States.ALL, TooSoon]                 clean       clean      clean
#   Retry [States.ALL], then [TooSoon]          clean       clean      clean
#   Catch [States.ALL], then [TooSoon]          an error    clean      clean
#   TimeoutSeconds 5, HeartbeatSeconds 9        clean       clean      clean
#
# What to do: assert both in a test of one's own, over all states.
# Needs Python 3 with venv, Node.js with npm, and their registries.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check statelint==3.1.0 cfn-lint==1.58.0
npm install --silent --no-fund --no-audit --prefix . asl-validator@4.0.0 >npm.log
linted() { if "$@" >>log 2>&1; then echo clean; else echo "an error"; fi; }

says() { # says FIELDS-OF-THE-TASK STATELINT CFN-LINT ASL-VALIDATOR
    local words
    printf '{"StartAt": "S", "States": {"T": {"Type": "Succeed"}, "S": {"Type": "Task", "Next": "T",
        "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": "f"}, %s}}}' "$1" >machine.json
    printf '{"Resources": {"M": {"Type": "AWS::StepFunctions::StateMachine", "Properties": {
        "RoleArn": "arn:aws:iam::111122223333:role/r", "Definition": %s}}}}' "$(<machine.json)" >template.json
    words="$(linted venv/bin/statelint machine.json), $(linted venv/bin/cfn-lint template.json)"
    words+=", $(linted node_modules/.bin/asl-validator --json-path machine.json)"
    printf '%-92s %s\n' "$1" "$words"
    [[ $words == "$2, $3, $4" ]] || { cat log; echo "This has changed: expected $2, $3, $4." >&2; exit 1; }
}
says '"Retry": [{"ErrorEquals": ["TooSoon"]}, {"ErrorEquals": ["States.ALL"]}]' clean clean clean
says '"Retry": [{"ErrorEquals": ["States.ALL", "TooSoon"]}]' clean clean clean
says '"Retry": [{"ErrorEquals": ["States.ALL"]}, {"ErrorEquals": ["TooSoon"]}]' clean clean clean
says '"Catch": [{"ErrorEquals": ["States.ALL"], "Next": "T"}, {"ErrorEquals": ["TooSoon"], "Next": "T"}]' "an error" clean clean
says '"TimeoutSeconds": 5, "HeartbeatSeconds": 9' clean clean clean
says '"TimeoutSeconds": "five"' "an error" "an error" "an error"
