#!/usr/bin/env bash
# ffmpeg 5.1 writing one loop of 334,672 frames and reading it back. Expected: where Ogg and MP3 keep the exact length, so do Matroska, WebM and MP4, whose
# headers can say it. Seen: Vorbis 48 more in Matroska and WebM, AAC in MP4 176 more although its edit list holds the length: so the seam opens.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
command -v ffmpeg >/dev/null || { apt-get update -qq; apt-get install -yqq --no-install-recommends ffmpeg >/dev/null; }
ffmpeg -version | sed -n 1p; ffmpeg -v error -f lavfi -i anoisesrc=seed=1:sample_rate=44100:amplitude=0.2 -af atrim=end_sample=334672 loop.wav; found=""
for kind in libvorbis:ogg libmp3lame:mp3 flac:mkv libvorbis:mkv libvorbis:webm aac:m4a; do
  file=x.${kind#*:}; ffmpeg -v error -y -i loop.wav -c:a ${kind%:*} $file
  frames=$(($(ffmpeg -v error -i $file -f s16le - | wc -c) / 2)); echo "$kind: $frames"; found="$found $((frames - 334672))"
done
[ "$found" = " 0 0 0 48 48 176" ] || { echo changed; exit 1; }
