#!/usr/bin/env bash
# node-web-audio-api 2.2.0, a click through a WaveShaperNode with `oversample` 2x and a line as curve, and through a DynamicsCompressorNode of ratio 1.
# Expected: in place to a few frames, and 6 ms late (265 frames), which the Web Audio standard asks for. Seen: 128 and 384 frames late, a rounding
# up to blocks: mixed with the dry drums, as parallel distortion is, it combs from 172 Hz on. web-audio-api 1.5.6 delays neither.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
npm init -y >/dev/null; npm install --silent --no-audit --no-fund node-web-audio-api@2.2.0 web-audio-api@1.5.6 >/dev/null 2>&1
cat >delays.mjs <<'J'
async function delay(library, node) {
  const { OfflineAudioContext } = await import(library);
  const context = new OfflineAudioContext(1, 3000, 44100), source = context.createBufferSource(), effect = node(context);
  const buffer = context.createBuffer(1, 1000, 44100);
  buffer.getChannelData(0)[500] = 0.5;
  source.buffer = buffer;
  source.connect(effect);
  effect.connect(context.destination);
  source.start(0);
  const heard = (await context.startRendering()).getChannelData(0).map(Math.abs);
  return heard.indexOf(Math.max(...heard)) - 500;
}
const shaper = (oversample) => (context) => Object.assign(context.createWaveShaper(), { curve: Float32Array.of(-1, 0, 1), oversample });
const compressor = (context) => {
  const node = context.createDynamicsCompressor();
  node.ratio.value = 1;
  return node;
};
const found = [];
for (const library of ["node-web-audio-api", "web-audio-api"]) {
  const delays = [];
  for (const node of [shaper("none"), shaper("2x"), compressor]) delays.push(await delay(library, node));
  found.push(delays.join());
}
console.log(found.join(" "));
process.exit(0);
J
found=$(node delays.mjs); set -- $found
echo "frames late by a shaper, a shaper with 2x, a compressor: node-web-audio-api 2.2.0 $1; web-audio-api 1.5.6 $2"
[ "$found" = "0,128,384 0,0,0" ] || { echo changed; exit 1; }
