#!/usr/bin/env bash
# policy_sentry 0.15.2 (PyPI): a log stream is not known as one if its log group's name has a slash, as that of each Lambda function
# has (/aws/lambda/NAME). It splits the name at the slashes too, and then log-stream is not where the format has it. Asked to
# write a policy for the stream, it leaves out the statement of what may be done to a stream, PutLogEvents too, without a word.
# CloudWatch Logs API Reference, CreateLogGroup: a slash may be in the name. Service Authorization Reference, "Actions,
# resources, and condition keys for Amazon CloudWatch Logs": log-group:${LogGroupName}:log-stream:${LogStreamName}.
#
#   log-group:app:log-stream:s               CreateLogStream, DeleteLogStream, PutLogEvents
#   log-group:app:log-stream:a/b             the same: a slash in the stream's name does no harm
#   log-group:/aws/lambda/app:log-stream:s   nothing
#
# What to do: ask for the stream of a group without slashes, and put the real name in afterwards.
# Needs Python 3 with venv.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check policy_sentry==0.15.2
venv/bin/python - <<'PY'
import sys
from policy_sentry.command.write_policy import write_policy_with_template

LOGS = "arn:aws:logs:ap-northeast-1:111122223333:"


def says(name, expected):
    policy = write_policy_with_template({"mode": "crud", "write": [LOGS + name]})
    streams = [one["Action"] for one in policy["Statement"] if one["Sid"].endswith("Logstream")]
    words = " ".join(sum(streams, [])) or "nothing"
    print(f"{name:46} {words}")
    if words != expected:
        sys.exit(f"This has changed: expected {expected}.")


known = "logs:CreateLogStream logs:DeleteLogStream logs:PutLogEvents"
says("log-group:app:log-stream:s", known)
says("log-group:app:log-stream:a/b", known)
says("log-group:/aws/lambda/app:log-stream:s", "nothing")
says("log-group:/aws/lambda/app:log-stream:a/b", "nothing")
PY
