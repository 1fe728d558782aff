#!/usr/bin/env bash
# jsonata-python 0.7.1 (PyPI) against the reference, jsonata 2.2.2 (npm): $formatNumber rounds a half towards plus infinity
# (-1.5 becomes -1), the reference to the even
# neighbour. $round is the same in both, so the port's own two functions disagree. A figure in a message may differ by one.
# Needs Python 3 with venv, Node.js with npm, and their registries.
# shellcheck disable=SC2016 # the dollar signs are JSONata's
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check jsonata-python==0.7.1
npm install --silent --no-fund --no-audit --prefix . jsonata@2.2.2 >npm.log
cat >reference.js <<'JS'
require("jsonata")(process.argv[2]).evaluate({}).then(
    (value) => console.log(JSON.stringify(value)), (error) => console.log("refused"));
JS
cat >port.py <<'PY'
import json, sys, jsonata
try:
    value = jsonata.Jsonata(sys.argv[1]).evaluate({})
except Exception:
    print("refused")
else:
    print(json.dumps(value, separators=(",", ":"), ensure_ascii=False))
PY
says() { # says EXPRESSION REFERENCE PORT
    local reference port
    reference=$(node reference.js "$1")
    port=$(PYTHONUTF8=1 venv/bin/python port.py "$1")
    printf '%-44s JSONata %-28s jsonata-python %s\n' "$1" "$reference" "$port"
    [[ $reference == "$2" && $port == "$3" ]] || { echo "This has changed: expected $2 and $3." >&2; exit 1; }
}
says '$formatNumber(2.5, "0")' '"2"' '"3"'
says '$formatNumber(-1.5, "0")' '"-2"' '"-1"'
says '$formatNumber(0.125, "0.00")' '"0.12"' '"0.13"'
says '$round(2.5)' 2 2
says '$round(-1.5)' -2 -2
