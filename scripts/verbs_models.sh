#!/usr/bin/env bash
# Make the networks of `stems`, `midi` and `rekit`: kits, loops with their truth, both trainings, export. `make verbs-models`
# Run it again after an interruption: finished steps are kept, training resumes.
# MINUTES (default 60) is how long each trains on one core, side by side.
set -euo pipefail
cd "$(dirname "$0")/.."
minutes=${MINUTES:-60}
fourfloor=.venv/bin/fourfloor
export OMP_NUM_THREADS=1
set -m # each job is a group of its own, so that ending one ends all of it
trap 'for job in $(jobs -p); do kill -- "-$job" 2> /dev/null || :; done' EXIT

[ -d data/kits/random ] || scripts/kits.sh data/kits
[ -d data/truth-100 ] || $fourfloor produce --count 160 --seed 100 --truth --out data/truth-100
[ -d data/truth-101 ] || $fourfloor produce --count 300 --seed 101 --truth --out data/truth-101
[ -d data/truth-103 ] || $fourfloor produce --count 120 --seed 103 --truth --kit data/kits/fluid --out data/truth-103
[ -d data/truth-105 ] || $fourfloor produce --count 200 --seed 105 --truth --kit data/kits/random --out data/truth-105
data=(--data data/truth-105 --data data/truth-103 --data data/truth-100 --data data/truth-101)

train() { # recipe
    resume=""
    [ -z "$(find "runs/$1/checkpoints" -name 'step-*.json' 2> /dev/null)" ] || resume=--resume
    $fourfloor train "$1" "${data[@]}" --out "runs/$1" --minutes "$minutes" $resume
    .venv/bin/python scripts/export_network.py "runs/$1" "src/fourfloor/bundled/editing/$1"
}
mkdir -p runs
train separator > runs/separator.out 2>&1 &
train transcriber
wait %1
