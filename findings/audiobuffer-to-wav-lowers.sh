#!/usr/bin/env bash
# audiobuffer-to-wav 1.0.0 and wav-encoder 1.3.0 (npm) on all 65,536 values of a 16-bit WAV as Web Audio decodes them (n / 32768). Expected: the same
# values, since 16 bits came from 16 bits. Seen: audiobuffer-to-wav writes every positive value one lower, each time a file is saved again;
# wav-encoder the upper half of them.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
npm init -y >/dev/null; npm install --silent --no-audit --no-fund audiobuffer-to-wav@1.0.0 wav-encoder@1.3.0 >/dev/null 2>&1
cat >save.mjs <<'J'
import toWav from "audiobuffer-to-wav";
import encoder from "wav-encoder";
const decode = (file) => Float32Array.from(new Int16Array(file.slice(44)), (n) => n / 32768);
const buffer = (x) => ({ numberOfChannels: 1, sampleRate: 44100, length: x.length, getChannelData: () => x });
const all = Float32Array.from({ length: 65536 }, (_, n) => (n - 32768) / 32768);
const lower = (made) => [...made].map((x, n) => (x - all[n]) * 32768);
const told = (steps) => [steps.filter((s) => s < 0).length, Math.min(...steps), steps.filter((s) => s > 0).length].join();
const once = decode(toWav(buffer(all)));
let ten = all;
for (let n = 0; n < 10; n++) ten = decode(toWav(buffer(ten)));
const other = decode(await encoder.encode({ sampleRate: 44100, channelData: [all] }));
console.log([once, ten, other].map((made) => told(lower(made))).join(" "));
J
found=$(node save.mjs); set -- $found
echo "audiobuffer-to-wav 1.0.0: lower, by at most, higher: $1; saved ten times: $2; wav-encoder 1.3.0: $3"
[ "$found" = "32767,-1,0 32767,-10,0 16383,-1,0" ] || { echo changed; exit 1; }
