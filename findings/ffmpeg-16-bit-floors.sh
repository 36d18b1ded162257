#!/usr/bin/env bash
# ffmpeg 5.1 and sndfile-convert (libsndfile 1.2) making 16 bits of a 24-bit WAV. Expected: rounded to the nearest or dithered. Seen: the low bits are cut
# off, so every value below zero goes down: a fade's end of -1/256 becomes -1, and all is half a step too low. ffmpeg rounds floats (`-af aformat=flt`),
# and SoX rounds, or dithers if it may.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
for program in ffmpeg:ffmpeg sndfile-convert:sndfile-programs sox:sox; do
  command -v ${program%:*} >/dev/null || { apt-get update -qq; apt-get install -yqq --no-install-recommends ${program#*:} >/dev/null; }
done
cat >make.py <<'P'
import struct, wave
w = wave.open("in.wav", "wb"); w.setnchannels(1); w.setsampwidth(3); w.setframerate(44_100)
w.writeframes(b"".join(struct.pack("<i", n)[:3] for n in (-257, -255, -127, -100, -1, 0, 1, 127, 129, 255) * 20)); w.close()
P
cat >show.py <<'P'
import struct, sys, wave
w = wave.open(sys.argv[1]); print(*struct.unpack("<10h", w.readframes(10)), sep=",")
P
python3 make.py
ffmpeg -v error -i in.wav -c:a pcm_s16le ffmpeg.wav; ffmpeg -v error -i in.wav -af aformat=flt -c:a pcm_s16le float.wav
sndfile-convert -pcm16 in.wav sndfile.wav; sox -D in.wav -b 16 sox.wav 2>/dev/null
ffmpeg -version | sed -n 1p; sox --version; found=""
for made in ffmpeg sndfile float sox; do found="$found $(python3 show.py $made.wav)"; echo "$made: ${found##* }"; done
[ "$found" = " -2,-1,-1,-1,-1,0,0,0,0,0 -2,-1,-1,-1,-1,0,0,0,0,0 -1,-1,0,0,0,0,0,0,1,1 -1,-1,0,0,0,0,0,0,1,1" ] || { echo changed; exit 1; }
