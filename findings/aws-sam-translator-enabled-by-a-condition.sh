#!/usr/bin/env bash
# aws-sam-translator 1.106.0 (PyPI), which is AWS SAM's transform: a Schedule whose Enabled is a condition or a parameter is always
# on. The AWS SAM Developer Guide (Schedule, of a function and of a state machine): true passes ENABLED, and all else
# DISABLED. The transform looks whether the value is truthy before CloudFormation knows what it will be, and {"Fn::If": ...} is.
# Nothing warns, and a schedule that one stage shall not have runs there.
#
#   Enabled: false                          DISABLED
#   Enabled: {Fn::If: [C, true, false]}     ENABLED, whatever C is
#   Enabled: {Ref: P}, P is "false"         ENABLED
#
# What to do: State: {Fn::If: [C, ENABLED, DISABLED]}, which is handed on as it stands.
# Needs Python 3 with venv; no AWS account.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check aws-sam-translator==1.106.0
export AWS_DEFAULT_REGION=ap-northeast-1
venv/bin/python -W ignore - 2>errors.log <<'PY' || { tail -n 1 errors.log >&2; exit 1; }
import sys
from samtranslator.translator.transform import transform

def says(what, expected, **schedule):
    event = {"E": {"Type": "Schedule", "Properties": {"Schedule": "rate(1 minute)", **schedule}}}
    code = {"Runtime": "python3.13", "Handler": "index.handle", "InlineCode": "def handle(*_): pass"}
    machine = {"Definition": {"StartAt": "S", "States": {"S": {"Type": "Succeed"}}}}
    template = {
        "Transform": "AWS::Serverless-2016-10-31",
        "Parameters": {"P": {"Type": "String", "Default": "false", "AllowedValues": ["true", "false"]}},
        "Conditions": {"C": {"Fn::Equals": [{"Ref": "P"}, "true"]}},
        "Resources": {
            "F": {"Type": "AWS::Serverless::Function", "Properties": {**code, "Events": event}},
            "M": {"Type": "AWS::Serverless::StateMachine", "Properties": {**machine, "Events": event}},
        },
    }
    made = transform(template, {"P": "false"}, None)["Resources"]
    of_function, of_machine = [made[name]["Properties"]["State"] for name in ("FE", "ME")]
    print(f"{what:44} function's {of_function}, machine's {of_machine}")
    if (of_function, of_machine) != (expected, expected):
        sys.exit(f"This has changed: expected {expected}.")


says("Enabled: false", "DISABLED", Enabled=False)
says("Enabled: {Fn::If: [C, true, false]}", "ENABLED", Enabled={"Fn::If": ["C", True, False]})
says("Enabled: {Ref: P}, P is \"false\"", "ENABLED", Enabled={"Ref": "P"})
handed_on = {"Fn::If": ["C", "ENABLED", "DISABLED"]}
says("State: {Fn::If: [C, ENABLED, DISABLED]}", handed_on, State=handed_on)
PY
