#!/usr/bin/env bash
# loudgain 0.6.8 tagging a one-shot of 0.3 s, a plain tone of -20 dB, as FLAC and MP3. Expected: a gain, as metaflac and vorbisgain give one, or no tag, as
# EBU R 128 needs 0.4 s. Seen: exit 0 and REPLAYGAIN_TRACK_GAIN=inf dB in both. mpg123 1.31 then plays the MP3 20 dB louder, at full scale; ffmpeg 5.1
# leaves it. From 0.4 s on the gain is 1.99 dB.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
for program in loudgain flac sox lame mpg123 ffmpeg; do
  command -v $program >/dev/null || { apt-get update -qq; apt-get install -yqq --no-install-recommends $program >/dev/null; }
done
loudgain --version 2>&1 | sed -n 1p; mpg123 --version; found=""
for frames in 13230 17639 17640; do
  sox -D -r 44100 -n -b 16 -c 2 x.wav synth ${frames}s sine 1000 vol -20dB; flac -sf x.wav 2>/dev/null; lame --quiet -b 192 x.wav x.mp3
  loudgain -q -s i x.flac x.mp3 >/dev/null 2>&1
  gain=$(metaflac --show-tag=REPLAYGAIN_TRACK_GAIN x.flac); mpg123 -q --rva-mix -w played.wav x.mp3 2>/dev/null
  ffmpeg -v error -y -i x.mp3 -af volume=replaygain=track decoded.wav
  peaks=$(for made in played decoded; do sox $made.wav -n stat 2>&1 | awk '/Maximum amplitude/ { printf "%.1f ", $3 }'; done)
  echo "$frames frames of peak 0.1: $gain, peak in mpg123 and ffmpeg: $peaks"; found="$found ${gain#*=} $peaks"
done
[ "$found" = " inf dB 1.0 0.1  inf dB 1.0 0.1  1.99 dB 0.1 0.1 " ] || { echo changed; exit 1; }
