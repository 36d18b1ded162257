"""The notebook runs from its first cell to its last: `exec` in one namespace, which needs no kernel and no jupyter."""

import json
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[1] / "docs" / "notebook.ipynb"


def test_the_notebook_tunes_a_model_and_scores_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cells = json.loads(PAGE.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] for cell in code)
    names: dict = {}
    for number, cell in enumerate(code):
        exec(compile("".join(cell["source"]), f"cell {number}", "exec"), names)
    assert names["run"].steps == names["STEPS"]
    assert names["latents"].shape == (32, 84)
    assert (tmp_path / "models" / "minimal" / "CARD.md").is_file()
    assert len(names["card"].loops) == len(names["loops"])
    assert names["card"].numbers["tempo"] <= 1
    assert (tmp_path / "minimal.wav").is_file()
