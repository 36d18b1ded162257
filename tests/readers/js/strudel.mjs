// Print the addresses that superdough makes of a sample map, and when a looped pattern plays at a tempo.
import { s } from '@strudel/core/controls.mjs';
import '@strudel/core/pattern.mjs';
import { readFileSync } from 'node:fs';
import { processSampleMap } from 'superdough';

const [map, sound, bars, cps] = process.argv.slice(2);
const addresses = {};
processSampleMap(JSON.parse(readFileSync(map)), (name, value) => (addresses[name] = value), 'http://host/pack/');
const played = s(sound).loopAt(Number(bars)).queryArc(0, 2 * bars, { _cps: Number(cps) });
const onsets = played.filter((hap) => hap.hasOnset());
const events = onsets.map((hap) => [Number(hap.whole.begin), Number(hap.whole.end), hap.value]);
console.log(JSON.stringify({ addresses, events }));
