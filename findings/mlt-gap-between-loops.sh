#!/usr/bin/env bash
# MLT 7.12 (`melt`, the engine of Kdenlive and Shotcut) playing four bars at 126.5 BPM (334,672 frames) twice, sound only, at 44,100 Hz. Expected: the
# second right behind the first. Seen: a clip lasts whole video frames, 1/25 s, so 488 silent frames (11 ms) follow each pass.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"; export HOME=$work QT_QPA_PLATFORM=offscreen
command -v melt >/dev/null || { apt-get update -qq; apt-get install -yqq --no-install-recommends melt >/dev/null; }
python3 - <<'P'
import struct, wave
w = wave.open("loop.wav", "wb"); w.setnchannels(2); w.setsampwidth(2); w.setframerate(44_100)
w.writeframes(struct.pack("<hh", 9_000, 9_000) * 334_672); w.close()
P
melt --version 2>&1 | sed -n 1p; melt loop.wav loop.wav -consumer avformat:out.wav vn=1 frequency=44100 acodec=pcm_s16le >/dev/null 2>&1
found=$(python3 - <<'P'
import wave
w = wave.open("out.wav"); data = w.readframes(w.getnframes()); frames = len(data) // 4
silent = [n for n in range(frames) if not any(data[4 * n:4 * n + 4])]
print(frames, silent[0], sum(n < 400_000 for n in silent), sum(n > 400_000 for n in silent))
P
)
echo "frames, first silent one, silent ones in the middle and at the end: $found"
[ "$found" = "670320 334672 488 488" ] || { echo changed; exit 1; }
