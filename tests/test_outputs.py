"""No file is replaced unasked: refused before the work, and loops of two models never share a name."""

import contextlib
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from fourfloor import api, audio, loading
from fourfloor.api.outputs import refuse_existing
from fourfloor.comparing.files import refuse_another
from fourfloor.copies import fingerprints
from fourfloor.errors import FourfloorError
from fourfloor.saving import SavingError

Runs = dict[str, Path]


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def twin(trained_runs: Runs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a model folder that has the name of the run, and other weights."""
    folder = tmp_path_factory.mktemp("twin") / "prior"
    api.export(trained_runs["prior"], str(trained_runs["decoder"]), folder)
    return folder


@pytest.fixture
def asked(trained_runs: Runs, tmp_path: Path) -> dict[str, Any]:
    return {
        "model": trained_runs["prior"], "out": tmp_path / "loops", "bars": 1, "count": 2, "redraws": 1, "sheet": True
    }  # fmt: skip


def test_generate_replaces_nothing_unasked(asked: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    api.generate(**asked)
    before = content(asked["out"])
    with monkeypatch.context() as patch:
        patch.setattr("fourfloor.api.draws.leveled", lambda *_: pytest.fail("made a loop before it refused"))
        with pytest.raises(FourfloorError, match=r"s0\.wav: exists already; pass --overwrite, or .*--seed 2$"):
            api.generate(**asked)
        with pytest.raises(FourfloorError, match=r"spectrograms\.png: exists already; pass --overwrite"):
            api.generate(**asked | dict(seed=2))
    assert content(asked["out"]) == before
    api.generate(**asked | dict(seed=2, sheet=False))
    assert content(asked["out"]).items() > before.items()
    assert len(content(asked["out"])) == len(before) + 2
    api.generate(**asked | dict(overwrite=True))
    assert content(asked["out"]).items() >= before.items()


def test_a_redrawn_loop_is_named_by_its_own_seed(asked: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    import fourfloor.faults

    monkeypatch.setattr(fourfloor.faults, "faults_of", lambda *_: ("copy",))
    row = api.generate(**asked | dict(count=1, candidates=6, sheet=False)).loops[0]
    assert row.file is not None
    tags = audio.read_tags(row.file)
    assert tags is not None
    assert row.file.stem.endswith(f"_s{row.seed}")
    assert json.loads(tags.comment)["seed"] == row.seed
    with pytest.raises(FourfloorError, match="exists already"):  # whichever draw was kept
        api.generate(**asked | dict(count=1, candidates=6, sheet=False))


def test_loops_of_two_models_of_one_name_never_share_one(asked: dict, twin: Path) -> None:
    asked = {**asked, "sheet": False}
    first = api.generate(**asked)
    before = content(asked["out"])
    for overwrite in (False, True):
        second = api.generate(**asked | dict(model=str(twin), overwrite=overwrite))
        assert content(asked["out"]).items() > before.items()
        assert len(content(asked["out"])) == 4
    names = [row.file.name for row in first.loops + second.loops if row.file]
    digits = loading.load_model(str(twin)).weights_hash[:6]
    assert names[::2] == ["fourfloor_126bpm_prior_1bars_s0.wav", f"fourfloor_126bpm_prior-{digits}_1bars_s0.wav"]
    with pytest.raises(FourfloorError, match=f"prior-{digits}_1bars_s0.wav: exists already"):
        api.generate(**asked | dict(model=str(twin)))


def test_the_hash_of_weights_tells_models_apart(trained_runs: Runs, twin: Path) -> None:
    run = str(trained_runs["prior"])
    model = loading.load_model(run)
    assert model.weights_hash == loading.load_model(run).weights_hash != loading.load_model(str(twin)).weights_hash
    changed = loading.load_model(run)
    with torch.no_grad():
        next(changed.decoder.model.parameters()).view(-1)[0] += 1e-3  # type: ignore[union-attr]
    assert changed.weights_hash != model.weights_hash


def test_export_replaces_no_model_unasked(trained_runs: Runs, tmp_path: Path) -> None:
    run, decoder, out = trained_runs["prior"], str(trained_runs["decoder"]), tmp_path / "model"
    api.export(run, decoder, out)
    assert set(os.listdir(out)) == loading.MODEL_FILES
    assert {fingerprints.ARRAYS, fingerprints.ABOUT, fingerprints.CELLS} < loading.MODEL_FILES
    (out / "prior.safetensors").write_bytes(b"another model")
    (out / "notes.txt").write_text("mine")
    before = content(out)
    with pytest.raises(FourfloorError, match=r"CARD\.md: exists already; pass --overwrite"):
        api.export(run, decoder, out)
    with pytest.raises(FourfloorError, match="is a run; choose another --out"):
        api.export(run, decoder, Path(decoder), overwrite=True)
    assert content(out) == before
    api.export(run, decoder, out, overwrite=True)
    assert loading.load_model(str(out))
    assert content(out)["notes.txt"] == b"mine"
    assert os.listdir(tmp_path) == ["model"]


def test_a_failed_export_leaves_nothing(trained_runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise SavingError(Path("prior.json"), "cannot be written (No space left on device)")

    monkeypatch.setattr(fingerprints, "copy", full)
    with pytest.raises(FourfloorError, match="No space left"):
        api.export(trained_runs["prior"], str(trained_runs["decoder"]), tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_export_is_completed_by_the_next_reader(trained_runs: Runs, twin: Path, tmp_path: Path) -> None:
    out, hidden = tmp_path / "model", tmp_path / ".model.fourfloor"
    shutil.copytree(twin, out)
    (hidden / "new").mkdir(parents=True)
    for name in loading.MODEL_FILES:
        os.replace(out / name, hidden / "new" / name)
    (hidden / "README.txt").write_text("")
    (hidden / "placing.json").write_text(json.dumps(sorted(loading.MODEL_FILES)))
    os.replace(hidden / "new" / "prior.json", out / "prior.json")  # this far it came
    assert loading.load_model(str(out)).weights_hash == loading.load_model(str(twin)).weights_hash
    assert os.listdir(tmp_path) == ["model"]


def test_a_scorecard_is_not_replaced_unasked(tmp_path: Path, dataset_folder: Path) -> None:
    (tmp_path / "loops").mkdir()
    audio.write_loop(tmp_path / "loops" / "a.wav", np.zeros((2, 100)), None)
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "scorecard.md").write_text("of last week")
    request = api.EvaluateRequest(loops=str(tmp_path / "loops"), against=dataset_folder, out=tmp_path / "report", n=1)
    with pytest.raises(FourfloorError, match=r"scorecard\.md: exists already; pass --overwrite"):
        api.evaluate(request, lambda *_: pytest.fail("worked before it refused"))
    with contextlib.suppress(FourfloorError):  # there is nothing to judge
        api.evaluate(replace(request, overwrite=True), lambda *_: None)


def test_only_the_same_comparison_goes_on(tmp_path: Path) -> None:
    saved = {"systems": [{"name": "a"}, {"name": "beat slices, no network"}], "data_hash": "x", "n": 8, "seed": 0}
    (tmp_path / "comparison.json").write_text(json.dumps(saved))
    refuse_another(tmp_path, ["a"], "x", 8, 0)
    refuse_another(tmp_path, ["a", "b"], "x", 8, 0)
    for systems, data_hash, n in ((["b"], "x", 8), (["a"], "y", 8), (["a"], "x", 9)):
        with pytest.raises(FourfloorError, match=r"comparison\.json: exists already"):
            refuse_another(tmp_path, systems, data_hash, n, 0)
    for text in ("{", "[]", '{"systems": [1]}', "[" * 10_000):
        (tmp_path / "comparison.json").write_text(text)
        with pytest.raises(FourfloorError, match=r"comparison\.json: exists already"):
            refuse_another(tmp_path, ["a"], "x", 8, 0)


def test_a_folder_that_is_none_is_named(tmp_path: Path) -> None:
    refuse_existing(tmp_path / "none", ["x"])
    (tmp_path / "file").write_text("")
    with pytest.raises(FourfloorError, match=r"file: cannot write there \(Not a directory\)"):
        refuse_existing(tmp_path / "file", ["x"])
