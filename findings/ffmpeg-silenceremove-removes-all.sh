#!/usr/bin/env bash
# ffmpeg 5.1 `silenceremove=start_periods=1:start_threshold=-50dB`, which takes silence off a file's beginning, on a tone that has none. Expected: the tone.
# Seen: nothing, with exit 0, where the very first frame is loud, as in a loop that begins on the beat; with one silent frame before it, all but that one.
# SoX 14.4.2 `silence 1 0 0.3%` keeps both.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
for program in ffmpeg sox; do
  command -v $program >/dev/null || { apt-get update -qq; apt-get install -yqq --no-install-recommends $program >/dev/null; }
done
cat >make.py <<'P'
import math, struct, wave
for name, silent in (("loud", 0), ("silent", 1)):
    with wave.open(name + ".wav", "wb") as file:
        file.setparams((1, 2, 44_100, 0, "NONE", ""))
        tone = [round(16_000 * math.cos(2 * math.pi * 441 * n / 44_100)) for n in range(88_200)]
        file.writeframes(struct.pack("<88200h", *([0] * silent + tone[silent:])))
P
python3 make.py
found=""
for name in loud silent; do
  ffmpeg -v error -i $name.wav -af silenceremove=start_periods=1:start_threshold=-50dB $name-ffmpeg.wav
  sox $name.wav $name-sox.wav silence 1 0 0.3%
  found="$found$name $(soxi -s $name-ffmpeg.wav) $(soxi -s $name-sox.wav), "
done
ffmpeg -version | sed -n 1p; sox --version
echo "first frame, frames left of 88,200 by ffmpeg and by SoX: $found"
[ "$found" = "loud 0 88200, silent 88199 88199, " ] || { echo changed; exit 1; }
