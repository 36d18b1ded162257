#!/usr/bin/env bash
# @tonejs/midi 2.0.28 (npm) reading a MIDI file with pitch bends and writing it again. Expected: the same bends. Seen: they are read as -1 to 1, and
# written without being scaled back, so the largest bend becomes 1 of 8,192 and others 0 or 1: all slides are gone.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
npm init -y >/dev/null; npm install --silent --no-audit --no-fund @tonejs/midi@2.0.28 midi-file@1.2.4 >/dev/null 2>&1
cat >t.cjs <<'J'
const { Midi } = require('@tonejs/midi');
const { parseMidi, writeMidi } = require('midi-file');
const bends = [-8192, -4096, 0, 4096, 8191];
const events = bends.map((value) => ({ deltaTime: 60, type: 'pitchBend', channel: 0, value }));
const track = [{ deltaTime: 0, type: 'noteOn', channel: 0, noteNumber: 33, velocity: 100 }, ...events,
  { deltaTime: 60, type: 'noteOff', channel: 0, noteNumber: 33, velocity: 0 }, { deltaTime: 0, meta: true, type: 'endOfTrack' }];
const file = writeMidi({ header: { format: 0, numTracks: 1, ticksPerBeat: 480 }, tracks: [track] });
const inFile = (bytes) => parseMidi(Buffer.from(bytes)).tracks.flat().filter((e) => e.type === 'pitchBend').map((e) => e.value);
const midi = new Midi(Buffer.from(file));
const read = midi.tracks[0].pitchBends.map((bend) => Math.round(bend.value * 100) / 100);
const found = JSON.stringify([inFile(file), read, inFile(midi.toArray())]);
console.log('@tonejs/midi', require('@tonejs/midi/package.json').version, 'bends in the file, as read, and written again:', found);
process.exit(found === '[[-8192,-4096,0,4096,8191],[-1,-0.5,0,0.5,1],[-1,-1,0,0,0]]' ? 0 : 1);
J
node t.cjs
