"""What compare refuses in one line before anything is trained."""

from pathlib import Path

from comparisons import write_recipe
from conftest import RECIPES
from test_cli import run


def test_wrong_input_is_one_line_before_anything_is_trained(
    dataset_folder: Path, tmp_path: Path, capsys, monkeypatch
) -> None:
    good = write_recipe(tmp_path, "good")
    (tmp_path / "other").mkdir()
    twin, lonely = write_recipe(tmp_path / "other", "good", 3), tmp_path / "other" / "prior.toml"
    lonely.write_text((RECIPES / "prior.toml").read_text())
    (tmp_path / "file").write_text("")
    out, minutes = tmp_path / "report", ("--minutes", 1)
    data, fine = ("--data", dataset_folder), ("--data", dataset_folder, *minutes)
    cases = {
        "is neither a recipe fi": (tmp_path / "none.toml", *fine, "--out", out),
        "holds no dataset": (good, "--data", tmp_path / "none", *minutes, "--out", out),
        "cannot write": (good, *fine, "--out", tmp_path / "file" / "report"),
        "have one name": (good, twin, *fine, "--out", out),
        "needs a decoder": (lonely, *fine, "--out", out),
        "does not generate loops by itself": (RECIPES / "decoder.toml", *fine, "--out", out),
        "either minutes or steps": (good, *data, "--out", out),
        "n 0 is outside": (good, *fine, "--out", out, "--n", 0),
        "bpm 20 is outside": (good, *fine, "--out", out, "--bpm", 20),
        "cutoff 20 is outside": (good, *fine, "--out", out, "--cutoff", 20),
        "jobs 0 is outside": (good, *fine, "--out", out, "--jobs", 0),
        "unknown key 'widht'": (good, *fine, "--out", out, "--set", "model.widht=3"),
    }
    for told, arguments in cases.items():
        code, printed, err = run(capsys, monkeypatch, "compare", *arguments)
        assert (code, printed) == (2, ""), (told, code, printed, err)
        assert err.startswith("fourfloor: ")
        assert err.count("\n") == 1
        assert told in err
    assert not out.exists()
