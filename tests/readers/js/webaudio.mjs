// Print for each file its decoded length, and by how much two looped passes differ from the decoded samples.
import { readFileSync } from 'node:fs';
import { OfflineAudioContext } from 'node-web-audio-api';

const found = [];
for (const file of process.argv.slice(2)) {
  const decoded = await new OfflineAudioContext(2, 128, 44100).decodeAudioData(new Uint8Array(readFileSync(file)).buffer);
  const frames = decoded.length;
  const context = new OfflineAudioContext(2, 2 * frames + 999, 44100);
  const source = context.createBufferSource();
  source.buffer = decoded;
  source.loop = true;
  source.connect(context.destination);
  source.start();
  const rendered = await context.startRendering();
  let worst = 0;
  for (let side = 0; side < 2; side++) {
    const [heard, given] = [rendered.getChannelData(side), decoded.getChannelData(side)];
    for (let at = 0; at < heard.length; at++) worst = Math.max(worst, Math.abs(heard[at] - given[at % frames]));
  }
  found.push([frames, worst]);
}
console.log(JSON.stringify(found));
