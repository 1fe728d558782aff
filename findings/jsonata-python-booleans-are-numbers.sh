#!/usr/bin/env bash
# jsonata-python 0.7.1 (PyPI) against the reference, jsonata 2.2.2 (npm): where values are looked for in a list, true is 1 and
# false is 0, as in Python, while the operator = tells them apart. $distinct drops the value that comes second, and of
# a list of two it then returns the one value without the list.
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
says '1 = true' false false
says '1 in [true]' false true
says 'false in [0, 2]' false true
says '$distinct([1, true])' '[1,true]' 1
says '$distinct([false, 0, 2])' '[false,0,2]' '[false,2]'
