#!/usr/bin/env bash
# midi-player-js 2.0.17 (npm) on four bars at 126.5 BPM. Expected: that tempo, 7.589 s. Seen: it plays at 127 and lasts 7.559 s: the tempo is rounded
# to whole beats a minute, so against audio of the loop its last beat is 28 ms early, and at 124.5 BPM (played at 124) 29 ms late.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
npm init -y >/dev/null; npm install --silent --no-audit --no-fund midi-player-js@2.0.17 midi-file@1.2.4 >/dev/null 2>&1
cat >t.cjs <<'J'
const { Player } = require('midi-player-js');
const { writeMidi } = require('midi-file');
const found = [126.5, 124.5].map((bpm) => {
  const track = [{ deltaTime: 0, meta: true, type: 'setTempo', microsecondsPerBeat: Math.round(6e7 / bpm) }];
  for (let beat = 0; beat < 16; beat++) {
    track.push({ deltaTime: beat ? 360 : 0, type: 'noteOn', channel: 9, noteNumber: 36, velocity: 100 });
    track.push({ deltaTime: 120, type: 'noteOff', channel: 9, noteNumber: 36, velocity: 0 });
  }
  track.push({ deltaTime: 360, meta: true, type: 'endOfTrack' });
  const player = new Player();
  player.loadArrayBuffer(Uint8Array.from(writeMidi({ header: { format: 0, numTracks: 1, ticksPerBeat: 480 }, tracks: [track] })).buffer);
  return [bpm, player.tempo, +player.getSongTime().toFixed(3), +(960 / bpm).toFixed(3)];
});
console.log('midi-player-js', require('midi-player-js/package.json').version, 'tempo, tempo played, seconds, seconds expected:', JSON.stringify(found));
process.exit(JSON.stringify(found) === '[[126.5,127,7.559,7.589],[124.5,124,7.742,7.711]]' ? 0 : 1);
J
node t.cjs
