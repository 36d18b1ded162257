"""The style distance and other numbers of known sets are what their formulas say."""

from pathlib import Path

import numpy as np
import pytest
from evaluation_music import RATE, play, tempo
from paired import compare, griffin_lim, mp3_like

from fourfloor.copies.passages import dataset_passages
from fourfloor.evaluation.distance import StyleSpace, coverage, diversity_ratio, kernel_distance, mean_distance
from fourfloor.ingestion import catalogue


def clusters(n_tracks: int, per_track: int, seed: int, first: int = 0) -> tuple[np.ndarray, list[str]]:
    """Draw sets whose loops lie near their track, as music does."""
    rng = np.random.default_rng(seed)
    centers = np.repeat(rng.standard_normal((n_tracks, 6)), per_track, axis=0)
    names = [f"t{first + i // per_track}" for i in range(len(centers))]
    return centers + 0.3 * rng.standard_normal(centers.shape), names


def expected_distance(apart: float, spread: float, width: float, dimensions: int) -> float:
    """KAD of two normal clouds of one spread whose centers are so far apart, in closed form."""
    own = (1 + 4 * spread**2 / width) ** (-dimensions / 2)
    return 200 * own * (1 - np.exp(-(apart**2) / (width + 4 * spread**2)))


@pytest.mark.parametrize("apart", [0.0, 0.6, 2.0])  # 0, 2.2 and 20
def test_the_style_distance_is_what_the_formula_says_and_its_interval_holds_it(apart: float) -> None:
    expected, values, held = expected_distance(apart, 1.0, 12.0, 6), [], []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        first, second = rng.standard_normal((2, 200, 6))
        second[:, 0] += apart
        distance = kernel_distance(first, second, 12.0, [f"a{i}" for i in range(200)], [f"b{i}" for i in range(200)])
        values.append(distance.value)
        held.append(distance.low <= expected <= distance.high)
    # A biased estimate lies .6 too high.
    assert np.mean(values) == pytest.approx(expected, abs=0.15 + 0.02 * expected)
    assert np.abs(np.array(values) - expected).max() < (2.7 if apart < 1 else 6)
    assert np.mean(held) >= 0.85


@pytest.mark.parametrize("per_track", [2, 4, 8])
def test_the_mean_distance_of_halves_is_zero_where_a_biased_one_would_grow(per_track: int) -> None:
    values = []
    for seed in range(60):
        placed, tracks = clusters(16, per_track, seed)
        half = len(placed) // 2
        values.append(kernel_distance(placed[:half], placed[half:], 12.0, tracks[:half], tracks[half:]).value)
    assert abs(np.mean(values)) < min(2.7, 3 * np.std(values) / np.sqrt(len(values)))


def test_a_set_and_itself_are_no_distance_apart_in_any_order() -> None:
    placed, tracks = clusters(12, 3, 1)
    same = kernel_distance(placed, placed, 12.0, tracks, tracks)
    assert same.value == pytest.approx(0.0, abs=1e-6)
    other, other_tracks = clusters(12, 3, 2, first=50)
    order = np.random.default_rng(0).permutation(len(other))
    straight = kernel_distance(other + 1, placed, 12.0, other_tracks, tracks)
    turned = kernel_distance((other + 1)[order], placed, 12.0, [other_tracks[i] for i in order], tracks)
    assert turned.value == pytest.approx(straight.value, abs=1e-6)
    assert turned.low == pytest.approx(straight.low, abs=1e-6)
    assert straight.value > 10


def test_diversity_and_coverage_of_known_sets() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((64, 40))
    space = StyleSpace.of(vectors, [str(i) for i in range(64)])
    assert diversity_ratio(vectors, space) == pytest.approx(1.0)
    assert diversity_ratio(np.repeat(vectors[:1], 10, axis=0), space) == pytest.approx(0.0, abs=1e-3)
    assert diversity_ratio(space.mean + 0.5 * (vectors - space.mean), space) == pytest.approx(0.5)
    assert mean_distance(np.array([[0.0, 0.0], [3.0, 4.0]])) == pytest.approx(5.0)
    assert coverage(vectors, vectors) == 1.0
    assert coverage(vectors + 100, vectors) == 0.0


def test_passages_join_loops_that_follow_each_other(dataset_folder: Path) -> None:
    data = catalogue.load(dataset_folder)
    passages = list(dataset_passages(data))
    chained = sum(loop.follows is not None for loop in data.loops if loop.split == "train")
    assert len(passages) == len(data.indices("train")) - chained
    assert sum(passage.waveform.shape[1] for passage in passages) == sum(
        loop.frames for loop in data.loops if loop.split == "train"
    )


def test_paired_numbers_of_known_changes() -> None:
    waveform = play(3)
    same = compare(waveform, waveform, RATE)
    assert (same.mel_distance, same.worst_band_db, same.log_spectral_db) == (0.0, 0.0, 0.0)
    assert same.si_sdr_db > 100
    louder = compare(waveform, waveform * 2, RATE)
    assert louder.si_sdr_db > 100
    assert louder.worst_band_db == pytest.approx(20 * np.log10(2), abs=0.01)
    phases, coded = (compare(waveform, change(waveform, RATE, tempo(3), 4), RATE) for change in (griffin_lim, mp3_like))
    assert phases.si_sdr_db < 0 < coded.si_sdr_db  # each is the other's blind spot
    assert phases.log_spectral_db < coded.log_spectral_db
    with pytest.raises(ValueError, match="cannot be compared"):
        compare(waveform, waveform[:, :-5], RATE)
