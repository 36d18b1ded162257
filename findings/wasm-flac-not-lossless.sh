#!/usr/bin/env bash
# @wasm-audio-decoders/flac 0.2.11 (npm), also inside audio-decode 3.12.0, on a 16-bit FLAC of a loud tone. Expected: each sample over 32,768, as
# libsndfile and Web Audio have it, so that it comes back when written again. Seen: over 32,767: -1 is -1.00003, 63 % of the samples come back one off, and
# it does not cancel against the same audio as WAV, where audio-decode divides positive samples alone by 32,767.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
command -v flac >/dev/null || { apt-get update -qq; apt-get install -yqq --no-install-recommends flac >/dev/null; }
npm init -y >/dev/null; npm install --silent --no-audit --no-fund @wasm-audio-decoders/flac@0.2.11 audio-decode@3.12.0 >/dev/null 2>&1
cat >t.mjs <<'J'
import { execFileSync } from "child_process";
import { readFileSync, writeFileSync } from "fs";
import { FLACDecoder } from "@wasm-audio-decoders/flac";
import decode from "audio-decode";
const bits = 16;
const full = 2 ** (bits - 1), bytes = bits / 8, samples = [-full, full / 2, full - 1];
for (let n = 0; n < 4096; n++) samples.push(Math.round(0.9 * full * Math.sin(n)));
const raw = Buffer.alloc(bytes * samples.length);
samples.forEach((value, n) => raw.writeIntLE(value, bytes * n, bytes));
const head = Buffer.alloc(44);
head.write("RIFF"); head.writeUInt32LE(36 + raw.length, 4); head.write("WAVEfmt ", 8); head.writeUInt32LE(16, 16);
head.writeUInt16LE(1, 20); head.writeUInt16LE(1, 22); head.writeUInt32LE(44100, 24); head.writeUInt32LE(44100 * bytes, 28);
head.writeUInt16LE(bytes, 32); head.writeUInt16LE(bits, 34); head.write("data", 36); head.writeUInt32LE(raw.length, 40);
writeFileSync("x.wav", Buffer.concat([head, raw]));
execFileSync("flac", ["-s", "-f", "x.wav"]);
const decoder = new FLACDecoder();
await decoder.ready;
const flac = (await decoder.decodeFile(readFileSync("x.flac"))).channelData[0];
decoder.free();
const both = await Promise.all(["x.flac", "x.wav"].map(async (name) => (await decode(readFileSync(name))).channelData[0]));
const off = (audio) => samples.filter((value, n) => Math.round(audio[n] * full) !== value).length;
const found = [+flac[0].toFixed(6), off(flac), off(both[0]), off(both[1]), samples.length];
console.log("sample of -1, samples that do not come back: decoder, audio-decode of FLAC, of WAV, of all:", JSON.stringify(found));
process.exit(JSON.stringify(found) === "[-1.000031,2564,2564,1283,4099]" ? 0 : 1);
J
node t.mjs
