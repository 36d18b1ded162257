"""The key of a loop: told where chords and bass agree, and never invented."""

from pathlib import Path

import numpy as np
import pytest

import fourfloor as ff
from fourfloor.audio import read_tags
from fourfloor.evaluation.key import NAMES, chroma_of, key_of, key_probabilities

RATE = 44_100
SECONDS = 6.0
MINOR = ((0, 3, 7), (0, 3, 7), (0, 3, 7), (10, 14, 17))  # i i i VII
MAJOR = ((0, 4, 7),)  # a vamp on I


def _tones(notes: list[int], samples: int) -> np.ndarray:
    time = np.arange(samples) / RATE
    hertz = [440 * 2 ** ((note - 69) / 12) for note in notes]
    return np.asarray(sum(np.sin(2 * np.pi * part * f * time) / part for f in hertz for part in (1, 2, 3)))


def progression(tonic: int, chords: tuple[tuple[int, ...], ...]) -> np.ndarray:
    """Play four chords with their roots in the bass."""
    samples = round(SECONDS * RATE / len(chords))
    parts = [
        _tones([57 + tonic + note for note in chord], samples) + 2 * _tones([33 + tonic + chord[0] % 12], samples)
        for chord in chords
    ]
    return np.concatenate(parts) * 0.05


@pytest.mark.parametrize("semitones", range(12))
@pytest.mark.parametrize(("chords", "mode"), [(MINOR, "min"), (MAJOR, "maj")])
def test_a_progression_has_its_key_in_every_transposition(
    semitones: int, chords: tuple[tuple[int, ...], ...], mode: str
) -> None:
    assert key_of(progression(semitones, chords), RATE) == NAMES[(9 + semitones) % 12] + mode


def test_where_no_tone_sounds_there_is_no_key() -> None:
    rng = np.random.default_rng(3)
    noise = rng.normal(0, 0.1, (2, round(SECONDS * RATE)))
    assert key_of(noise, RATE) is None
    assert key_of(np.zeros((2, RATE)), RATE) is None
    assert key_of(np.zeros(0), RATE) is None
    assert not key_probabilities(np.zeros((2, 12))).any()


def test_all_twelve_tones_at_once_have_no_key() -> None:
    samples = round(SECONDS * RATE)
    assert key_of(_tones(list(range(57, 69)), samples) * 0.05, RATE) is None


def test_the_key_is_that_of_the_loop_wherever_it_begins() -> None:
    loop = progression(2, MINOR)
    shifted = chroma_of(np.roll(loop, len(loop) // 3), RATE)
    assert np.abs(shifted - chroma_of(loop, RATE)).max() < 0.05
    assert key_of(np.roll(loop, len(loop) // 3), RATE) == key_of(loop, RATE)


def test_the_key_is_in_the_row_and_in_the_tags(
    trained_runs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    minor = np.tile(progression(0, MINOR).astype(np.float32), (2, 1))
    monkeypatch.setattr("fourfloor.api.draws.leveled", lambda model, request: minor)
    row = ff.generate(tmp_path, model=trained_runs["prior"], count=1, bpm=160, bars=4, redraws=0).loops[0]
    assert row.file is not None
    tags = read_tags(row.file)
    assert row.key == "Amin"
    assert tags is not None
    assert tags.key == "Amin"
