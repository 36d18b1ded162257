"""Events -> a standard MIDI file (format 1, one track an instrument), as sample packs ship beside their loops.

Written byte by byte: the format (MIDI 1.0, 1996) needs four kinds of event, a library would be a dependency more.
"""

from __future__ import annotations

import struct
from pathlib import Path

from fourfloor.producer.score import Event

TICKS_PER_BEAT = 480
DRUM_CHANNEL = 9
DRUMS = ("kick", "clap", "snare", "rim", "hat", "open", "ride", "shaker", "conga", "percussion", "crash", "impact")


def variable_length(value: int) -> bytes:
    """Return a non-negative number in seven-bit groups, high bit set on all but the last."""
    groups = [value & 0x7F]
    while value := value >> 7:
        groups.append(0x80 | (value & 0x7F))
    return bytes(reversed(groups))


def track_chunk(messages: list[tuple[int, bytes]], end: int) -> bytes:
    """Return an MTrk chunk of (tick, message) pairs that lasts until `end` ticks."""
    body, now = b"", 0
    for tick, message in sorted(messages):
        body += variable_length(tick - now) + message
        now = tick
    body += variable_length(max(0, end - now)) + b"\xff\x2f\x00"
    return b"MTrk" + struct.pack(">I", len(body)) + body


def note_messages(event: Event, channel: int, end: int) -> list[tuple[int, bytes]]:
    """Return note-on and note-off of one event; what rings over the loop's end is cut there."""
    start = min(round(event.start * TICKS_PER_BEAT), end - 1)
    stop = min(max(start + 1, round((event.start + event.duration) * TICKS_PER_BEAT)), end)
    pitch, velocity = round(event.pitch), max(1, min(127, round(127 * event.velocity)))
    return [(start, bytes([0x90 | channel, pitch, velocity])), (stop, bytes([0x80 | channel, pitch, 0]))]


def midi_bytes(events: list[Event], bpm: float, bars: int) -> bytes:
    """Return the MIDI file of a loop; drums are on channel 10 at General MIDI pitches."""
    end = bars * 4 * TICKS_PER_BEAT
    tempo = round(60_000_000 / bpm)
    head = [(0, b"\xff\x51\x03" + tempo.to_bytes(3, "big")), (0, b"\xff\x58\x04\x04\x02\x18\x08")]
    chunks, pitched = [track_chunk(head, end)], 0
    for name in sorted({event.instrument for event in events}):
        channel = DRUM_CHANNEL
        if name not in DRUMS:
            channel, pitched = [c for c in range(16) if c != DRUM_CHANNEL][pitched % 15], pitched + 1
        label = name.encode("ascii")
        messages = [(0, b"\xff\x03" + variable_length(len(label)) + label)]
        for event in events:
            if event.instrument == name:
                messages += note_messages(event, channel, end)
        chunks.append(track_chunk(messages, end))
    return b"MThd" + struct.pack(">IHHH", 6, 1, len(chunks), TICKS_PER_BEAT) + b"".join(chunks)


def write_midi(path: Path, events: list[Event], bpm: float, bars: int) -> None:
    """Write the events of a loop as a MIDI file."""
    path.write_bytes(midi_bytes(events, bpm, bars))
