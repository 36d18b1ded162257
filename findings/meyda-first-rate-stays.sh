#!/usr/bin/env bash
# Meyda 5.6.3 (npm), one tone at 44,100 Hz, then `Meyda.sampleRate = 22050` for a file of that rate. Expected: features as in a process that starts with
# 22,050. Seen: mfcc and loudness still come from filters for 44,100 Hz, since only a new bufferSize rebuilds them, so the features of a folder
# of loops depend on which file came first. The second MFCC of one tone is 3.3 or -5.3.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
npm init -y >/dev/null; npm install --silent --no-audit --no-fund meyda@5.6.3 >/dev/null 2>&1
cat >rates.cjs <<'J'
const Meyda = require("meyda");
Meyda.bufferSize = 1024;
const tone = (rate) => Array.from({ length: 1024 }, (_, n) => Math.sin((2 * Math.PI * 2000 * n) / rate));
let last;
for (const rate of process.argv.slice(2).map(Number)) {
  Meyda.sampleRate = rate;
  last = Meyda.extract(["mfcc", "loudness", "spectralRolloff"], tone(rate));
}
console.log([last.mfcc[1], last.loudness.total, last.spectralRolloff].map((x) => x.toFixed(1)).join());
J
found="$(node rates.cjs 22050) $(node rates.cjs 44100 22050) $(node rates.cjs 44100)"; set -- $found
echo "Meyda 5.6.3, 2 kHz at 22,050 Hz: second MFCC, loudness, rolloff: $1; after a file of 44,100 Hz $2; (at 44,100 Hz: $3)"
[ "$1 $2" = "3.3,10.3,2049.7 -5.3,9.9,2049.7" ] || { echo changed; exit 1; }
