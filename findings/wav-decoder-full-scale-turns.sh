#!/usr/bin/env bash
# A 24-bit WAV whose samples are 0.5, -0.5 and -1. Expected: those. Seen: wav-decoder 1.3.0 and node-wav 0.0.2 (npm) read -1 as
# 1.0000001, a click from one rail to the other, and 0.5 a hair larger than -0.5, as they divide by 2**23 - 1 above zero.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
npm init -y >/dev/null; npm install --silent --no-audit --no-fund wav-decoder@1.3.0 node-wav@0.0.2 >/dev/null
cat >read.mjs <<'J'
import decoder from "wav-decoder";
import nodeWav from "node-wav";
const samples = [0x400000, 0xc00000, 0x800000], file = new DataView(new ArrayBuffer(44 + 3 * samples.length));
const text = (at, word) => [...word].forEach((letter, n) => file.setUint8(at + n, letter.charCodeAt(0)));
text(0, "RIFF"); file.setUint32(4, file.byteLength - 8, true); text(8, "WAVEfmt "); file.setUint32(16, 16, true);
[[20, 1], [22, 1], [32, 3], [34, 24]].forEach(([at, value]) => file.setUint16(at, value, true));
file.setUint32(24, 44100, true); file.setUint32(28, 3 * 44100, true);
text(36, "data"); file.setUint32(40, 3 * samples.length, true);
samples.forEach((value, n) => [0, 8, 16].forEach((shift, byte) => file.setUint8(44 + 3 * n + byte, value >> shift)));
const found = {
  "wav-decoder": (await decoder.decode(file.buffer)).channelData[0],
  "node-wav": nodeWav.decode(file.buffer).channelData[0],
};
for (const [name, read] of Object.entries(found)) console.log(name, "reads 0.5, -0.5, -1 as", ...read);
const same = ([half, minus, full]) => half > 0.5 && half < 0.500001 && minus === -0.5 && full > 1;
process.exit(Object.values(found).every(same) ? 0 : 1);
J
node read.mjs
