"""Verdicts rest on intervals: inside passes, outside fails, astride is undecided, and noise tightens no limit."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from fourfloor.envelope import Envelope
from fourfloor.evaluation.distance import Interval, StyleSpace, diversity_ratio
from fourfloor.evaluation.intervals import diversity_interval, median_interval, settled_by, share_interval
from fourfloor.evaluation.numbers import TEN
from fourfloor.evaluation.references import partly_copied
from fourfloor.evaluation.sources import Sample, Source
from fourfloor.evaluation.verdict import beats_slices, broken_anchors, judge, verdict_of


def test_a_share_has_the_interval_of_wilson() -> None:
    # Newcombe 1998, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
    for hits, n, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ):
        interval = share_interval([True] * hits + [False] * (n - hits))
        assert interval.value == hits / n
        assert (interval.low, interval.high) == (pytest.approx(low, abs=2e-4), pytest.approx(high, abs=2e-4))
    assert np.isnan(share_interval([]).value)


def test_the_interval_of_a_median_holds_the_true_one() -> None:
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(400):
        interval = median_interval(list(rng.exponential(size=50)))
        held += interval.low <= np.log(2) <= interval.high
    assert 0.92 <= held / 400 <= 0.99
    assert median_interval([1.0, float("nan"), 3.0]).value == 2.0
    assert np.isnan(median_interval([float("nan")]).low)


def test_the_interval_of_diversity_is_that_of_other_draws() -> None:
    rng = np.random.default_rng(1)
    train = rng.standard_normal((60, 40))
    space = StyleSpace.of(train, [str(i) for i in range(60)])
    values, widths = [], []
    for _ in range(60):
        vectors = rng.standard_normal((32, 40)) * rng.uniform(0.3, 1.7, (32, 1))
        interval = diversity_interval(vectors, space)
        assert interval.value == pytest.approx(diversity_ratio(vectors, space))
        values.append(interval.value)
        widths.append(interval.high - interval.low)
    assert np.mean(widths) == pytest.approx(2 * 1.96 * np.std(values), rel=0.35)


def test_how_many_would_settle_it() -> None:
    # Half as wide takes four times as many.
    assert settled_by(12, Interval(value=2.0, low=-2.0, high=6.0), -np.inf, 4.0) == 48
    assert settled_by(12, Interval(value=2.0, low=1.0, high=3.0), -np.inf, 4.0) == 12
    assert settled_by(12, Interval(value=4.0, low=1.0, high=7.0), -np.inf, 4.0) == 100_000


@dataclass
class FakeSet:
    tracks: list[str]


@dataclass
class FakeRuler:
    envelope: Envelope
    held_out: FakeSet


RULER: Any = FakeRuler(
    Envelope(low={"pulse": 0.5}, middle={"pulse": 0.7}, high={"pulse": 0.9}), FakeSet([str(i) for i in range(12)])
)


def numbers(half: float = 0.0, **values: float) -> dict[str, float]:
    usual = (
        dict.fromkeys(TEN, 0.95) | {"pulse": 0.7, "style": 1.0, "diversity": 1.0, "copies": 0.0, "margin": 1.0} | values
    )
    ends = {
        f"{name}_{end}": value + side * half
        for name, value in usual.items()
        for end, side in (("low", -1), ("high", 1))
    }
    return usual | ends


def rows(c: float = 9.0, half: float = 0.1) -> dict[str, dict[str, float]]:
    return {
        "A": numbers(half, style=0.0),
        "B": numbers(half, style=40.0),
        "C": numbers(half, style=c),
        "J": numbers(half, style=12.0),
    }


def test_inside_passes_outside_fails_and_astride_cannot_tell() -> None:
    for value, half, passes in ((1.0, 2.0, True), (1.0, 5.0, None), (4.0, 2.0, None), (9.0, 2.0, False)):
        gate = judge(numbers(half, style=value), rows(), RULER, 256)["style"]
        assert gate.high == 4.5  # halfway from 0 to 9
        assert gate.passes is passes, (value, half)
    told = judge(numbers(5.0, style=1.0), rows(), RULER, 256)["style"].judged_by
    assert told.endswith("undecided; some 25 held-out tracks would decide")


@pytest.mark.parametrize(
    ("number", "inside", "outside"),
    [
        ("sane", 0.77, 0.75), ("tempo", 0.81, 0.79), ("seam", 0.81, 0.79), ("diversity", 0.71, 0.69),
        ("diversity", 1.19, 1.21), ("margin", 1.14, 1.16), ("pulse", 0.51, 0.49), ("pulse", 0.89, 0.91),
        ("style", 4.4, 4.6),
    ],
)  # fmt: skip
def test_every_gate_stands_where_it_is_said_to(number: str, inside: float, outside: float) -> None:
    assert judge(numbers(**{number: inside}), rows(), RULER, 256)[number].passes is True
    assert judge(numbers(**{number: outside}), rows(), RULER, 256)[number].passes is False


def test_noise_tightens_no_limit_and_wins_no_verdict() -> None:
    for half in (0.1, 3.0, 30.0):
        assert judge(numbers(1.0), rows(half=half), RULER, 256)["style"].high == 4.5
    assert judge(numbers(30.0), rows(), RULER, 256)["style"].passes is None


def test_copies_are_a_rate_beside_the_held_out_rate() -> None:
    def gate(hits: int, n: int, held_out: float) -> bool | None:
        rate = share_interval([True] * hits + [False] * (n - hits))
        given = numbers() | {"copies": rate.value, "copies_low": rate.low, "copies_high": rate.high}
        return judge(given, rows() | {"A": numbers(style=0.0, copies=held_out)}, RULER, n)["copies"].passes

    assert gate(0, 256, 0.0) is True
    assert gate(0, 32, 0.0) is None  # nothing in 32 may still be one in ten
    assert gate(3, 256, 0.0) is None
    assert gate(3, 256, 0.08) is True  # fewer than real music has
    assert gate(30, 256, 0.0) is False


def test_a_word_is_false_as_soon_as_one_gate_fails_and_open_while_one_is() -> None:
    gates = judge(numbers(5.0, style=1.0, diversity=1.0), rows(), RULER, 256)
    assert verdict_of(gates)["in_style"] is None
    assert verdict_of(judge(numbers(0.1, style=20.0), rows(), RULER, 256))["in_style"] is False
    assert verdict_of(judge(numbers(0.01), rows(), RULER, 256)) == {"music": True, "in_style": True, "new": True}


def test_better_than_slices_is_open_where_newness_is() -> None:
    near = numbers(0.1, style=1.0)
    for new in (True, False, None):
        assert beats_slices(near, rows(), {"new": new}) is new
    assert beats_slices(numbers(20.0, style=1.0), rows(), {"new": True}) is False


def test_blurred_partials_that_are_as_clear_as_music_break_the_scale() -> None:
    def reasons(blurred: float) -> list[str]:
        clarity = {"L": blurred, "A": 9.0, "N": 38.0}
        return broken_anchors({letter: {"clarity_db": value} for letter, value in clarity.items()})

    assert reasons(8.9) == []
    assert reasons(9.0) == ["row L (9.0) is not less clear than row A (9.0)"]


def test_a_tenth_of_a_training_loop_is_in_a_partial_copy() -> None:
    def loop(number: int) -> Sample:
        waveform = np.random.default_rng(number).standard_normal((1, 4000)).astype(np.float32)
        return Sample(waveform=waveform, sample_rate=1000, bpm=120.0, bars=2, track=f"t{number}")

    held_out, train = Source.of([loop(0)]), Source.of([loop(1), loop(2)])
    (made,) = partly_copied(held_out, train, 1, 0)
    changed = made.waveform[0] != held_out[0].waveform[0]
    assert 0.09 <= changed.mean() <= 0.1
    shares = [
        np.isclose(made.waveform[0][changed] / donor.waveform[0][changed], 1, atol=0.1).mean()
        for donor in (train[0], train[1])
    ]
    assert max(shares) == 1.0
