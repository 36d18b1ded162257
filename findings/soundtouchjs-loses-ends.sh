#!/usr/bin/env bash
# soundtouchjs 0.3.0 (npm), four bars of a steady tone at tempo 1 through `SimpleFilter`. Expected: all frames, from the first at full level. Seen: the
# last 10,744 frames (244 ms) never come out, and the first 8 ms fade in, so a loop loses the attack of its first kick.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
npm init -y >/dev/null; npm install --silent --no-audit --no-fund soundtouchjs@0.3.0 >/dev/null 2>&1
cat >stretch.mjs <<'J'
import { SimpleFilter, SoundTouch, WebAudioBufferSource } from "soundtouchjs";
const N = 334672, tone = Float32Array.from({ length: N }, (_, n) => 0.5 * Math.cos((2 * Math.PI * 441 * n) / 44100));
const filter = new SimpleFilter(new WebAudioBufferSource({ getChannelData: () => tone, numberOfChannels: 2, sampleRate: 44100 }), new SoundTouch());
const out = [], block = new Float32Array(2 * 4096);
for (let got = 1; got; ) {
  got = filter.extract(block, 4096);
  for (let n = 0; n < got; n++) out.push(block[2 * n]);
}
const peak = (at) => Math.max(...out.slice(at, at + 100).map(Math.abs)).toFixed(2);
console.log(N - out.length, [0, 100, 200, 300, 400].map(peak).join());
J
found=$(node stretch.mjs); set -- $found
echo "soundtouchjs 0.3.0 at tempo 1: $1 of 334672 frames lost at the end; peaks of the first hundreds of frames, of 0.50: $2"
[ "$found" = "10744 0.14,0.28,0.42,0.50,0.50" ] || { echo changed; exit 1; }
