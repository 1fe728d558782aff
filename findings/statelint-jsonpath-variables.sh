#!/usr/bin/env bash
# statelint 3.1.0 (PyPI): a state that uses JSONPath may not have variables, it says: Assign is "not allowed", and $name is no path.
# Step Functions Developer Guide, "Passing data between states with variables" (Using variables in JSONPath states): both may be
# there, $name wherever a path may be but in ResultPath. It also refuses the context object ($$.) on the right of a
# comparison, where "Accessing execution data from the Context object" allows it.
#
#   "Assign": {"host": "db-01"}, in JSONata        clean
#   "Assign": {"host": "db-01"}, in JSONPath       Field "Assign" not allowed
#   "Variable": "$$.Execution.Name"                clean
#   "StringEqualsPath": "$$.Execution.Name"        should be a Reference Path
#
# An intrinsic function may take $name, and OutputPath may be it. The tool's --ignore knows no word for any of this. What to do:
# lint such a machine with cfn-lint, or write it in JSONata.
# Needs Python 3 with venv.
# shellcheck disable=SC2016 # the dollar signs are the Amazon States Language's
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check statelint==3.1.0

says() { # says EXPECTED LANGUAGE STATE: lints a machine of that one state and a last one
    local words
    printf '{"QueryLanguage": "%s", "StartAt": "S", "States": {"S": %s, "L": {"Type": "Succeed"}}}' "$2" "$3" >machine.json
    words=$(venv/bin/statelint machine.json 2>&1) && words=clean
    case $words in *"not allowed"*) words="not allowed" ;; *"not a JSONPath"*) words="not a JSONPath" ;; *"but should be"*) words=${words##*but } ;; esac
    printf '%-8s %-28s %s\n' "$2" "$words" "$3"
    [[ $words == "$1" ]] || { echo "This has changed: expected '$1'." >&2; exit 1; }
}
choice() { printf '{"Type": "Choice", "Choices": [{%s, "Next": "L"}], "Default": "L"}' "$1"; }
assign='{"Type": "Pass", "Assign": {"host": "db-01"}, "Next": "L"}'
says clean JSONata "$assign"
says "not allowed" JSONPath "$assign"
says "not a JSONPath" JSONPath '{"Type": "Pass", "Parameters": {"host.$": "$host"}, "Next": "L"}'
says clean JSONPath '{"Type": "Pass", "Parameters": {"host.$": "States.Format('"'{}'"', $host)"}, "Next": "L"}'
says clean JSONPath '{"Type": "Pass", "OutputPath": "$host", "Next": "L"}'
says "should be a Reference Path" JSONPath '{"Type": "Wait", "SecondsPath": "$seconds", "Next": "L"}'
says clean JSONPath "$(choice '"Variable": "$$.Execution.Name", "StringEquals": "a"')"
says "should be a Reference Path" JSONPath "$(choice '"Variable": "$.name", "StringEqualsPath": "$$.Execution.Name"')"
