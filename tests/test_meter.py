"""How many beats make a bar, and whether a beat divides in three, on patterns of known meter."""

import numpy as np
import pytest

from fourfloor.ingestion.meter import Meter, measure_meter


def bars_of(accents: list[float], divisions: list[float], beats: int = 96) -> np.ndarray:
    """Return (bars, 1, 384): beats of 96 bins that repeat `accents`, each divided into strengths."""
    rng = np.random.default_rng(0)
    step = 96 // len(divisions)
    rows = rng.uniform(0, 0.05, (beats, 96))
    for number, row in enumerate(rows):
        row[::step] += divisions
        row[0] += accents[number % len(accents)]
    return rows.reshape(-1, 1, 4 * 96)


@pytest.mark.parametrize(
    ("accents", "divisions", "meter"),
    [
        ([3, 1, 2, 1], [1, 0, 0.5, 0], Meter(name="4/4", triplets=False)),
        ([1, 1, 1, 1], [1, 0.3, 0.5, 0.3], Meter(name="4/4", triplets=False)),
        ([3, 1, 1], [1, 0, 0.5, 0], Meter(name="3/4", triplets=False)),
        ([3, 1, 1, 2, 0.5], [1, 0, 0.5, 0], Meter(name="5/4", triplets=False)),
        ([3, 1, 1, 2, 0.5, 1.5, 0], [1, 0, 0.5, 0], Meter(name="7/8", triplets=False)),
        ([0.3, 0, 0.2, 0], [1, 0.5, 0.5], Meter(name="4/4", triplets=True)),
        ([0.01, 0, 0.02, 0], [1, 1, 1], Meter(name="4/4", triplets=True, even=True)),
    ],
)
def test_meter_of_a_pattern(accents: list[float], divisions: list[float], meter: Meter) -> None:
    assert measure_meter(bars_of(accents, divisions)) == meter


def test_a_few_beats_say_nothing_of_the_bar() -> None:
    assert measure_meter(bars_of([3, 1, 1], [1, 0], beats=12)).name == "4/4"
