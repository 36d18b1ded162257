#!/usr/bin/env bash
# ChucK 1.4.2: SndBuf mutes sample 0 of its first pass, SndBuf2 does not; SndBuf2 with 2 => interp is silent throughout.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
command -v chuck >/dev/null || { apt-get update -qq; apt-get install -yqq --no-install-recommends chuck; }
python3 - <<'P'
import struct, wave
w = wave.open("in.wav", "wb"); w.setnchannels(2); w.setsampwidth(2); w.setframerate(44100)
w.writeframes(b"".join(struct.pack("<hh", 8192, 8192) for _ in range(1000))); w.close()
P
play() {
  printf '%s b => blackhole; "%s/in.wav" => b.read; %s 1 => b.loop; b%s => WvOut o => blackhole; "%s/out.wav" => o.wavFilename; 1000::samp => now; o.closeFile();' "$1" "$work" "$2" "$3" "$work" >t.ck
  chuck --silent --srate:44100 t.ck
  python3 -c "import wave,struct; w=wave.open('out.wav'); x=struct.unpack('<%dh'%w.getnframes(), w.readframes(w.getnframes())); print(x[0]!=0, any(x))"
}
chuck --version 2>&1 | grep version || true
a=$(play SndBuf "" ""); b=$(play SndBuf2 "" ".chan(0)"); c=$(play SndBuf2 "2 => b.interp;" ".chan(0)")
echo "first sample heard, anything heard: SndBuf: $a; SndBuf2: $b; SndBuf2 interp 2: $c"
[ "$a|$b|$c" = "False True|True True|False False" ]
