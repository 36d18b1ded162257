// Print what openDAW's reader finds in a DAWproject.
import JSZip from 'jszip';
import { DOMParser } from 'linkedom';
import { readFileSync } from 'node:fs';

globalThis.DOMParser = DOMParser;
const { Xml } = await import('@opendaw/lib-xml');
const { ProjectSchema } = await import('@opendaw/lib-dawproject');
const archive = await JSZip.loadAsync(readFileSync(process.argv[2]));
const project = Xml.parse(await archive.file('project.xml').async('string'), ProjectSchema);
const files = Object.keys(archive.files).filter((name) => name.startsWith('audio/'));
console.log(JSON.stringify({ project, files }));
