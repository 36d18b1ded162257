#!/usr/bin/env bash
# node-web-audio-api 2.2.0 (npm), decodeAudioData of a 44,100 Hz loop in a context of 48,000 and of 22,050 Hz. Expected: resampled as
# browsers do (Chromium 156: 441 Hz right to -79 dB). Seen: one sample more, with the last sample pulled to the last place, so
# the tone is off by -26 dB; and 15 kHz comes back as 7,050 Hz at full level.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
npm init -y >/dev/null; npm install --silent --no-audit --no-fund node-web-audio-api@2.2.0 >/dev/null 2>&1
cat >decode.mjs <<'J'
import { OfflineAudioContext } from "node-web-audio-api";
const frames = 336000; // whole periods of both tones
const wav = (hertz) => {
  const file = Buffer.alloc(44 + 2 * frames);
  file.write("RIFF"); file.writeUInt32LE(file.length - 8, 4); file.write("WAVEfmt ", 8); file.writeUInt32LE(16, 16);
  [1, 1].forEach((value, n) => file.writeUInt16LE(value, 20 + 2 * n));
  file.writeUInt32LE(44100, 24); file.writeUInt32LE(88200, 28); file.writeUInt16LE(2, 32); file.writeUInt16LE(16, 34);
  file.write("data", 36); file.writeUInt32LE(2 * frames, 40);
  for (let n = 0; n < frames; n++) file.writeInt16LE(Math.round(16384 * Math.sin(2 * Math.PI * hertz * n / 44100)), 44 + 2 * n);
  return file.buffer.slice(file.byteOffset, file.byteOffset + file.length);
};
const decoded = async (hertz, rate) => (await new OfflineAudioContext(1, 1, rate).decodeAudioData(wav(hertz))).getChannelData(0);
const low = await decoded(441, 48000), high = await decoded(15000, 22050);
const off = low.reduce((most, value, n) => Math.max(most, Math.abs(value - Math.sin(2 * Math.PI * 441 * n / 48000) / 2)), 0);
const alias = high.slice(2000, -2000).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
console.log("441 Hz at 48,000 Hz:", low.length, "samples for 365,714.3, off by", (20 * Math.log10(2 * off)).toFixed(1), "dB;",
  "15 kHz at 22,050 Hz:", (20 * Math.log10(2 * alias)).toFixed(1), "dB");
process.exit(low.length === 365715 && off > 0.015 && off < 0.03 && alias > 0.4 ? 0 : 1);
J
node decode.mjs
