#!/usr/bin/env bash
# node-web-audio-api 2.2.0 playing the first d frames of a looped source by `start(0, 0, d / 44100)`. Expected: d frames, as of a source that does not
# loop and as web-audio-api 1.5.6 plays. Seen: more, up to the next block of 128 once d is longer than the loop: 334,720 for 334,672.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
npm init -y >/dev/null; npm install --silent --no-audit --no-fund node-web-audio-api@2.2.0 web-audio-api@1.5.6 >/dev/null 2>&1
cat >play.mjs <<'J'
const RATE = 44100, BAR = 83668;
async function frames(library, seconds, loop) {
  const { OfflineAudioContext } = await import(library);
  const context = new OfflineAudioContext(1, 400000, RATE), source = context.createBufferSource();
  const buffer = context.createBuffer(1, loop ? BAR : 400000, RATE);
  buffer.getChannelData(0).fill(0.5);
  Object.assign(source, { buffer, loop });
  source.connect(context.destination);
  source.start(0, 0, seconds);
  return (await context.startRendering()).getChannelData(0).findLastIndex((x) => x !== 0) + 1;
}
const found = [];
for (const library of ["node-web-audio-api", "web-audio-api"])
  found.push([await frames(library, (4 * BAR) / RATE, true), await frames(library, (4 * BAR) / RATE, false)].join());
console.log(found.join(" "));
process.exit(0);
J
found=$(node play.mjs); set -- $found
echo "four passes of 83668 frames asked for, of a source that loops and of one that does not: node-web-audio-api 2.2.0 $1, web-audio-api 1.5.6 $2"
[ "$found" = "334720,334672 334672,334672" ] || { echo changed; exit 1; }
