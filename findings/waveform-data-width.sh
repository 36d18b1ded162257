#!/usr/bin/env bash
# waveform-data 4.5.2 (npm), the data behind Peaks.js, `resample({ width })` of four bars at 126.5 BPM to fit a picture. Expected: as many points as asked
# for. Seen: one more, at 100, 200, 320 and 500, as the scale is cut to a whole number and the rest appended; and `concat` of the loop with itself
# is 8 ms too long, as each part counts whole points.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
npm init -y >/dev/null; npm install --silent --no-audit --no-fund waveform-data@4.5.2 >/dev/null 2>&1
cat >t.cjs <<'J'
const WaveformData = require('waveform-data');
const frames = 334672, samples = new Float32Array(frames).map((_, n) => 0.5 * Math.sin(n));
const audio = { sampleRate: 44100, length: frames, duration: frames / 44100, numberOfChannels: 1, getChannelData: () => samples };
WaveformData.createFromAudio({ audio_buffer: audio, scale: 512, disable_worker: true }, (error, points) => {
  const found = [100, 200, 320, 500].map((width) => [width, points.resample({ width }).length]);
  const longer = Math.round(1000 * (points.concat(points).duration - 2 * audio.duration));
  console.log('waveform-data', require('waveform-data/package.json').version, 'points asked for and given:', JSON.stringify(found), 'ms too long:', longer);
  process.exit(JSON.stringify(found) === process.argv[2] && longer === 8 ? 0 : 1);
});
J
node t.cjs '[[100,101],[200,201],[320,321],[500,501]]'
