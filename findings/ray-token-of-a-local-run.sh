#!/usr/bin/env bash
# Ray 2.60.0: a first `ray.init()` without an address leaves a token in ~/.ray/auth_token. From then on `ray start
# --head` asks every program for that token, and `ray.init(address=...)` of the same user on the same machine, which
# could read it, sends none and fails, unless RAY_AUTH_MODE=token is set. One local run breaks the next cluster.
# Guess: with the token in the home folder, both sides of one machine use it, or neither does.
set -euo pipefail
work=$(mktemp -d)
export HOME="$work" RAY_USAGE_STATS_ENABLED=0
port=6411
trap '"$work/venv/bin/ray" stop >"$work/stop.log" 2>&1 || true; rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check ray==2.60.0
python="$work/venv/bin/python"

join='import sys, ray
try:
    ray.init(address="127.0.0.1:'$port'", log_to_driver=False)
    print("joined")
except ConnectionError:
    print("refused")'
head() { "$work/venv/bin/ray" start --head --port $port --num-cpus 1 --include-dashboard false >"$work/head.log" 2>&1; }
leave() { "$work/venv/bin/ray" stop >"$work/stop.log" 2>&1; }

head
before=$("$python" -c "$join" 2>"$work/log" | tail -1)
leave
"$python" -c 'import ray; ray.init(num_cpus=1, include_dashboard=False); ray.shutdown()' >"$work/local.log" 2>&1
[ -s "$HOME/.ray/auth_token" ] || { echo "CHANGED: a local run leaves no token"; exit 1; }
head
after=$("$python" -c "$join" 2>"$work/log" | tail -1)
told=$(RAY_AUTH_MODE=token "$python" -c "$join" 2>"$work/log" | tail -1)
leave

echo "Ray 2.60.0: before a local run $before, after it $after, with RAY_AUTH_MODE=token $told"
[ "$before $after $told" = "joined refused joined" ] || { echo "CHANGED"; exit 1; }
