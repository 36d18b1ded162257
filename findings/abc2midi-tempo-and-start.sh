#!/usr/bin/env bash
# abc2midi 4.84 on four beats at Q:1/4=126.5. Expected: 474,308 microseconds a beat, notes on ticks 0, 480, 960 and 1440, an end at 1920, or a word that
# it cannot. Seen: 126 BPM (476,190), 30 ms more in four bars; every note a tick late; and the end 26 ticks behind the last beat, so that a loop of it
# is too long at each pass.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
for program in abc2midi:abcmidi midicsv:midicsv; do
  command -v ${program%:*} >/dev/null || { apt-get update -qq; apt-get install -yqq --no-install-recommends ${program#*:} >/dev/null; }
done
printf 'X:1\nT:x\nM:4/4\nL:1/4\nQ:1/4=126.5\nK:C\nCCCC|\n' >x.abc
abc2midi x.abc -o x.mid | sed -n 1p
midicsv x.mid >x.csv; grep -E "Header|Tempo|Note_on|End_track" x.csv
found=$(grep -E " (Tempo|Note_on_c|End_track)" x.csv | cut -d, -f2,4 | tr -d ' ' | tr '\n' ' '); echo "$found"
[ "$found" = "0,476190 1,0 481,0 961,0 1441,0 1946 " ] || { echo changed; exit 1; }
