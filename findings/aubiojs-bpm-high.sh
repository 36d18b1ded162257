#!/usr/bin/env bash
# aubiojs 0.2.1 (npm) `Tempo` on kicks and hats at exactly 126.5 BPM. Expected: `getBpm` as aubio-ledfx 0.4.12 (aubio in C) gives, 126.5, and as
# its own beats lie. Seen: its beats lie 126.5 BPM apart, but getBpm says 128.6 with hops of 512 and 127.5 with hops of 256.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
npm init -y >/dev/null; npm install --silent --no-audit --no-fund aubiojs@0.2.1 >/dev/null 2>&1
cat >tempo.cjs <<'J'
const BPM = 126.5, beat = (44100 * 60) / BPM, beats = 64, audio = new Float32Array(Math.round(beats * beat));
let seed = 1;
const noise = () => (seed = (seed * 1103515245 + 12345) % 2147483648) / 1073741824 - 1;
for (let n = 0; n < beats; n++) {
  for (let i = 0, at = Math.round(n * beat); i < 12000 && at + i < audio.length; i++) {
    const t = i / 44100;
    audio[at + i] += 0.8 * Math.sin(2 * Math.PI * (50 * t + 8 * (1 - Math.exp(-40 * t)))) * Math.exp(-9 * t);
  }
  for (let i = 0, at = Math.round((n + 0.5) * beat); i < 3000 && at + i < audio.length; i++)
    audio[at + i] += 0.3 * noise() * Math.exp(-i / 500);
}
require("aubiojs")().then((aubio) => {
  const found = [512, 256].map((hop) => {
    const tempo = new aubio.Tempo(1024, hop, 44100), places = [];
    for (let at = 0; at + hop <= audio.length; at += hop) if (tempo.do(audio.slice(at, at + hop))) places.push(at / 44100);
    const late = places.slice(-33);
    return { hop, getBpm: +tempo.getBpm().toFixed(2), ofItsBeats: +((32 * 60) / (late[32] - late[0])).toFixed(2) };
  });
  console.log("aubiojs 0.2.1 at 126.5 BPM:", JSON.stringify(found));
  const [long, short] = found;
  const high = long.getBpm > 128 && short.getBpm > 127.2 && Math.abs(long.ofItsBeats - BPM) < 0.3;
  process.exit(high ? 0 : 1);
});
J
node tempo.cjs
