"""A MIDI file -> the notes of a loop, in beats, one list a track.

In: a standard MIDI file from any program. Out: tracks of notes that begin and end within the loop.
"""

from collections import defaultdict, deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fourfloor.audio import display_name
from fourfloor.errors import FourfloorError

if TYPE_CHECKING:
    import mido

MAX_BYTES = 1 << 20
DRUM_CHANNEL = 9
TEMPO_TOLERANCE = 1e-4  # of a tempo: files hold whole microseconds a beat, some programs whole BPM digits


@dataclass(frozen=True, kw_only=True)
class Note:
    """Hold one note: start and duration in beats, MIDI pitch, velocity 1-127, channel 0-15."""

    start: float
    duration: float
    pitch: int
    velocity: int
    channel: int


@dataclass(frozen=True, kw_only=True)
class NoteTrack:
    """Hold a track's name and its notes by start."""

    name: str
    notes: tuple[Note, ...]

    @property
    def is_drums(self) -> bool:
        """Return whether every note is on MIDI channel 10."""
        return all(note.channel == DRUM_CHANNEL for note in self.notes)


@dataclass(frozen=True, kw_only=True)
class Score:
    """Hold the tracks of a MIDI file, its first tempo in BPM and meter; None where it names none."""

    tracks: tuple[NoteTrack, ...] = ()
    bpm: float | None = None
    meter: tuple[int, int] | None = None

    def differs(self, bpm: float) -> tuple[str, ...]:
        """Say how tempo and meter differ from those of a loop in 4/4."""
        tempo, meter = self.bpm, self.meter
        said = (
            [] if tempo is None or abs(tempo / bpm - 1) < TEMPO_TOLERANCE else [f"has {tempo:g} BPM, its loop {bpm:g}"]
        )
        return (*said, *([] if meter in (None, (4, 4)) else [f"is in {meter[0]}/{meter[1]}, its loop in 4/4"]))


def read_notes(path: Path, beats: float) -> Score:
    """Return the tracks that have notes before `beats`; a note that rings longer ends there.

    Raise FourfloorError in one line where the file is not a MIDI file.
    """
    import mido  # reads running status, odd meta events and broken lengths; training works without it

    try:
        if path.stat().st_size > MAX_BYTES:
            raise FourfloorError(f"{display_name(path)}: is larger than 1 MB; export the notes of the loop alone")
        file = mido.MidiFile(path, clip=True)
        if file.type == 2 or file.ticks_per_beat <= 0:
            raise ValueError("its tracks have no common beat")
        found = [_track(track, file.ticks_per_beat, beats, number) for number, track in enumerate(file.tracks)]
    except FourfloorError:
        raise
    except OSError as error:
        raise FourfloorError(f"{display_name(path)}: cannot be read ({error.strerror or error}); check it") from None
    except (ValueError, EOFError, LookupError, TypeError, mido.KeySignatureError) as error:  # mido's, on a broken file
        reason = " ".join(str(error).split()) or type(error).__name__
        raise FourfloorError(f"{display_name(path)}: is not a MIDI file ({reason}); export it again") from None
    tempo = _first(file, "set_tempo")
    meter = _first(file, "time_signature")
    return Score(
        tracks=tuple(track for track in found if track.notes),
        bpm=mido.tempo2bpm(tempo.tempo) if tempo and tempo.tempo else None,
        meter=(meter.numerator, meter.denominator) if meter else None,
    )


def _first(file: "mido.MidiFile", kind: str) -> "mido.MetaMessage | None":
    return next((message for track in file.tracks for message in track if message.type == kind), None)


def _track(messages: "mido.MidiTrack", ticks_per_beat: int, beats: float, number: int) -> NoteTrack:
    """Pair note-ons with note-offs: the first end closes the first note of its pitch, the loop's end all others."""
    sounding: dict[tuple[int, int], deque[tuple[float, int]]] = defaultdict(deque)
    notes: list[Note] = []
    name, tick = "", 0

    def end(place: tuple[int, int], now: float) -> None:
        start, velocity = sounding[place].popleft()
        duration = min(now, beats) - start
        if duration > 0:
            channel, pitch = place
            notes.append(Note(start=start, duration=duration, pitch=pitch, velocity=velocity, channel=channel))

    for message in messages:
        tick += message.time
        if message.type == "track_name" and not name:
            name = message.name
        elif message.type in ("note_on", "note_off"):
            place = (message.channel, message.note)
            if message.type == "note_on" and message.velocity:
                sounding[place].append((tick / ticks_per_beat, message.velocity))
            elif sounding[place]:
                end(place, tick / ticks_per_beat)
    for place, open_notes in sounding.items():
        while open_notes:
            end(place, beats)
    notes.sort(key=lambda note: (note.start, note.channel, note.pitch))
    return NoteTrack(name=display_name(" ".join(name.split())) or f"track {number + 1}", notes=tuple(notes))
