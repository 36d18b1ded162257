#!/usr/bin/env bash
# ffmpeg 5.1 cutting 334,672 frames into FLACs of 2 s by `-f segment -c:a flac`. Expected: each FLAC tells its own length. Seen: the first three tell
# none, and the last claims all 334,672 frames and their MD5 where it holds 67,408, so `flac -t` calls it damaged.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
for program in ffmpeg flac; do
  command -v $program >/dev/null || { apt-get update -qq; apt-get install -yqq --no-install-recommends $program >/dev/null; }
done
ffmpeg -v error -f lavfi -i anoisesrc=seed=1:sample_rate=44100:amplitude=0.1 -af atrim=end_sample=334672 -c:a flac -f segment -segment_time 2 bar%d.flac
ffmpeg -version | sed -n 1p; found=""
for bar in 0 1 2 3; do
  ffmpeg -v error -i bar$bar.flac -f s16le bar$bar.raw
  flac -ts bar$bar.flac 2>/dev/null && sound=sound || sound=damaged
  found="$found $(metaflac --show-total-samples bar$bar.flac):$(($(stat -c %s bar$bar.raw) / 2)):$sound"
done
echo "claimed, held, as flac -t finds it:$found"
[ "$found" = " 0:92160:sound 0:87552:sound 0:87552:sound 334672:67408:damaged" ] || { echo changed; exit 1; }
