#!/usr/bin/env bash
# ffmpeg 5.1 writes RF64, W64 and AIFF to a pipe and exits 0, but reads none of the three back; WAV, AU and CAF it does.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
command -v ffmpeg >/dev/null || { apt-get update -qq; apt-get install -yqq --no-install-recommends ffmpeg; }
ffmpeg -version | sed -n 1p; found=""
for kind in "wav" "wav -rf64 always" "w64" "aiff" "au" "caf"; do
  ffmpeg -v error -f lavfi -i sine=duration=1:sample_rate=44100 -f $kind - 2>err | cat >x; code=${PIPESTATUS[0]}
  bytes=$( (ffmpeg -v quiet -i x -f s16le - || true) | wc -c)
  echo "$kind: writer's exit $code, $(stat -c %s x) bytes written, $((bytes / 2)) of 44100 frames read back"
  found="$found $code:$((bytes / 2))"
done
[ "$found" = " 0:44100 0:0 0:0 0:0 0:44100 0:44100" ] || { echo changed; exit 1; }
