#!/usr/bin/env bash
# ChucK 1.4.2 LiSa looping a buffer of 33,333 samples. Expected: the same period whether loopEnd is left at its default, which reads as the
# whole duration, or set to the whole duration. Seen: set, it becomes one sample less, and each pass is one sample short.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
command -v chuck >/dev/null || { apt-get update -qq; apt-get install -yqq --no-install-recommends chuck >/dev/null; }
for end in "" "33333::samp => loop.loopEnd;"; do
  cat >play.ck <<C
LiSa loop => WvOut out => blackhole; "out.wav" => out.wavFilename;
33333::samp => loop.duration;
loop.valueAt(0.5, 0::samp);
<<< loop.loopEnd() / samp >>>;
$end
1 => loop.loop; 1 => loop.play;
100000::samp => now; out.closeFile();
C
  timeout 60 chuck --silent --srate:44100 play.ck 2>&1 | sed 's/^/loopEnd before: /'
  python3 - "$end" <<'P'
import struct, sys, wave
read = wave.open("out.wav")
samples = struct.unpack(f"<{read.getnframes()}h", read.readframes(read.getnframes()))
clicks = [at for at, value in enumerate(samples) if value > 8000]
print("loopEnd set" if sys.argv[1] else "loopEnd as it is", "- begins at", clicks)
raise SystemExit(0 if clicks[1] == (33332 if sys.argv[1] else 33333) else "changed")
P
done
{ chuck --version 2>&1 || true; } | grep -o 'chuck version: [0-9.]*'
