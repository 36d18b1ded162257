// One clock for up to eight loops: all places are whole frames of the audio context, so that loops stay in step.
//
// The first loop that plays sets bar length and tempo. Others start on a bar line of it, at the place where they would
// be had they begun with it. A loop of the same number of frames is one looping source; any other is played in passes,
// each started at its own rounded frame, so that rounding never adds up. A stream is played in passes, too: each pass is
// its next block, or the last one again where that is late.

export const MOST_TRACKS = 8;
const LEAD_SECONDS = 0.06; // between asking for a start and the start
const AHEAD_SECONDS = 4; // that passes are scheduled ahead: timers of a hidden page come once a second
const SAME_TEMPO = 1e-4; // loops this near in tempo are played as they are

export class Transport {
  constructor(context) {
    this.context = context;
    this.output = context.createGain();
    this.output.connect(context.destination);
    this.tracks = new Map();
    this.master = null;
  }

  get frame() {
    return Math.round(this.context.currentTime * this.context.sampleRate);
  }

  // Start a loop on the next bar line. With `alone` the others end there, with `replace` the loop of that name does;
  // with `swap` it takes the place of all others on the next beat, where they are. `feed` makes it a stream: `next()` is
  // the block that follows `buffer`, or null, and `close()` ends it. Returns the frame of the start.
  start(loop, buffer, { alone = false, replace = null, swap = false, feed = null } = {}) {
    const ends = alone || swap ? [...this.tracks.keys()] : [loop.id, replace];
    const left = [...this.tracks.keys()].filter((id) => !ends.includes(id)).length;
    if (left >= MOST_TRACKS) throw new Error(`At most ${MOST_TRACKS} loops play at once.`);
    const at = this.nextBar(swap ? 1 : 4);
    const played = this.master;
    for (const id of ends) this.stop(id, at);
    if (!played || alone || swap) {
      const bar = (feed?.frames ?? buffer.length) / loop.bars;
      const bars = swap && played ? (at - played.start) / (played.frames / played.bars) : 0;
      this.master = { start: at - Math.round(bars * bar), frames: feed?.frames ?? buffer.length, bars: loop.bars, bpm: loop.bpm };
    } else this.master = played;
    const gain = this.context.createGain();
    gain.connect(this.output);
    const track = { loop, buffer, gain, volume: 1, muted: false, solo: false, sources: [], from: at, feed };
    this.tracks.set(loop.id, track);
    this.level();
    this.plan(track, at);
    return at;
  }

  // The next frame on which a bar (4 beats) or a beat of the first loop begins. Where that loop is about to begin itself,
  // others begin with it, as its stems do.
  nextBar(beats = 4) {
    const soon = this.frame + Math.ceil(LEAD_SECONDS * this.context.sampleRate);
    if (!this.master || this.tracks.size === 0) return soon;
    if (this.frame < this.master.start) return this.master.start;
    const step = (this.master.frames / this.master.bars / 4) * beats;
    const number = Math.ceil((soon - this.master.start) / step);
    return this.master.start + Math.round(number * step);
  }

  stop(id, at = this.frame) {
    const track = this.tracks.get(id);
    if (!track) return;
    for (const source of track.sources) source.stop(at / this.context.sampleRate);
    track.feed?.close();
    this.tracks.delete(id);
    if (this.tracks.size === 0) this.master = null;
  }

  stopAll() {
    for (const id of [...this.tracks.keys()]) this.stop(id);
    this.master = null;
  }

  // Frames from one pass of a track to the next, a fraction where its tempo is not the master's.
  period(track) {
    return (this.master.frames * track.loop.bars) / this.master.bars;
  }

  plan(track, at) {
    const frames = track.buffer.length;
    const period = this.period(track);
    track.rate = Math.abs(frames / period - 1) < SAME_TEMPO ? 1 : frames / period;
    const into = (at - this.master.start) % period;
    if (frames === period && !track.feed) {
      track.endless = true;
      this.source(track, at, into);
      return;
    }
    track.pass = Math.floor((at - this.master.start) / period);
    this.source(track, at, into * track.rate);
    track.pass += 1;
    this.continue(track, at + AHEAD_SECONDS * this.context.sampleRate);
  }

  // Schedule the passes of all loops up to a frame; called again and again while the transport runs.
  ahead(until = this.frame + AHEAD_SECONDS * this.context.sampleRate) {
    for (const track of this.tracks.values()) if (!track.endless) this.continue(track, until);
  }

  continue(track, until) {
    for (;;) {
      const at = this.master.start + Math.round(track.pass * this.period(track));
      if (at > until) return;
      track.sources.at(-1)?.stop(at / this.context.sampleRate);
      track.buffer = track.feed?.next() ?? track.buffer;
      this.source(track, at, 0);
      track.pass += 1;
    }
  }

  source(track, at, into) {
    const source = this.context.createBufferSource();
    source.buffer = track.buffer;
    source.loop = true;
    source.playbackRate.value = track.rate;
    source.connect(track.gain);
    source.start(at / this.context.sampleRate, into / this.context.sampleRate);
    source.onended = () => (track.sources = track.sources.filter((other) => other !== source));
    track.sources.push(source);
  }

  set(id, changes) {
    Object.assign(this.tracks.get(id) ?? {}, changes);
    this.level();
  }

  level() {
    const solo = [...this.tracks.values()].some((track) => track.solo);
    for (const track of this.tracks.values()) {
      track.gain.gain.value = track.muted || (solo && !track.solo) ? 0 : track.volume;
    }
  }

  // Where a loop is, 0-1, as it is heard now; null where it does not play.
  place(id) {
    const track = this.tracks.get(id);
    if (!track || !this.master) return null;
    const late = (this.context.outputLatency || 0) * this.context.sampleRate;
    const into = (this.frame - late - this.master.start) / this.period(track);
    return this.frame < track.from ? null : into - Math.floor(into);
  }

  // Bar and beat of the first loop, counted from 1.
  position() {
    if (!this.master) return { bar: 1, beat: 1 };
    const beats = Math.max(0, ((this.frame - this.master.start) * this.master.bars * 4) / this.master.frames);
    return { bar: 1 + (Math.floor(beats / 4) % this.master.bars), beat: 1 + (Math.floor(beats) % 4) };
  }

  // Move everything so that a loop is at a place, 0-1, now.
  seek(id, place) {
    const track = this.tracks.get(id);
    if (!track) return;
    const playing = [...this.tracks.values()];
    const at = this.frame + Math.ceil(LEAD_SECONDS * this.context.sampleRate);
    const start = at - Math.round(place * this.period(track));
    for (const one of playing) for (const source of one.sources) source.stop(at / this.context.sampleRate);
    this.master = { ...this.master, start };
    for (const one of playing) {
      one.sources = [];
      one.from = at;
      this.plan(one, at);
    }
  }
}
