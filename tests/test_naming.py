"""File names: no dot but the extension's, and the tempo is read back from them."""

import pytest

from fourfloor import audio
from fourfloor.producer import render_loop
from fourfloor.producer.writing import file_stem


@pytest.mark.parametrize("bpm", [90.0, 126.0, 126.5, 133.333, 99.95])
def test_a_tempo_in_a_name_is_read_back(bpm: float) -> None:
    name = f"fourfloor_{audio.tempo_word(bpm)}_loop_s7"
    assert "." not in name
    assert audio.tempo_in_name(name) == bpm


@pytest.mark.parametrize(
    ("name", "bpm"),
    [("SPL_128_BPM_Techno", 128.0), ("loop-126.5bpm", 126.5), ("128bpm_and_130bpm", None), ("126_loop", None),
     ("x126bpm", None), ("126bpms", None), ("1126bpm", None), ("126BPM 126 bpm", 126.0)],
)  # fmt: skip
def test_only_a_plain_tempo_is_taken_from_a_name(name: str, bpm: float | None) -> None:
    assert audio.tempo_in_name(name) == bpm


def test_the_producer_writes_a_fraction_of_a_tempo_without_a_dot() -> None:
    loop = render_loop(7, "minimal", bars=1, bpm=126.5, sample_rate=16_000)
    assert file_stem(loop, 3).startswith("fourfloor_126p5bpm_minimal_loop_s3_")
    assert "." not in file_stem(loop, 3)
