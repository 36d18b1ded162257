"""Checkpoints and run folders that are damaged, foreign or in use: one line, nothing lost, nothing executed."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import RECIPES, TINY
from safetensors.torch import save_file

from fourfloor import loading, pipeline
from fourfloor.pipeline.train import claimed
from fourfloor.training import checkpoint

SOURCE = Path(__file__).resolve().parents[2] / "src"


@pytest.fixture
def run(trained_runs: dict[str, Path], tmp_path: Path) -> Path:
    """Return a copy of the tiny prior's run, to be damaged."""
    return Path(shutil.copytree(trained_runs["prior"], tmp_path / "prior"))


def newest(run: Path, suffix: str) -> Path:
    return sorted((run / "checkpoints").glob(f"*{suffix}"))[-1]


def test_any_flipped_byte_or_cut_is_noticed(run: Path) -> None:
    path = newest(run, ".safetensors")
    content = path.read_bytes()
    rng = np.random.default_rng(0)
    for position in [0, 7, 8, len(content) - 1, *rng.integers(0, len(content), 12)]:
        damaged = bytearray(content)
        damaged[position] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        with pytest.raises(checkpoint.CheckpointError, match="is damaged"):
            loading.load_trained(run)
    for length in (0, 5, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(checkpoint.CheckpointError, match="is damaged"):
            loading.load_trained(run)


def test_the_checkpoint_before_a_damaged_one_is_used(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    for step in (1, 2):
        checkpoint.save(tmp_path, step, {"x": torch.full((3,), float(step))}, {})
    newest(tmp_path, ".safetensors").write_bytes(b"damaged")
    warnings: list[str] = []
    assert checkpoint.load_latest(tmp_path, warnings).step == 1
    assert "step-00000002" in warnings[0]


def test_only_the_last_two_checkpoints_stay(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    for step in range(5):
        checkpoint.save(tmp_path, step, {"x": torch.zeros(1)}, {})
    kept = sorted(path.stem for path in (tmp_path / "checkpoints").glob("*.json"))
    assert kept == ["step-00000003", "step-00000004"]


def rewrite(run: Path, change: Callable[[dict], None]) -> None:
    """Change the JSON of the newest checkpoint as somebody with an editor would."""
    path = newest(run, ".json")
    meta = json.loads(path.read_text())
    change(meta)
    path.write_text(json.dumps(meta))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda meta: meta["recipe"]["model"].update(width=10**9), "width 1000000000"),
        (lambda meta: meta["recipe"]["model"].update(width=64), "do not fit the recipe"),
        (lambda meta: meta["recipe"]["model"].update(depth=-1), "depth -1"),
        (lambda meta: meta["recipe"]["model"].update(magic=1), "unknown key 'magic'"),
        (lambda meta: meta["recipe"]["model"].update(family="os"), "'os' is unknown"),
        (lambda meta: meta.update(vocabulary={"a": 1}), "list of styles"),
        (lambda meta: meta.update(shape=[]), "its shape does not fit its recipe"),
        (lambda meta: meta.pop("recipe"), "says no recipe"),
        (lambda meta: meta.update(format=99), "was not written by this version"),
    ],
)
def test_a_description_that_lies_is_refused(run: Path, change: Callable[[dict], None], told: str) -> None:
    rewrite(run, change)
    with pytest.raises(ValueError, match=re.escape(told)) as caught:
        loading.load_trained(run)
    assert "\n" not in str(caught.value)


def test_weights_that_are_not_finite_are_refused(run: Path) -> None:
    saved = checkpoint.load_latest(run)
    name = next(key for key in saved.tensors if key.startswith("ema/"))
    saved.tensors[name][:] = float("nan")
    meta = {key: value for key, value in saved.meta.items() if key not in ("format", "step", "sha256")}
    checkpoint.save(run, 9, saved.tensors, meta)
    with pytest.raises(ValueError, match="is not finite"):
        loading.load_trained(run)


def test_a_foreign_file_beside_a_matching_hash_is_refused(run: Path) -> None:
    import hashlib

    path = newest(run, ".safetensors")
    path.write_bytes(b"\x80\x04\x95 a pickle by any other name")
    rewrite(run, lambda meta: meta.update(sha256=hashlib.sha256(path.read_bytes()).hexdigest()))
    with pytest.raises(ValueError, match="is not a readable checkpoint"):
        loading.load_trained(run)


def test_weights_of_another_shape_are_refused(run: Path) -> None:
    import hashlib

    path = newest(run, ".safetensors")
    save_file({"ema/embed.weight": torch.zeros(2, 2)}, path)
    rewrite(run, lambda meta: meta.update(sha256=hashlib.sha256(path.read_bytes()).hexdigest()))
    with pytest.raises(ValueError, match=r"do not fit|no model"):
        loading.load_trained(run)


def request(dataset: Path, run: Path, **options: object) -> pipeline.TrainRequest:
    settings = {"recipe": RECIPES / "prior.toml", "overrides": TINY["prior"][1::2], "steps": 4, "device": "cpu"}
    return pipeline.TrainRequest(data=[dataset], run=run, **(settings | options))


def test_a_run_is_not_overwritten(run: Path, dataset_folder: Path) -> None:
    with pytest.raises(ValueError, match="holds a run already; pass --resume"):
        pipeline.train(request(dataset_folder, run))


def test_another_recipe_cannot_resume_a_run(run: Path, dataset_folder: Path) -> None:
    overrides = (*TINY["prior"][1::2], "training.learning_rate=0.5")
    with pytest.raises(ValueError, match="was trained with another recipe"):
        pipeline.train(request(dataset_folder, run, resume=True, overrides=overrides))


def test_an_empty_folder_cannot_be_resumed(tmp_path: Path, dataset_folder: Path) -> None:
    with pytest.raises(ValueError, match="no checkpoint to resume"):
        pipeline.train(request(dataset_folder, tmp_path / "new", resume=True))


def test_two_trainers_cannot_share_a_folder(tmp_path: Path, dataset_folder: Path) -> None:
    with claimed(tmp_path), pytest.raises(ValueError, match="another process is training there"):
        pipeline.train(request(dataset_folder, tmp_path))


def test_a_run_folder_that_cannot_be_made_is_named(tmp_path: Path, dataset_folder: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ValueError, match="cannot be used as a run folder"):
        pipeline.train(request(dataset_folder, tmp_path / "file" / "run"))


def test_a_full_disk_leaves_the_older_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "checkpoints").mkdir()
    checkpoint.save(tmp_path, 1, {"x": torch.ones(3)}, {})

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint.os, "fsync", full)
    with pytest.raises(checkpoint.CheckpointError, match="No space left"):
        checkpoint.save(tmp_path, 2, {"x": torch.ones(3)}, {})
    monkeypatch.undo()
    assert checkpoint.load_latest(tmp_path).step == 1
    assert sorted(path.suffix for path in (tmp_path / "checkpoints").iterdir()) == [".json", ".safetensors"]


def test_the_source_loads_nothing_that_executes_code() -> None:
    forbidden = re.compile(r"torch\.load|\bpickle\b|allow_pickle=True|\beval\(|\bexec\(")
    found = [
        f"{path.name}:{number}"
        for path in SOURCE.rglob("*.py")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if forbidden.search(line.replace(".eval()", ""))
    ]
    assert found == []
