#!/usr/bin/env bash
# Meyda 5.6.3 (npm), features of level and time of a sine of peak 0.5 and of one kick at the edge of a frame. Expected: `rms` 0.354 and `energy` 64 in
# 512 frames, as both are of the time domain, where a window has no place. Seen: the Hann window, meant for the spectrum, is on them too: rms 0.216
# (4.3 dB less), and a click in a frame's first 20 frames has no energy. With `windowingFunction` "rect" both are right.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
npm init -y >/dev/null; npm install --silent --no-audit --no-fund meyda@5.6.3 >/dev/null 2>&1
cat >level.cjs <<'J'
const Meyda = require("meyda");
Meyda.bufferSize = 512; Meyda.sampleRate = 44100;
const sine = Array.from({ length: 512 }, (_, n) => 0.5 * Math.sin((2 * Math.PI * 10 * n) / 512));
const click = Array.from({ length: 512 }, (_, n) => (n < 20 ? 0.5 : 0));
const told = () => [Meyda.extract("rms", sine), Meyda.extract("energy", sine), Meyda.extract("energy", click)].map((x) => x.toFixed(3)).join();
const hann = told();
Meyda.windowingFunction = "rect";
console.log(hann, told());
J
found=$(node level.cjs); set -- $found
echo "Meyda 5.6.3: rms and energy of the sine, energy of the click: $1; with a rectangular window $2"
[ "$found" = "0.216,23.953,0.000 0.354,64.000,5.000" ] || { echo changed; exit 1; }
