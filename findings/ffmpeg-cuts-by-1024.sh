#!/usr/bin/env bash
# ffmpeg 5.1 cutting a WAV of four bars at 126.5 BPM (334,672 frames) in the middle by `-ss` and `-to` with `-c copy`, and into bars by `-f segment`.
# Expected: to the frame, as PCM has no frames that hang together. Seen: it cuts between its own packets of 1,024: the half is 600 frames (13.6 ms)
# late, bars are 83,968 frames instead of 83,668, even re-encoded. `-ss` before `-i` is exact, as is re-encoding without `segment`.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
command -v ffmpeg >/dev/null || { apt-get update -qq; apt-get install -yqq --no-install-recommends ffmpeg >/dev/null; }
python3 - <<'P'
import struct, wave
w = wave.open("loop.wav", "wb"); w.setnchannels(1); w.setsampwidth(4); w.setframerate(44_100)  # each sample is its own number
w.writeframes(struct.pack("<334672i", *range(334_672))); w.close()
P
cut() { ffmpeg -v error -y "$@"; }
cut -i loop.wav -ss 3.794467 -c copy half.wav; cut -ss 3.794467 -i loop.wav -c copy before.wav
cut -i loop.wav -ss 3.794467 -c:a pcm_s32le coded.wav; cut -i loop.wav -to 3.794467 -c copy first.wav
cut -i loop.wav -f segment -segment_time 1.8972335 -c copy bar%d.wav; cut -i loop.wav -f segment -segment_time 1.8972335 -c:a pcm_s32le again%d.wav
ffmpeg -version | sed -n 1p
python3 - <<'P'
import struct, subprocess
def span(name):
    data = subprocess.check_output(["ffmpeg", "-v", "error", "-i", name, "-f", "s32le", "-"])
    return struct.unpack("<i", data[:4])[0], struct.unpack("<i", data[-4:])[0] + 1
found = {name: span(name + ".wav") for name in ("half", "before", "coded", "first", "bar0", "bar1", "again1")}
print("frames (the middle is 167336, a bar 83668):", found)
wanted = dict(half=(167_936, 334_672), before=(167_336, 334_672), coded=(167_336, 334_672), first=(0, 167_936), bar0=(0, 83_968))
raise SystemExit(found != wanted | dict(bar1=(83_968, 167_936), again1=(83_968, 167_936)) and "changed")
P
