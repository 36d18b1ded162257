"""The worked example of CONTRIBUTING.md is read from the page, trained, and generates a loop."""

import re
import sys
from pathlib import Path

import pytest
import soundfile

from fourfloor import models
from fourfloor.interfaces.cli import Settings, app

PAGE = Path(__file__).resolve().parents[1] / "CONTRIBUTING.md"


def block(language: str) -> str:
    found = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(found) == 1 or language == "sh"
    return str(found[0])


def test_the_family_of_the_page_trains_and_generates(
    tmp_path: Path, dataset_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "linear.py").write_text(block("python"), encoding="utf-8")
    recipe = tmp_path / "linear.toml"
    recipe.write_text(block("toml"), encoding="utf-8")
    monkeypatch.setattr(models, "__path__", [*models.__path__, str(tmp_path)])
    try:
        run = tmp_path / "run"
        train = ["train", str(recipe), "--data", str(dataset_folder), "--out", str(run), "--steps", "3"]
        app(train, standalone_mode=False, obj=Settings())
        app(
            ["generate", "--model", str(run), "--count", "1", "--out", str(tmp_path / "out")],
            standalone_mode=False,
            obj=Settings(),
        )
    finally:
        sys.modules.pop("fourfloor.models.linear", None)
    (loop,) = (tmp_path / "out").glob("*.wav")
    assert soundfile.info(loop).frames == 336_000
