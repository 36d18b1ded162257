#!/usr/bin/env bash
# web-audio-api 1.5.6 (npm), noise of 0.5 s as a ConvolverNode's reverb with `normalize` left on. Expected: the level that the Web Audio standard's
# formula gives, as node-web-audio-api 2.2.0 does and browsers do. Seen: 15 dB louder, 52 dB for a short impulse, since it divides by the impulse's
# energy instead: a mix that suits a browser is drowned in its reverb.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
npm init -y >/dev/null; npm install --silent --no-audit --no-fund node-web-audio-api@2.2.0 web-audio-api@1.5.6 >/dev/null 2>&1
cat >reverb.mjs <<'J'
let seed = 7;
const random = () => (seed = (seed * 1103515245 + 12345) % 2147483648) / 1073741824 - 1;
const noise = Float32Array.from({ length: 22050 }, random);
const tail = Float32Array.from({ length: 22050 }, (_, n) => random() * Math.exp(-n / 4000));
const filled = (context, samples) => {
  const buffer = context.createBuffer(1, samples.length, 44100);
  buffer.getChannelData(0).set(samples);
  return buffer;
};
async function level(library, impulse) {
  const { OfflineAudioContext } = await import(library);
  const context = new OfflineAudioContext(1, 22050, 44100), source = context.createBufferSource(), reverb = context.createConvolver();
  source.buffer = filled(context, noise);
  reverb.buffer = filled(context, impulse);
  source.connect(reverb);
  reverb.connect(context.destination);
  source.start(0);
  return Math.sqrt((await context.startRendering()).getChannelData(0).reduce((sum, x) => sum + x * x, 0));
}
const decibels = [];
for (const impulse of [tail, Float32Array.of(1, 0, 0, 0)])
  decibels.push((20 * Math.log10((await level("web-audio-api", impulse)) / (await level("node-web-audio-api", impulse)))).toFixed(1));
const standard = (samples) => (1 / Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length)) * 0.00125;
const energy = (samples) => 1 / Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0));
decibels.push(...[tail, Float32Array.of(1, 0, 0, 0)].map((x) => (20 * Math.log10(energy(x) / standard(x))).toFixed(1)));
console.log(decibels.join(" "));
process.exit(0);
J
found=$(node reverb.mjs); set -- $found
echo "web-audio-api 1.5.6 is $1 dB louder than node-web-audio-api 2.2.0 with a reverb, $2 dB with [1, 0, 0, 0] (the two formulas: $3, $4)"
[ "$found" = "14.6 52.0 14.6 52.0" ] || { echo changed; exit 1; }
