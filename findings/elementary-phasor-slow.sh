#!/usr/bin/env bash
# Elementary (@elemaudio/core and offline-renderer, npm) `el.phasor` at one cycle in 334,672 frames (four bars at 126.5 BPM) and at one in
# 10,000. Expected: that period. Seen: 335,231 and 9,999.5: a table that it reads drifts by 12.7 ms in four bars.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
npm init -y >/dev/null; npm install --silent --no-audit --no-fund @elemaudio/core@3.2.1 @elemaudio/offline-renderer@3.2.2 >/dev/null 2>&1
cat >render.mjs <<'J'
// The renderer assigns globalThis.crypto, which Node has been holding read-only since 19.
Object.defineProperty(globalThis, "crypto", { value: globalThis.crypto, writable: true, configurable: true });
const { el } = await import("@elemaudio/core");
const renderer = await import("@elemaudio/offline-renderer");
const Renderer = renderer.default?.default ?? renderer.default;
const found = {};
for (const frames of [10000, 334672]) {
  const core = new Renderer(), out = new Float32Array(Math.floor(4.5 * frames));
  await core.initialize({ numInputChannels: 0, numOutputChannels: 1, sampleRate: 44100, virtualFileSystem: {} });
  await core.render(el.phasor(44100 / frames));
  core.process([], [out]);
  const wraps = [...out.keys()].filter((n) => n > 0 && out[n] < out[n - 1] - 0.5);
  found[frames] = (wraps[3] - wraps[1]) / 2;
}
console.log("frames asked for and frames of a cycle:", JSON.stringify(found));
process.exit(found[10000] === 9999.5 && found[334672] > 335200 && found[334672] < 335260 ? 0 : 1);
J
node render.mjs
