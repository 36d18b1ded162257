#!/usr/bin/env bash
# web-audio-api 1.5.6 (npm) looping noise that stays within 1, whose rate is not the context's (44,100 Hz). Expected: between the last and the first
# frame it interpolates, as node-web-audio-api 2.2.0 does, and stays within 1. Seen: it goes on in a line past the last frame, up to 2.97 at the seam,
# a click at every pass.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
npm init -y >/dev/null; npm install --silent --no-audit --no-fund node-web-audio-api@2.2.0 web-audio-api@1.5.6 >/dev/null 2>&1
cat >seam.mjs <<'J'
let seed = 7;
const random = () => (seed = (seed * 1103515245 + 12345) % 2147483648) / 1073741824 - 1;
const noise = Float32Array.from({ length: 1000 }, random).with(998, -0.99).with(999, 0.99);
async function peak(library, rate) {
  const { OfflineAudioContext } = await import(library);
  const context = new OfflineAudioContext(1, 6000, 44100), source = context.createBufferSource();
  const buffer = context.createBuffer(1, noise.length, rate);
  buffer.getChannelData(0).set(noise);
  Object.assign(source, { buffer, loop: true });
  source.connect(context.destination);
  source.start(0);
  return Math.max(...(await context.startRendering()).getChannelData(0).map(Math.abs)).toFixed(2);
}
const found = [];
for (const library of ["web-audio-api", "node-web-audio-api"])
  found.push([await peak(library, 44100), await peak(library, 48000), await peak(library, 22050)].join());
console.log(found.join(" "));
process.exit(0);
J
found=$(node seam.mjs); set -- $found
echo "peak of a loop of 44100, 48000 and 22050 Hz, 1.00 at most in: web-audio-api 1.5.6 $1; node-web-audio-api 2.2.0 $2"
[ "$found" = "1.00,2.97,1.98 1.00,1.00,1.00" ] || { echo changed; exit 1; }
