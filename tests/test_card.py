"""The card of an exported model."""

import json
from pathlib import Path

import pytest
from test_cli import run

from fourfloor import api
from fourfloor.loading import CARD_FILE as CARD


def test_the_card_names_data_recipe_codec_and_that_no_license_was_stated(
    trained_runs: dict[str, Path], tmp_path: Path
) -> None:
    api.export(trained_runs["prior"], str(trained_runs["decoder"]), tmp_path / "mine")
    text = (tmp_path / "mine" / CARD).read_text(encoding="utf-8")
    about = json.loads((tmp_path / "mine" / "prior.json").read_text(encoding="utf-8"))
    assert text.startswith("# mine\n")
    assert "- Trained on: house (" in text
    assert str(tmp_path) not in text
    assert text.count(about["data_hash"]) == 2
    assert "| flow | " in text
    assert "| magnitude_decoder | " in text
    assert "- Fine-tuned from: no other model." in text
    assert "- Styles: house, techno." in text
    assert "## License\nNot stated." in text
    (row,) = [row for row in api.list_models([tmp_path]).models if row.name == "mine"]
    assert row.card == str(tmp_path / "mine" / CARD)


def test_a_license_is_written_into_the_card(
    trained_runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    export = ("export", trained_runs["prior"], "--decoder", trained_runs["decoder"], "--out", tmp_path / "mine")
    code, _, told = run(capsys, monkeypatch, *export, "--license", "two\nlines")
    assert (code, "one line of at most 300" in told) == (2, True)
    assert not (tmp_path / "mine").exists()
    assert run(capsys, monkeypatch, *export, "--license", "CC-BY-4.0")[0] == 0
    assert (tmp_path / "mine" / CARD).read_text(encoding="utf-8").endswith("## License\nCC-BY-4.0\n")
