"""Events -> a standard MIDI file (format 1, one track an instrument), as sample packs ship beside their loops.

Written byte by byte: the format (MIDI 1.0, 1996) needs five kinds of event, a library would be a dependency more.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from pathlib import Path

from fourfloor.producer.score import Event
from fourfloor.saving import save_file

TICKS_PER_BEAT = 480
DRUM_CHANNEL = 9
DRUMS = ("kick", "clap", "snare", "rim", "hat", "open", "ride", "shaker", "conga", "percussion", "crash", "impact")
TIME_SIGNATURE = b"\xff\x58\x04\x04\x02\x18\x08"  # 4/4, a click every beat

Note = tuple[int, int, int, int]  # start and end in ticks, pitch, velocity


def variable_length(value: int) -> bytes:
    """Return a non-negative number in seven-bit groups, high bit set on all but the last."""
    groups = [value & 0x7F]
    while value := value >> 7:
        groups.append(0x80 | (value & 0x7F))
    return bytes(reversed(groups))


def track_chunk(messages: list[tuple[int, bytes]], end: int) -> bytes:
    """Return an MTrk chunk of (tick, message) pairs, sorted by tick, that lasts until `end` ticks."""
    body, now = b"", 0
    for tick, message in [*messages, (end, b"\xff\x2f\x00")]:
        body += variable_length(tick - now) + message
        now = tick
    return b"MTrk" + struct.pack(">I", len(body)) + body


def tick_note(event: Event, end: int) -> Note:
    """Return an event in ticks; what rings over the loop's end is cut there."""
    start = min(round(event.start * TICKS_PER_BEAT), end - 1)
    stop = min(max(start + 1, round((event.start + event.duration) * TICKS_PER_BEAT)), end)
    return start, stop, round(event.pitch), max(1, min(127, round(127 * event.velocity)))


def without_overlaps(tracks: dict[str, list[Note]]) -> dict[str, list[Note]]:
    """End each note where the next of its pitch begins, in any track; keep the louder of two that begin at once.

    Readers pair overlapping notes of one pitch differently: the first end closes the first note in one program and the
    last note in another.
    """
    by_pitch: dict[int, list[tuple[Note, str]]] = defaultdict(list)
    for name, notes in tracks.items():
        for note in notes:
            by_pitch[note[2]].append((note, name))
    kept: dict[str, list[Note]] = {name: [] for name in tracks}
    for notes_of_pitch in by_pitch.values():
        loudest = {note[0]: (note, name) for note, name in sorted(notes_of_pitch, key=lambda pair: pair[0][3])}
        begins = sorted(loudest)
        for start, following in zip(begins, [*begins[1:], None], strict=True):
            (_, stop, pitch, velocity), name = loudest[start]
            kept[name].append((start, stop if following is None else min(stop, following), pitch, velocity))
    return kept


def note_messages(notes: list[Note], channel: int) -> list[tuple[int, bytes]]:
    """Return the note-ons and note-offs of a track by tick; at one tick, notes end before others begin."""
    ons = [(start, bytes([0x90 | channel, pitch, velocity])) for start, _, pitch, velocity in notes]
    offs = [(stop, bytes([0x80 | channel, pitch, 0])) for _, stop, pitch, _ in notes]
    return sorted(offs + ons)  # 0x80 sorts before 0x90


def midi_bytes(events: list[Event], bpm: float, bars: int) -> bytes:
    """Return the MIDI file of a loop; drums are on channel 10 at General MIDI pitches.

    A second time signature stands at the loop's last tick: pretty_midi and symusic ignore where end-of-track stands,
    and take the last event for the length.
    """
    end = bars * 4 * TICKS_PER_BEAT
    tempo = round(60_000_000 / bpm)
    head = [(0, b"\xff\x51\x03" + tempo.to_bytes(3, "big")), (0, TIME_SIGNATURE), (end, TIME_SIGNATURE)]
    by_channel: dict[int, dict[str, list[Note]]] = defaultdict(dict)
    channels: dict[str, int] = {}
    pitched = 0
    for name in sorted({event.instrument for event in events}):
        channels[name] = DRUM_CHANNEL
        if name not in DRUMS:
            channels[name] = [c for c in range(16) if c != DRUM_CHANNEL][pitched % 15]
            pitched += 1
        by_channel[channels[name]][name] = [tick_note(event, end) for event in events if event.instrument == name]
    kept = {name: notes for tracks in by_channel.values() for name, notes in without_overlaps(tracks).items()}
    chunks = [track_chunk(head, end)]
    for name, channel in channels.items():
        label = name.encode("ascii")
        title = (0, b"\xff\x03" + variable_length(len(label)) + label)
        chunks.append(track_chunk([title, *note_messages(kept[name], channel)], end))
    return b"MThd" + struct.pack(">IHHH", 6, 1, len(chunks), TICKS_PER_BEAT) + b"".join(chunks)


def write_midi(path: Path, events: list[Event], bpm: float, bars: int) -> None:
    """Write the events of a loop as a MIDI file."""
    save_file(path, midi_bytes(events, bpm, bars))
