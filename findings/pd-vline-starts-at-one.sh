#!/usr/bin/env bash
# Pure Data 0.53: vline~ from 0 to N over N samples puts out 1, 2, ... N: a table read by it never plays frame 0.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
command -v pd >/dev/null || { apt-get update -qq; apt-get install -yqq --no-install-recommends puredata-core; }
cat >t.pd <<P
#N canvas 0 0 500 400 12;
#X obj 10 10 loadbang;
#X obj 10 30 t b b b b;
#X msg 10 60 \; pd dsp 1;
#X msg 90 60 0 \, 1000 22.6757369615;
#X obj 90 90 vline~;
#X obj 90 120 tabwrite~ a;
#X obj 200 10 table a 128;
#X obj 10 90 delay 20;
#X obj 10 120 t b b;
#X msg 10 150 write -wave -bytes 4 $work/out.wav a;
#X obj 10 180 soundfiler;
#X msg 200 150 \; pd quit;
#X connect 0 0 1 0;
#X connect 1 3 2 0;
#X connect 1 2 5 0;
#X connect 1 1 3 0;
#X connect 1 0 7 0;
#X connect 3 0 4 0;
#X connect 4 0 5 0;
#X connect 7 0 8 0;
#X connect 8 1 9 0;
#X connect 9 0 10 0;
#X connect 8 0 11 0;
P
pd -version 2>&1 | sed -n 1p
pd -nogui -batch -noaudio -r 44100 t.pd 2>/dev/null
python3 - <<'P'
import struct
b = open("out.wav", "rb").read(); i = b.index(b"data") + 8
x = [round(v, 2) for v in struct.unpack("<4f", b[i:i + 16])]
print("first values:", x)
raise SystemExit(x[:3] != [1.0, 2.0, 3.0])
P
