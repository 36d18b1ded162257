#!/usr/bin/env bash
# Send a studio what its OpenAPI document describes, and much that it does not: no answer may be a server error, or one
# that the document does not name. Answers without an end are left out. `make test-openapi` installs schemathesis into an environment of its own.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -x .venv-openapi/bin/schemathesis ] || {
    python3 -m venv .venv-openapi
    .venv-openapi/bin/pip install --quiet --disable-pip-version-check 'schemathesis>=4,<5'
}
library=$(mktemp -d)
.venv/bin/fourfloor studio --no-open --port 8149 --library "$library" > "$library/out" &
studio=$!
trap 'kill $studio; wait $studio || :; rm -rf "$library"' EXIT
for _ in $(seq 100); do
    grep -q http "$library/out" && break
    sleep 0.2
done
.venv-openapi/bin/schemathesis run http://127.0.0.1:8149/openapi.json --url http://127.0.0.1:8149 \
    --seed "${SEED:-0}" --max-examples 30 --exclude-path-regex '^/api/(events|streams)$' --request-timeout 30 \
    --checks not_a_server_error,status_code_conformance,response_schema_conformance
