#!/usr/bin/env bash
# jsonata-python 0.7.1 (PyPI) against the reference, jsonata 2.2.2 (npm): $split by a pattern with a group returns what the group
# matched as well, as Python's re.split does. A list of fields then has separators among its members.
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
says '$split("db-01, db-02", /, */)' '["db-01","db-02"]' '["db-01","db-02"]'
says '$split("db-01, db-02", /(, *)/)' '["db-01","db-02"]' '["db-01",", ","db-02"]'
says '$split("a1b2c", /([0-9])/)' '["a","b","c"]' '["a","1","b","2","c"]'
