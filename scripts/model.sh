#!/usr/bin/env bash
# Make the bundled model: data, decoder and prior side by side on one core each, export. `make model`
# Run it again after an interruption: finished steps are kept, training resumes.
# MINUTES (default 50) is how long decoder and prior train at full rate. A quarter more steps follow at a falling rate,
# then, of the prior, as many with the music mixed band by band and given five times, as it is little beside the rest.
# MUSIC (default data/tracks, from `make music`) holds the tracks. On a GPU the same with MINUTES=12 (not tried).
# FULL=1 takes the stages of the model in the package instead, with their steps, as `fourfloor models` prints them: hours
# of both cores. SHARE=0.01 takes that share of the steps, to see that all of it works.
set -euo pipefail
cd "$(dirname "$0")/.."
minutes=${MINUTES:-50}
music=${MUSIC:-data/tracks}
fourfloor=.venv/bin/fourfloor
export OMP_NUM_THREADS=1
set -m # each job is a group of its own, so that ending one ends all of it
trap 'for job in $(jobs -p); do kill -- "-$job" 2> /dev/null || :; done' EXIT

[ -d "$music" ] || { echo "model.sh: no music in $music; run make music first" >&2; exit 2; }
# Eleven of the 27 tracks are held out: the style distance takes ten.
[ -d data/music ] || $fourfloor ingest "$music" --out data/music --jobs 2 --validation-share 0.37
data=()
for seed in 0 1 2; do
    [ -d "data/produced-$seed" ] || $fourfloor produce --count 2000 --seed "$seed" --jobs 2 --out "data/produced-$seed"
    data+=(--data "data/produced-$seed")
done
data+=(--data data/music)

step() { # run: its newest checkpoint's
    find "runs/$1/checkpoints" -name 'step-*.json' 2> /dev/null | sed 's/.*step-0*\([0-9]*\)\.json/\1/' | sort -n | tail -n 1
}
part() { # run, recipe, options of train
    resume=""
    [ -z "$(step "$1")" ] || resume=--resume
    $fourfloor train "$2" "${data[@]}" --out "runs/$1" "${@:3}" $resume
}
train() { # run, recipe, options of train
    if [ ! -f "runs/$1.steps" ]; then
        part "$@" --minutes "$minutes"
        echo $(($(step "$1") * 5 / 4)) > "runs/$1.steps"
    fi
    part "$@" --steps "$(cat "runs/$1.steps")" # the rate falls over the last fifth of so many steps
}
mkdir -p runs
stage() { # run, recipe, steps, how often the music is given beside the first time, options of train
    local again=()
    for _ in $(seq "$4"); do again+=(--data data/music); done
    steps=$(awk -v steps="$3" -v share="${SHARE:-1}" 'BEGIN {print int(steps * share) + 1}')
    part "$1" "$2" --steps "$steps" "${again[@]}" "${@:5}"
}
if [ -n "${FULL:-}" ]; then
    constant=(--set training.decay_share=0) whole=(--set representation.recombined=0) bass=(--set training.only=bass)
    {
        stage decoder-1 decoder 7728 4 "${constant[@]}"
        stage decoder decoder 1800 0 --from runs/decoder-1 --set training.decay_share=0.9
    } > runs/decoder.out 2>&1 &
    sleep 20 # both read one codec, fitted by whoever comes first
    stage prior-1 prior 2442 4 "${whole[@]}" "${constant[@]}"
    stage prior-2 prior 6800 0 "${whole[@]}" --from runs/prior-1
    stage mixed prior 2000 0 --from runs/prior-2 --set training.decay_share=0.4
    stage bass-1 prior 2079 2 "${bass[@]}" "${constant[@]}" --from runs/mixed
    stage bass prior 2900 0 "${bass[@]}" --from runs/bass-1 --set training.decay_share=0.6
    wait %1
    $fourfloor export runs/bass --decoder runs/decoder --out data/warehouse
    exit
fi
# Both read one codec, fitted by whoever comes first; the first moments are the decoder's.
train decoder decoder > runs/decoder.out 2>&1 &
sleep 20
train prior prior --set representation.recombined=0
again=(--data data/music --data data/music --data data/music --data data/music)
part mixed prior --from runs/prior "${again[@]}" --set training.decay_share=0.4 --steps $(($(cat runs/prior.steps) / 5))
wait %1
$fourfloor export runs/mixed --decoder runs/decoder --out data/warehouse
echo "copy data/warehouse to src/fourfloor/bundled/warehouse to ship it"
