#!/usr/bin/env bash
# Make the bundled model: data, decoder and prior side by side on one core each, export. `make model`
# Run it again after an interruption: finished steps are kept, training resumes.
# MINUTES (default 90) is how long both train; MUSIC (default data/tracks, from `make music`) holds the tracks.
set -euo pipefail
cd "$(dirname "$0")/.."
minutes=${MINUTES:-90}
music=${MUSIC:-data/tracks}
fourfloor=.venv/bin/fourfloor
export OMP_NUM_THREADS=1
trap 'kill $(jobs -p) 2> /dev/null || :' EXIT

[ -d "$music" ] || { echo "model.sh: no music in $music; run make music first" >&2; exit 2; }
[ -d data/music ] || $fourfloor ingest "$music" --out data/music --jobs 2
for seed in 0 1; do
    [ -d "data/produced-$seed" ] || $fourfloor produce --count 2000 --seed "$seed" --jobs 2 --out "data/produced-$seed"
done

train() {
    resume=""
    compgen -G "runs/$1/checkpoints/step-*.json" > /dev/null && resume=--resume
    # The music twice: one loop in ten is real.
    $fourfloor train "recipes/$1.toml" --data data/produced-0 --data data/produced-1 --data data/music --data data/music \
        --out "runs/$1" --minutes "$minutes" $resume
}
# Both read one codec, fitted by whoever comes first; the first moments are the decoder's.
mkdir -p runs
train decoder > runs/decoder.out 2>&1 &
sleep 20
train prior
wait %1
$fourfloor export runs/prior --decoder runs/decoder --out data/warehouse
echo "copy data/warehouse to src/fourfloor/bundled/warehouse to ship it"
