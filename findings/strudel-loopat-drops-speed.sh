#!/usr/bin/env bash
# @strudel/core 1.2.6 (npm): `s('x').speed(-1)` made to last four cycles. Expected: backward, the speed times what fits, as Tidal defines
# loopAt. Seen: loopAt and fit put their own speed in its place, so the loop plays forward, without a word; splice, chop and slice keep -1.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
npm init -y >/dev/null; npm install --silent --no-audit --no-fund @strudel/core@1.2.6 esbuild@0.28.2 >/dev/null 2>&1
cat >play.mjs <<'J'
import { s } from "@strudel/core/controls.mjs";
import { pure } from "@strudel/core/pattern.mjs";
const backward = s("x").speed(-1);
const made = {
  loopAt: backward.loopAt(4), fit: backward.slow(4).fit(), splice: backward.splice(4, pure(0)),
  chop: backward.chop(4), slice: backward.slice(4, pure(0)),
};
const speeds = Object.fromEntries(
  Object.entries(made).map(([name, pattern]) => [name, pattern.queryArc(0, 1, { _cps: 0.5 })[0].value.speed]),
);
console.log("speed of a loop at speed -1:", JSON.stringify(speeds));
process.exit(JSON.stringify(speeds) === '{"loopAt":0.125,"fit":0.125,"splice":-1,"chop":-1,"slice":-1}' ? 0 : 1);
J
node_modules/.bin/esbuild play.mjs --bundle --platform=node --format=esm --conditions=module --outfile=bundle.mjs --log-level=error
node bundle.mjs | grep speed
