"""The report of a comparison: what went wrong and what it cost, curves, and a size that can be committed."""

import json
import math
from dataclasses import replace

from fourfloor.comparing.report import (
    MAX_BYTES,
    Comparison,
    Part,
    System,
    excerpt_bars,
    markdown,
    page,
    score_table,
)
from fourfloor.evaluation.numbers import TEN
from fourfloor.evaluation.pictures import curve
from fourfloor.evaluation.sources import Sample
from fourfloor.evaluation.verdict import Gate


def test_excerpts_shrink_until_the_page_can_be_committed() -> None:
    loop = Sample(waveform=None, sample_rate=44_100, bpm=120.0, bars=4, track="")  # type: ignore[arg-type]
    assert [excerpt_bars({"a": [loop] * count}) for count in (4, 24, 50)] == [4, 2, 1]
    assert MAX_BYTES < 8_000_000


def test_the_table_says_what_went_wrong_and_what_it_cost() -> None:
    parts = [
        Part(name="p", family="flow", parameters=1000, steps=60, minutes=2.0, threads=1),
        Part(name="d", family="magnitude_decoder", parameters=234, steps=6, minutes=2.0, threads=1),
    ]
    systems = [System(name="pair", parts=parts, problem="training diverged: at step 3"), System(name="nothing")]
    comparison = Comparison(
        systems=systems,
        rows={},
        broken=[],
        budget="2 minutes each",
        n=1,
        seed=0,
        cutoff_hz=4500.0,
        data="d",
        data_hash="0" * 64,
        machine={"processor": "a"},
    )
    text = markdown(comparison)
    assert "| pair | flow + magnitude_decoder | 1,234 | 60 + 6 | 2.0 + 2.0 | 1 + 1 | 4.0 | 0.50 + 0.05 | - |" in text
    assert "training diverged: at step 3" in text
    assert "4500 Hz" in text
    assert json.loads(comparison.to_json())["systems"][0]["core_minutes"] == 4.0
    assert "<audio" not in page(comparison, {}, {})


def test_a_number_that_fails_its_gate_is_marked() -> None:
    numbers = {f"{name}{end}": 0.25 for name in TEN for end in ("", "_low", "_high")}
    limits = {"value": 0.25, "value_low": 0.25, "value_high": 0.25, "low": 0.0, "high": 1.0}
    gates = {
        name: Gate(number=name, judged_by="", passes=passes, **limits)
        for name, passes in (("sane", False), ("pulse", True), ("margin", None))
    }
    system = System(name="a", numbers=numbers, gates=gates)
    comparison = Comparison(
        systems=[system],
        rows={},
        broken=[],
        budget="",
        n=1,
        seed=0,
        cutoff_hz=4500.0,
        data="d",
        data_hash="",
        machine={},
    )
    assert score_table(comparison)[1][1:3] == ["0.25 !", "0.25"]
    assert score_table(replace(comparison, broken=["row A"]))[1][1:3] == ["0.25", "0.25"]


def test_curves_leave_out_what_is_not_finite() -> None:
    records = [{"step": i, "loss": None if i == 3 else float(i)} for i in range(1, 9)]
    records[4]["validation"] = float("nan")
    records[5]["validation"] = 2.0
    drawn = curve("loss", records)
    assert len(drawn.dots) == 1
    assert len(drawn.line) == 7
    assert all(math.isfinite(float(place)) for point in drawn.line for place in point)
    assert curve("loss", records[:1]).line == ()
