#!/usr/bin/env bash
# Two Web Audio engines for Node looping frames 100 to b of a longer buffer: `loopStart` 100 / 44100, `loopEnd` b / 44100, both whole, with a hit right
# behind the loop. Expected: the hit is never heard, as frame 100 follows frame b - 1. Seen: where b / 44100 * 44100 is not b, frame b sounds in place
# of frame 100 at every wrap, a click: for 19 of 40 b in node-web-audio-api 2.2.0, in web-audio-api 1.5.6 for 6, at some wraps. Cut the buffer instead.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
npm init -y >/dev/null; npm install --silent --no-audit --no-fund node-web-audio-api@2.2.0 web-audio-api@1.5.6 >/dev/null 2>&1
cat >play.mjs <<'J'
const RATE = 44100;
async function wrong(library) {
  const { OfflineAudioContext } = await import(library);
  let cases = 0, hits = 0;
  for (let end = 600; end < 1000; end += 10) {
    const context = new OfflineAudioContext(1, 6000, RATE), source = context.createBufferSource();
    const buffer = context.createBuffer(1, 1000, RATE);
    buffer.getChannelData(0).fill(1, end);  // Silence, then a hit right behind the loop.
    Object.assign(source, { buffer, loop: true, loopStart: 100 / RATE, loopEnd: end / RATE });
    source.connect(context.destination);
    source.start(0);
    const heard = (await context.startRendering()).getChannelData(0).filter((x) => x > 0.5).length;
    cases += heard > 0; hits += heard;
  }
  return `${cases},${hits}`;
}
console.log(await wrong("node-web-audio-api"), await wrong("web-audio-api"));
process.exit(0);
J
found=$(node play.mjs); set -- $found
echo "of 40 loops, how many play the hit behind their end, and how often in all: node-web-audio-api 2.2.0 $1, web-audio-api 1.5.6 $2"
[ "$found" = "19,181 6,50" ] || { echo changed; exit 1; }
