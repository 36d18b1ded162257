"""Put the bass of a loop in tune with its chords: find its notes and their scale, and move each onto it.

A prior draws the low end's frequencies as numbers like any other, so its notes lie between semitones, while the sines
of the chords lie on them (`tonal.py`). A note is moved as a whole: what sweeps or slides still does.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from fourfloor.representations import low_end, tonal
from fourfloor.representations.latent import LOW, MEL

SWEEP_FRAMES = 4  # of a kick's start, before it has a pitch; of a short note its first half
SHORTEST = 2  # frames that hold a pitch
QUIET = 0.2  # of the loud frames' amplitude
AUDIBLE = 3 * low_end.FLOOR  # amplitude at which a frequency begins to mean something
WOBBLE_FRAMES = 3  # to each side (.1 s in all): what moves faster is not melody
SAME_NOTE = 0.75  # semitones: notes of a band no farther apart stay one, so that all kicks of a loop are one kick
BASS_SHARE = 0.01  # of what the bass says of the scale: it decides where the chords do not
SCALES = np.stack([np.roll([1, 0, 1, 0, 1, 1, 0, 1, 0, 1, 0, 1], shift) for shift in range(12)])  # diatonic
MIDI_NOTES = np.arange(128)


@dataclass(frozen=True)
class Note:
    """What a band plays from one onset to the next: its `frames`, and of those that hold a pitch where, what, how loud.

    `pitches` are MIDI notes with fractions, `powers` squared amplitudes, both as long as `held`.
    """

    frames: np.ndarray
    held: np.ndarray
    pitches: np.ndarray
    powers: np.ndarray

    @property
    def power(self) -> float:
        """Return the power of all frames that hold."""
        return float(self.powers.sum())

    @property
    def pitch(self) -> float:
        """Return the median pitch, weighed by power."""
        order = np.argsort(self.pitches)
        half = int(np.searchsorted(np.cumsum(self.powers[order]), self.power / 2))
        return float(self.pitches[order[min(half, len(order) - 1)]])


def notes(low: np.ndarray, band: int) -> Iterator[Note]:
    """Yield the notes of a band of low-end features `(frames, 2 * len(BANDS))`, around the circle.

    A band that sounds without any onset holds one note all the way.
    """
    amplitude, pitch = np.exp(low[:, 2 * band].astype(np.float64)), _to_pitch(low[:, 2 * band + 1], band)
    onsets = low_end.find_onsets(amplitude)
    if not onsets.size:
        onsets = np.zeros(1, dtype=np.int64)
    loud = amplitude > max(QUIET * np.percentile(amplitude, 95), AUDIBLE)
    for onset, following in zip(onsets, [*onsets[1:], onsets[0] + len(low)], strict=True):
        frames = np.arange(onset, following) % len(low)
        past = frames[min(SWEEP_FRAMES, len(frames) // 2) :]
        held = past[loud[past]]
        if len(held) >= SHORTEST:
            yield Note(frames, held, pitch[held], amplitude[held] ** 2)


def in_tune(features: np.ndarray, tonality: np.ndarray | None) -> np.ndarray:
    """Return the low end `(frames, 2 * len(BANDS))` of `features` with every note on a tone of the loop's scale.

    `features` are `(frames, FEATURE_DIM)`; `tonality` `(latents, TONES)` tells the chords, None that there are none.
    """
    low = features[:, LOW].copy()
    played = [[_smooth(note) for note in notes(low, band)] for band in range(len(low_end.BANDS))]
    if not any(played):
        return low
    chords = np.zeros(12) if tonality is None else chord_chroma(tonality, features[:, MEL])
    scale = best_scale(chords + BASS_SHARE * _bass_chroma([note for band in played for note in band]))
    tones = MIDI_NOTES[scale[MIDI_NOTES % 12] == 1]
    for band, heard in enumerate(played):
        ratio = low[:, 2 * band + 1]
        for note, center in zip(heard, _centers(heard), strict=True):
            pitch = _to_pitch(ratio, band)
            pitch[note.held] = note.pitches
            shift = tones[np.abs(tones - center).argmin()] - note.pitch
            ratio[note.frames] = _to_ratio(pitch[note.frames] + shift, band)
    return low


def _to_pitch(ratio: np.ndarray, band: int) -> np.ndarray:
    return 69 + 12 * (ratio + np.log2(low_end.CENTERS_HZ[band] / 440.0))


def _to_ratio(pitch: np.ndarray, band: int) -> np.ndarray:
    return (pitch - 69) / 12 - np.log2(low_end.CENTERS_HZ[band] / 440.0)


def best_scale(chroma: np.ndarray) -> np.ndarray:
    """Return the diatonic scale that holds most of `chroma` `(12,)`: 1 for its pitch classes, 0 for the others."""
    return SCALES[np.argmax(SCALES @ chroma)]


def chord_chroma(tonality: np.ndarray, log_mel: np.ndarray) -> np.ndarray:
    """Return the share of each of the 12 pitch classes in the amplitude of the sines of a loop."""
    tones = (np.arange(tonal.TONES) + tonal.LOWEST_NOTE) % 12
    chroma = np.bincount(tones, weights=tonal.loudness(tonality, log_mel).sum(axis=0), minlength=12)
    return chroma / max(chroma.sum(), 1e-9)


def _bass_chroma(played: Sequence[Note]) -> np.ndarray:
    """Return the share of each pitch class in the power of notes; what lies between two counts for both."""
    chroma = np.zeros(12)
    for note in played:
        below = int(np.floor(note.pitch))
        chroma[below % 12] += note.power * (below + 1 - note.pitch)
        chroma[(below + 1) % 12] += note.power * (note.pitch - below)
    return chroma / max(chroma.sum(), 1e-9)


def _centers(heard: Sequence[Note]) -> np.ndarray:
    """Return for each note of a band the mean pitch of those that are the same."""
    centers, powers = (np.array([getattr(note, name) for note in heard]) for name in ("pitch", "power"))
    left = np.argsort(centers)
    while left.size:
        same = left[centers[left] - centers[left[0]] <= SAME_NOTE]
        left = left[len(same) :]
        centers[same] = np.average(centers[same], weights=powers[same])
    return centers


def _smooth(note: Note) -> Note:
    """Return a note without what wobbles: each of its pitches a mean of those around it, weighed by power."""
    at = np.arange(len(note.held))
    weights = np.clip(1 - np.abs(at[:, None] - at) / (WOBBLE_FRAMES + 1), 0, None) * note.powers
    return replace(note, pitches=weights @ note.pitches / weights.sum(axis=1))
