#!/usr/bin/env bash
# jsonata-python 0.7.1 (PyPI) against the reference, jsonata 2.2.2 (npm): $sort with a comparator turns round those that are
# equal. JSONata's documentation: the function returns true if the left one belongs after the right one, and otherwise false, so
# false for equals, and the reference leaves them in their order. The port takes false for "the left one belongs before", so
# a list of equals comes out backwards. $sort without a function and the operator ^ leave equals alone in both.
# So of several nodes of one priority another one comes first here. What to do: sort with ^, or by a second field.
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
nodes='[{"node": "db-01", "p": 1}, {"node": "db-02", "p": 1}, {"node": "db-03", "p": 1}]'
says "\$sort($nodes, function(\$l, \$r) {\$l.p > \$r.p}).node" '["db-01","db-02","db-03"]' '["db-03","db-02","db-01"]'
says "$nodes^(p).node" '["db-01","db-02","db-03"]' '["db-01","db-02","db-03"]'
says '$sort([3, 1, 2], function($l, $r) {$l > $r})' '[1,2,3]' '[1,2,3]'
says '$sort([3, 1, 2], function($l, $r) {false})' '[3,1,2]' '[2,1,3]'
says '$sort([3, 1, 2])' '[1,2,3]' '[1,2,3]'
