#!/usr/bin/env bash
# aws-sam-translator 1.106.0 (PyPI), which is AWS SAM's transform: two events whose generated rules have the same name become one,
# without an error: the function that comes first is not called by its event. The AWS SAM Developer Guide ("Generated
# CloudFormation resources for AWS SAM") names a rule <function-LogicalId><event-LogicalId>, and says that each LogicalId is unique
# within a template. Of the function Node with the event AAlarm and the function NodeA with the event Alarm, both rules are
# NodeAAlarm, and both permissions NodeAAlarmPermission.
# A resource of one's own with a generated name is an error (DuplicateLogicalIdException): only generated names are not compared.
# What to do: count the rules of the transformed template, or begin no function's name with another function's whole name.
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

def function(event, minutes):
    schedule = {"Type": "Schedule", "Properties": {"Schedule": f"rate({minutes} minutes)"}}
    code = {"Runtime": "python3.13", "Handler": "index.handle", "InlineCode": "def handle(*_): pass"}
    return {"Type": "AWS::Serverless::Function", "Properties": {**code, "Events": {event: schedule}}}


def says(expected, **resources):
    try:
        made = transform({"Transform": "AWS::Serverless-2016-10-31", "Resources": resources}, {}, None)["Resources"]
    except Exception as error:
        words = type(error.causes[0]).__name__
    else:
        rules = {name: one["Properties"]["ScheduleExpression"] for name, one in made.items() if one["Type"] == "AWS::Events::Rule"}
        words = ", ".join(f"{name} {when}" for name, when in rules.items())
    events = [f"{name}/{event}" for name, one in resources.items() for event in one["Properties"].get("Events", {"its own": None})]
    print(f"{' and '.join(events):36} {words}")
    if words != expected:
        sys.exit(f"This has changed: expected {expected}.")


says("NodeAlarm rate(2 minutes), NodeAAlarm rate(5 minutes)", Node=function("Alarm", 2), NodeA=function("Alarm", 5))
says("NodeAAlarm rate(5 minutes)", Node=function("AAlarm", 2), NodeA=function("Alarm", 5))
says("DuplicateLogicalIdException", NodeRole={"Type": "AWS::IAM::Role", "Properties": {}}, Node=function("Alarm", 2))
PY
