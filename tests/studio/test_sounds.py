"""Likeness: the nearest loops of one, and the map of all."""

from pathlib import Path

import numpy as np

from fourfloor.producer import render_loop
from fourfloor.studio import sounds


def test_a_loop_is_nearest_to_itself_with_a_little_noise() -> None:
    loops = [render_loop(seed, bars=1) for seed in range(6)]
    noisy = loops[2].waveform + np.random.default_rng(0).normal(0, 1e-3, loops[2].waveform.shape)
    vectors = np.array([sounds.vector_of(wave, 44_100, 1) for wave in [*(loop.waveform for loop in loops), noisy]])
    assert vectors.shape == (7, sounds.SIZE)
    names = [*"abcdef", "noisy"]
    assert sounds.nearest("noisy", names, vectors)[0] == "c"
    assert sounds.nearest("gone", names, vectors) == []


def test_the_map_fills_the_plane_and_keeps_alike_loops_together() -> None:
    rng = np.random.default_rng(1)
    near, far = rng.normal(0, 1, (5, sounds.SIZE)), rng.normal(0, 1, (5, sounds.SIZE)) + 30
    placed = sounds.places([str(number) for number in range(10)], np.concatenate([near, far]))
    x = [placed[str(number)][0] for number in range(10)]
    assert max(x[:5]) < min(x[5:]) or max(x[5:]) < min(x[:5])
    assert (min(x), max(x)) == (0.0, 1.0)
    assert sounds.places(["a"], near[:1]) == {"a": [0.5, 0.5]}


def test_a_vector_that_is_damaged_or_gone_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "short").write_bytes(b"\0" * 7)
    (tmp_path / "nan").write_bytes(np.full(sounds.SIZE, np.nan, "<f4").tobytes())
    (tmp_path / "good").write_bytes(np.ones(sounds.SIZE, "<f4").tobytes())
    names, vectors = sounds.read_vectors((name, tmp_path / name) for name in ("short", "nan", "gone", "good"))
    assert (names, vectors.shape) == (["good"], (1, sounds.SIZE))


def test_files_that_hold_no_vector_are_left_out(tmp_path: Path) -> None:
    good = np.arange(sounds.SIZE, dtype="<f4")
    good.tofile(tmp_path / "good")
    np.resize(good, 2 * sounds.SIZE).tofile(tmp_path / "long")
    (tmp_path / "folder").mkdir()
    names, vectors = sounds.read_vectors((name, tmp_path / name) for name in ("good", "long", "folder", "gone"))
    assert names == ["good"]
    assert vectors.tolist() == [good.tolist()]
