"""What cannot be generated is refused before the work, in one line."""

from pathlib import Path

import pytest
from test_generation import make


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"bpm": 0.0}, "bpm 0 is outside 90-180"),
        ({"bpm": float("nan")}, "bpm is nan: pass a finite number"),
        ({"bpm": "126"}, "bpm is '126': pass a finite number, such as 126.5"),
        ({"bars": 4.0}, "bars is 4.0: pass a whole number, such as 4"),
        ({"seed": 1.5}, "seed is 1.5: pass a whole number"),
        ({"bars": 3}, "bars 3 is not one of 1, 2, 4, 8"),
        ({"count": 0}, "count 0 is outside"),
        ({"seed": -1}, "seed -1 is outside"),
        ({"seed": 2**63 - 2, "count": 3}, "seed 9223372036854775808 is outside"),  # of the last one
        ({"candidates": 1000}, "candidates 1000 is outside"),
        ({"model": "no-such-model"}, "no-such-model: holds no model"),
    ],
)
def test_what_cannot_be_made_is_refused(
    trained_runs: dict[str, Path], tmp_path: Path, options: dict[str, object], told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        make(trained_runs["prior"], tmp_path / "none", **options)
    assert not (tmp_path / "none").exists()


def test_a_decoder_alone_makes_no_loops(trained_runs: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="makes no loops; name the prior's run"):
        make(trained_runs["decoder"], tmp_path)


def test_a_folder_that_cannot_be_written_is_named(trained_runs: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ValueError, match="cannot write there"):
        make(trained_runs["prior"], tmp_path / "file" / "loops")
