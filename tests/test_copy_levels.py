"""The levels that an index is searched in: packed, joined, or none."""

import numpy as np
import pytest
from evaluation_music import RATE, play, tempo

from fourfloor.copies.index import CopyIndex, CopyMatch
from fourfloor.copies.levels import Levels, RawLevels
from fourfloor.copies.passages import Passage
from fourfloor.copies.patches import N_BANDS
from fourfloor.copies.windows import Windows, encode


def test_joined_indexes_hold_what_both_hold_once_and_find_it() -> None:
    tracks = [Passage(name=f"{n}", waveform=play(n), sample_rate=RATE, bpm=tempo(n), closed=n != 3) for n in (2, 3, 4)]
    first, second = CopyIndex.of(tracks[:2]), CopyIndex.of(tracks[1:])
    both = first.joined(second)
    assert sorted(both.table.names) == ["2", "3", "4"]
    for n in (2, 3, 4):
        match = both.search(play(n), RATE, tempo(n))
        assert match.track == f"{n}"
        assert match.score > 0.95


@pytest.mark.parametrize("frames", [1, 2, 57, 83, 330, 1024, 1025, 4099])
@pytest.mark.parametrize("closed", [True, False])
def test_packed_levels_are_the_levels_to_two_decibels(frames: int, closed: bool) -> None:
    rng = np.random.default_rng(frames)
    levels = [
        rng.integers(0, 256, (N_BANDS, frames)).astype(np.uint8),
        rng.integers(0, 256, (N_BANDS, 90)).astype(np.uint8),
    ]
    windows = Windows(np.concatenate([*map(encode, levels)]), np.array([frames, 90]), np.array([closed, True]))
    at = np.arange(frames - 5, frames + 30) % frames if closed else np.arange(max(0, frames - 40), frames)
    both: list[Levels] = [RawLevels(levels), RawLevels(levels).packed(windows)]
    raw, packed = (each.read(np.array([0]), at[None]) for each in both)
    assert np.array_equal(raw[0], levels[0][:, at])
    assert np.abs(packed.astype(int) - raw).max() <= 4


def test_an_empty_index_finds_nothing() -> None:
    match = CopyIndex.of([]).search(play(1), RATE, 120.0)
    assert isinstance(match, CopyMatch)
    assert match.score == 0.0
