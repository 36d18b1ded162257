"""A loop -> the notes of its drums and its bass, as events on the beat grid."""

import numpy as np

from fourfloor.editing.networks import answer
from fourfloor.producer.drum_parts import MIDI_DRUMS
from fourfloor.producer.score import Event
from fourfloor.representations.score import LOWEST_NOTE, powers, see
from fourfloor.signal.beatgrid import FRAMES_PER_BEAT, loop_frames

# How likely an onset must be to count: the best F1 on the 86 validation loops of the training datasets.
THRESHOLDS = {"kick": 0.55, "backbeat": 0.8, "hats": 0.5, "bass": 0.9}
DRUM_BEATS = 0.25  # what a drum's note lasts
APART = 2  # frames between two onsets of one instrument, at least


def transcribe(waveform: np.ndarray, bars: int) -> list[Event]:
    """Return what kick, snare or clap, hats and bass of a loop `(2, samples)` play, in order of time.

    The instruments are those of the producer: kick, snare, clap, hat, open, bass. Starts are in beats, in
    [0, 4 * bars); a bass note that rings over the loop's end is longer than what is left.
    """
    middle = waveform.astype(np.float32).mean(axis=0)
    onsets, velocities, kinds, notes = answer("transcriber", see(powers(middle, loop_frames(bars))))
    chance, velocities = _sigmoid(onsets), _sigmoid(velocities)
    found = {name: peaks(chance[:, row], limit) for row, (name, limit) in enumerate(THRESHOLDS.items())}
    events = [_hit("kick", at, velocities[at, 0]) for at in found["kick"]]
    events += [_hit("clap" if kinds[at, 0] > 0 else "snare", at, velocities[at, 1]) for at in found["backbeat"]]
    events += [_hit("open" if kinds[at, 1] > 0 else "hat", at, velocities[at, 2]) for at in found["hats"]]
    events += _bass(found["bass"], velocities[:, 3], notes)
    return sorted(events, key=lambda event: (event.start, event.instrument))


def peaks(chance: np.ndarray, limit: float) -> np.ndarray:
    """Return the frames of a circle `(frames,)` that are likelier than `limit` and than their neighbors."""
    around = [np.roll(chance, shift) for shift in range(-APART, APART + 1) if shift]
    # Of two equal neighbors the first counts.
    earlier = np.all([chance > other for other in around[APART:]], axis=0)
    return np.flatnonzero((chance > limit) & earlier & np.all([chance >= other for other in around[:APART]], axis=0))


def _hit(name: str, frame: int, velocity: float) -> Event:
    return Event(
        instrument=name, start=frame / FRAMES_PER_BEAT, duration=DRUM_BEATS, pitch=MIDI_DRUMS[name],
        velocity=_velocity(velocity),
    )  # fmt: skip


def _bass(onsets: np.ndarray, velocities: np.ndarray, notes: np.ndarray) -> list[Event]:
    """Return a note for each onset: the likeliest pitch until the next one, as long as the bass sounds."""
    likely = notes - np.logaddexp.reduce(notes, axis=1, keepdims=True)
    sounds = likely[:, 0] < np.log(0.5)
    frames, events = len(notes), []
    for onset, following in zip(onsets, [*onsets[1:], *(onsets[:1] + frames)], strict=True):
        inside = np.arange(onset, following)
        silent = np.flatnonzero(~sounds[inside % frames])
        # The first frames may still be silent: the note ends with the first silence after it has sounded.
        began = np.flatnonzero(sounds[inside % frames])
        if not len(began):
            continue
        after = silent[silent > began[0]]
        length = int(after[0]) if len(after) else len(inside)
        held = inside[began[0] : length] % frames
        pitch = LOWEST_NOTE + int(np.argmax(likely[held, 1:].sum(axis=0)))
        events.append(
            Event(
                instrument="bass", start=onset / FRAMES_PER_BEAT, duration=length / FRAMES_PER_BEAT, pitch=pitch,
                velocity=_velocity(velocities[onset]),
            )
        )  # fmt: skip
    return events


def _velocity(value: float) -> float:
    return float(np.clip(value, 1 / 127, 1.0))


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-logits.astype(np.float64)))
