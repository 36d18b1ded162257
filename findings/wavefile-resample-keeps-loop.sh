#!/usr/bin/env bash
# wavefile 11.0.0 (npm): toSampleRate resamples the audio and leaves the smpl loop points where they were, so a full loop is cut.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
npm install --silent --no-audit --no-fund wavefile@11.0.0 >/dev/null 2>&1
cat >t.cjs <<'J'
const { WaveFile } = require('wavefile');
const chunk = (id, data) => { const head = Buffer.from(id + '....'); head.writeUInt32LE(data.length, 4); return Buffer.concat([head, data]); };
const format = Buffer.from([1, 0, 1, 0, 0x44, 0xac, 0, 0, 0x88, 0x58, 1, 0, 2, 0, 16, 0]);
const loop = Buffer.alloc(60);
[0, 0, 22676, 60, 0, 0, 0, 1, 0, 0, 0, 0, 44099].forEach((value, i) => loop.writeUInt32LE(value, 4 * i));
const body = Buffer.concat([Buffer.from('WAVE'), chunk('fmt ', format), chunk('data', Buffer.alloc(88200)), chunk('smpl', loop)]);
const wav = new WaveFile(chunk('RIFF', body));
wav.toSampleRate(48000);
const read = new WaveFile(wav.toBuffer());
console.log([read.fmt.sampleRate, read.getSamples().length, read.smpl.loops[0].dwEnd].join(' '));
J
found=$(node t.cjs)
echo "wavefile 11.0.0, 44100 frames looped in full, to 48000 Hz: rate, frames, last frame of the loop: $found"
[ "$found" = "48000 48000 44099" ] || { echo changed; exit 1; }
