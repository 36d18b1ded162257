#!/usr/bin/env bash
# ffmpeg 5.1 making stereo of a mono file by `-ac 2`, or by a filter that wants stereo (`extrastereo=m=1`, even `replaygain`, which only measures).
# Expected: the same samples on both sides, as SoX 14.4.2 gives. Seen: 3 dB softer, in 16 bits and in float. `pan=stereo|c0=c0|c1=c0` keeps the level.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
for program in ffmpeg sox; do
  command -v $program >/dev/null || { apt-get update -qq; apt-get install -yqq --no-install-recommends $program >/dev/null; }
done
sox -n -r 44100 -b 16 -c 1 mono.wav synth 1 sine 441 gain -6 2>/dev/null
run() { ffmpeg -v error -i mono.wav "$@"; }
run -ac 2 a16.wav; run -c:a pcm_f32le -ac 2 float.wav; run -af extrastereo=m=1 filter.wav; run -af replaygain measured.wav 2>/dev/null
run -af 'pan=stereo|c0=c0|c1=c0' pan.wav; sox mono.wav -c 2 sox.wav
decibels() { sox "$1.wav" -n stats 2>&1 | awk '/^RMS lev dB/ { print $4 }'; }
found=""
for name in mono a16 float filter measured pan sox; do found="$found$name $(decibels $name), "; done
ffmpeg -version | sed -n 1p; sox --version
echo "RMS level in dB: $found"
[ "$found" = "mono -9.01, a16 -12.02, float -12.02, filter -12.02, measured -12.02, pan -9.01, sox -9.01, " ] || { echo changed; exit 1; }
