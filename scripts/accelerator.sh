#!/usr/bin/env bash
# Train a larger bundled model in the minutes for which a machine with an accelerator is at hand.
#
#   scripts/accelerator.sh pack FILE.tar.xz [MODEL]    at home: all that the machine needs, in one file
#   python3 -m tarfile -e FILE.tar.xz accelerator      on the machine
#   bash accelerator/scripts/accelerator.sh train OUT  on the machine: loops, decoder, prior, and the model in parts
#   scripts/accelerator.sh join OUT MODEL              at home: a model folder from the parts
#
# The machine needs bash and Python 3.12 with torch, numpy, einops and safetensors; no network. The pack holds the
# source, the tracks (MUSIC, by default data/tracks from `make music`) and the other libraries: 50 MiB in all.
# PACKAGES names those that the machine lacks where it has some: "soundfile cffi pycparser soxr mido" are
# 2 MiB. Graphs are traced at home, by `join`: their libraries would be a third of the pack.
# With MODEL, a folder that `join` made, the machine goes on from it, with the same LOOPS, PRIOR and DECODER.
#
# train: MINUTES (9) is how long the whole command takes, LOOPS (6000) how many are produced, JOBS how many processes do
# so, DEVICE (auto) where to train; PRIOR and DECODER replace values of the recipes. Parts have at most 15 MiB. They are
# written twice: after three quarters of the training, and at the end. Run again after an interruption, the command
# keeps the loops. Rehearse it on any machine, in a minute or two:
#   MINUTES=2 LOOPS=12 PRIOR="model.width=32 model.depth=3 model.bass_width=32" DECODER="model.width=16"
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
lean="filelock threadpoolctl" # for training, which would render and score loops if it found the others
all="scipy soundfile cffi pycparser soxr pillow mido"
export OMP_NUM_THREADS=1

pack() { # file, model or nothing
    local target=$1 model=${2:-} music=${MUSIC:-$top/data/tracks} work
    [ -d "$music" ] || { echo "accelerator.sh: no music in $music; run make music first" >&2; exit 2; }
    work=$(mktemp -d)
    trap "rm -rf '$work'" EXIT
    git -C "$top" archive HEAD src scripts | tar -x -C "$work" --exclude src/fourfloor/bundled
    libraries "$work/lean" $lean
    # shellcheck disable=SC2086
    libraries "$work/site" ${PACKAGES:-$all}
    find "$work/site" -name tests -type d -prune -exec rm -rf {} + # a sixth of scipy
    cp -rL "$music" "$work/tracks"
    [ -z "$model" ] || { mkdir "$work/model" && cp "$model"/{prior,decoder}.{json,safetensors} "$work/model"; }
    tar -cJf "$target" -C "$work" .
    echo "$target: $(du -m "$target" | cut -f1) MiB"
}

libraries() { # folder, names
    "${PYTHON:-$top/.venv/bin/python}" -m pip install --quiet --no-deps --no-compile --target "$1" \
        --python-version 3.12 --only-binary :all: "${@:2}"
}

train() { # folder for the parts
    out=$(mkdir -p "$1" && cd "$1" && pwd)
    cd "$top"
    mkdir -p data runs logs
    local loops=${LOOPS:-6000} jobs=${JOBS:-$(nproc)} minutes reference others
    export PYTHONPATH=src:lean:site
    python3 scripts/accelerator_part.py loops tracks --count "$loops" --jobs "$jobs"
    echo "$loops loops after $SECONDS s"
    # The music is little beside the loops: the prior has it five times, mixed band by band.
    data=(--data data/produced --data data/music) again=()
    for _ in 1 2 3 4; do again+=(--data data/music); done
    prior=() decoder=() from=() falling=
    for value in ${PRIOR-model.width=384 model.depth=10 training.batch_size=128}; do prior+=(--set "$value"); done
    for value in ${DECODER-model.width=384 training.batch_size=32}; do decoder+=(--set "$value"); done
    [ ! -d model ] || from=(--from model)
    python3 scripts/accelerator_part.py reference reference "${data[@]}" "${again[@]}" &
    reference=$!
    # Half a minute remains for the parts.
    minutes=$(python3 -c "print(max(0.2, ${MINUTES:-9} - ($SECONDS + 30) / 60))")
    both --minutes "$(python3 -c "print(0.75 * $minutes)")"
    wait "$reference"
    # A quarter more steps at a falling rate. What there is by now is written meanwhile.
    falling=yes
    both --minutes "$minutes" &
    others=$!
    write_parts
    wait "$others"
    write_parts
}

both() { # options of the training
    local other
    learn decoder "${decoder[@]}" "$@" &
    other=$!
    learn prior "${prior[@]}" "${again[@]}" "$@"
    wait "$other"
}

learn() { # recipe, options
    local more=()
    [ ! -d "runs/$1/checkpoints" ] || more+=(--resume)
    [ -z "$falling" ] || more+=(--steps $(($(steps "$1") * 5 / 4)))
    PYTHONPATH=src:lean python3 scripts/accelerator_part.py train "$1" --out "runs/$1" --device "${DEVICE:-auto}" \
        "${data[@]}" "${from[@]}" "${@:2}" "${more[@]}" >> "logs/$1.txt" 2>&1
}

steps() { # recipe
    tail -n 1 "runs/$1/log.jsonl" | sed 's/.*"step": \([0-9]*\).*/\1/'
}

write_parts() {
    cp reference/reference.* runs/prior/
    python3 scripts/accelerator_part.py export runs/prior --decoder runs/decoder --out made
    for run in prior decoder; do cp "runs/$run/log.jsonl" "logs/$run.jsonl"; done
    rm -f "$out"/part-*
    tar -cf - made logs | split -b 15M - "$out/part-"
    echo "$(steps prior) steps of the prior, $(steps decoder) of the decoder, after $SECONDS s"
}

join() { # folder of the parts, model folder to make
    [ ! -e "$2" ] && [ ! -e "$2.logs" ] || { echo "accelerator.sh: $2 or $2.logs is there; choose another" >&2; exit 2; }
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    cat "$1"/part-* | tar -x -C "$work"
    "${PYTHON:-$top/.venv/bin/python}" "$top/scripts/accelerator_part.py" trace "$work/made" --out "$2"
    mv "$work/logs" "$2.logs"
    echo "$2 and $2.logs"
}

case "${1:-} $#" in
    "pack 2" | "pack 3" | "train 2" | "join 3") "$@" ;;
    *) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
