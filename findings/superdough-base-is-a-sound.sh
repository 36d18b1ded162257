#!/usr/bin/env bash
# superdough 1.3.0: processSampleMap takes the map's own _base for a sound, and a sound's _base leaks to all after it.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
npm install --silent --no-audit --no-fund superdough@1.3.0 esbuild@0.28.2 >/dev/null 2>&1
cat >t.mjs <<'J'
import { processSampleMap } from 'superdough';
const seen = {};
const map = { _base: 'http://a/', one: { _base: 'http://b/', c3: 'x.wav' }, two: ['y.wav'] };
processSampleMap(map, (name, value) => (seen[name] = value));
console.log(JSON.stringify([Object.keys(seen), seen.two]));
J
node_modules/.bin/esbuild t.mjs --bundle --platform=node --format=esm --outfile=b.mjs --log-level=error
found=$(node b.mjs | tail -1); echo "superdough 1.3.0: $found"
[ "$found" = '[["_base","one","two"],["http://b/y.wav"]]' ]
