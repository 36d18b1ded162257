#!/usr/bin/env bash
# web-audio-api 1.5.6 (npm), a click into a DelayNode of 1,000 frames that feeds itself by a gain. Expected: echoes at 1000, 2000, 3000 ..., as in
# browsers and node-web-audio-api 2.2.0. Seen: 1000, 2128, 3256 ...: each turn is a block of 128 late, so an echo in time with the beat drifts by
# 2.9 ms a turn.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
npm init -y >/dev/null; npm install --silent --no-audit --no-fund node-web-audio-api@2.2.0 web-audio-api@1.5.6 >/dev/null 2>&1
cat >echo.mjs <<'J'
async function echoes(library) {
  const { OfflineAudioContext } = await import(library);
  const context = new OfflineAudioContext(1, 6000, 44100), source = context.createBufferSource();
  const buffer = context.createBuffer(1, 1, 44100);
  buffer.getChannelData(0)[0] = 1;
  source.buffer = buffer;
  const delay = context.createDelay(1), gain = context.createGain();
  delay.delayTime.value = 1000 / 44100;
  gain.gain.value = 0.9;
  source.connect(delay).connect(gain).connect(delay);
  delay.connect(context.destination);
  source.start(0);
  const heard = (await context.startRendering()).getChannelData(0);
  return [...heard].flatMap((x, n) => (Math.abs(x) > 0.1 ? [n] : [])).join();
}
console.log(await echoes("web-audio-api"), await echoes("node-web-audio-api"));
process.exit(0);
J
found=$(node echo.mjs); set -- $found
echo "echoes of a delay of 1000 frames: web-audio-api 1.5.6 at $1; node-web-audio-api 2.2.0 at $2"
[ "$found" = "1000,2128,3256,4384,5512 1000,2000,3000,4000,5000" ] || { echo changed; exit 1; }
