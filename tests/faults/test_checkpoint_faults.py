"""Checkpoints and run folders that are damaged, foreign or in use: one line, nothing lost, nothing executed."""

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save

from fourfloor import loading
from fourfloor.runs.folder import RESUMED
from fourfloor.saving import SavingError
from fourfloor.training import checkpoint

SOURCE = Path(__file__).resolve().parents[2] / "src"


def newest(run: Path, suffix: str) -> Path:
    return sorted((run / "checkpoints").glob(f"*{suffix}"))[-1]


@pytest.mark.parametrize("suffix", [".safetensors", ".json"])
def test_any_flipped_bit_or_cut_is_noticed(run: Path, suffix: str) -> None:
    path = newest(run, suffix)
    content = path.read_bytes()
    rng = np.random.default_rng(0)
    positions = [0, 7, 8, len(content) - 1, *rng.integers(0, len(content), 60)]
    flipped = [content[:at] + bytes([content[at] ^ 1 << int(rng.integers(8))]) + content[at + 1 :] for at in positions]
    cut = [content[:length] for length in (0, 5, len(content) // 2, len(content) - 1)]
    for damaged in [*flipped, *cut, content + b" "]:
        path.write_bytes(damaged)
        with pytest.raises(checkpoint.CheckpointError, match=r"is damaged|version") as caught:
            checkpoint.load_latest(run)
        assert "\n" not in str(caught.value)
    path.write_bytes(content)
    assert checkpoint.load_latest(run).step == 3


def test_halves_of_two_checkpoints_never_load(tmp_path: Path) -> None:
    """As a crash between the two renames would leave them where a pair is replaced by one of the same name."""
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    checkpoint.write(old, 4, {"x": torch.zeros(2)}, {"vocabulary": ["house"]})
    checkpoint.write(new, 4, {"x": torch.zeros(2)}, {"vocabulary": ["techno"]})
    checkpoint.write(tmp_path / "other.json", 4, {"x": torch.ones(2)}, {"vocabulary": ["house"]})
    old.with_suffix(".safetensors").write_bytes((tmp_path / "other.safetensors").read_bytes())
    with pytest.raises(checkpoint.CheckpointError, match="its hash differs"):
        checkpoint.load(old)


def test_the_checkpoint_before_a_damaged_one_is_used(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "checkpoints").mkdir()
    for step in (1, 2):
        checkpoint.save(tmp_path, step, {"x": torch.full((3,), float(step))}, {})
    newest(tmp_path, ".safetensors").write_bytes(b"damaged")
    assert checkpoint.load_latest(tmp_path).step == 1
    (warning,) = caplog.messages
    assert "step-00000002" in warning
    assert warning.endswith("is damaged (its hash differs); step 1 is used instead")


SAVE_AND_DIE = """
import os, signal, sys
from pathlib import Path
import torch
from fourfloor.training import checkpoint

def save(run, step):
    checkpoint.save(run, step, {"x": torch.full((3,), float(step))}, {})

def counted(original):
    def call(*arguments, **options):
        if next(calls) == die_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*arguments, **options)
    return call

for die_at in range(100):
    run, calls = Path(sys.argv[1], str(die_at)), iter(range(100))
    (run / "checkpoints").mkdir(parents=True)
    for step in (1, 2, 3):
        save(run, step)
    if not (child := os.fork()):
        os.replace, os.fsync, Path.unlink = map(counted, (os.replace, os.fsync, Path.unlink))
        save(run, 4)
        os._exit(0)
    if os.waitpid(child, 0)[1] == 0:
        break
"""


def test_a_save_that_is_killed_before_any_step_leaves_a_checkpoint(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", SAVE_AND_DIE, str(tmp_path)], check=True, timeout=120)
    runs = sorted(tmp_path.iterdir(), key=lambda run: int(run.name))
    assert len(runs) > 8  # two files synchronized, renamed and their folder synchronized, two files removed
    left = [checkpoint.load_latest(run) for run in runs]
    for run, newest in zip(runs, left, strict=True):
        assert newest.tensors["x"].tolist() == [float(newest.step)] * 3
        checkpoint.save(run, 5, {"x": torch.full((3,), 5.0)}, {})
        assert checkpoint.load_latest(run).step == 5
    steps = [newest.step for newest in left]
    assert steps == sorted(steps)
    assert set(steps) == {3, 4}


def test_saving_after_a_damaged_checkpoint_keeps_what_was_saved(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    for step in (1, 8, 9):
        checkpoint.save(tmp_path, step, {"x": torch.zeros(1)}, {"best_step": 1})
    newest(tmp_path, ".json").write_text("{}")
    checkpoint.save(tmp_path, 8, {"x": torch.zeros(1)}, {"best_step": 1})
    kept = [path.stem for path in checkpoint.descriptions(tmp_path)]
    assert kept == ["step-00000008", "step-00000001"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("rng", {"bit_generator": "MT19937"}), ("rng", None), ("elapsed", -1.0), ("elapsed", "1"), ("threads", 0),
        ("optimizers", {"model/0": [1]}), ("best_step", 10**6), ("best_score", float("nan")), ("stale_checks", -1),
        ("step", True), ("vocabulary", ["a", 1]), ("control_quantiles", {"density": []}), ("parent", 3),
        ("data_hash", None), ("shape", {"latent_dim": "96"}), ("recipe", {"model": 1}),
    ],
)  # fmt: skip
def test_every_value_that_is_read_is_checked(run: Path, key: str, value: object) -> None:
    rewrite(run, lambda meta: meta.update({key: value}))
    with pytest.raises(checkpoint.CheckpointError, match="is damaged") as caught:
        checkpoint.load_latest(run)
    assert key in str(caught.value)


@pytest.mark.parametrize("key", ["threads", "optimizers", "elapsed", "rng", "recipe", "data_hash"])
def test_a_damaged_key_of_the_format_before_means_the_checkpoint_before(tmp_path: Path, run: Path, key: str) -> None:
    """Its hash leaves the JSON half out, so that nothing but the missing entry gives the damage away."""
    saved = checkpoint.load_latest(run)
    before = checkpoint.save(run, 2, saved.tensors, saved.meta)
    path = checkpoint.save(run, 3, saved.tensors, saved.meta)
    for description in (before, path):
        meta, tensors = json.loads(description.read_text()), description.with_suffix(".safetensors").read_bytes()
        meta |= {"format": 1, "sha256": hashlib.sha256(tensors).hexdigest()}
        description.write_text(json.dumps(meta))
    assert checkpoint.load_latest(run, RESUMED).step == 3
    meta[f"X{key[1:]}"] = meta.pop(key)
    path.write_text(json.dumps(meta))
    assert checkpoint.load_latest(run, RESUMED).step == 2


def test_only_the_last_two_checkpoints_stay(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    for step in range(5):
        checkpoint.save(tmp_path, step, {"x": torch.zeros(1)}, {})
    kept = sorted(path.stem for path in (tmp_path / "checkpoints").glob("*.json"))
    assert kept == ["step-00000003", "step-00000004"]


def test_copies_that_a_user_keeps_beside_the_checkpoints_stay(tmp_path: Path) -> None:
    """Rotation removed `step-best.json`, kept for later, and its safetensors; steps are ordered as numbers."""
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    kept = {"step-best.json", "step-best.safetensors", "step-00000001 (1).json", "step-9.json"}
    for name in kept:
        (folder / name).write_text("a user's")
    for step in (99_999_997, 99_999_999, 100_000_000):
        checkpoint.save(tmp_path, step, {"x": torch.zeros(1)}, {})
    assert {path.name for path in folder.iterdir()} == kept | {
        f"step-{step}.{half}" for step in (99_999_999, 100_000_000) for half in ("json", "safetensors")
    }
    assert checkpoint.load_latest(tmp_path).step == 100_000_000


def rewrite(run: Path, change: Callable[[dict], None]) -> None:
    """Change what the newest checkpoint says of itself, with a hash that fits: as somebody would who means harm."""
    path = newest(run, ".json")
    saved = checkpoint.load(path)
    change(saved.meta)
    seal(path, saved.meta, path.with_suffix(".safetensors").read_bytes())


def seal(path: Path, meta: dict, tensors: bytes) -> None:
    """Write both halves of a checkpoint, whatever they hold, with the hash that fits."""
    text = json.dumps(meta | {"sha256": "0" * 64}).encode()
    path.write_bytes(text.replace(b"0" * 64, hashlib.sha256(text + tensors).hexdigest().encode(), 1))
    path.with_suffix(".safetensors").write_bytes(tensors)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda meta: meta["recipe"]["model"].update(width=10**9), "width 1000000000"),
        (lambda meta: meta["recipe"]["model"].update(width=64), "do not fit the recipe"),
        (lambda meta: meta["recipe"]["model"].update(depth=-1), "depth -1"),
        (lambda meta: meta["recipe"]["model"].update(magic=1), "unknown key 'magic'"),
        (lambda meta: meta["recipe"]["model"].update(family="os"), "'os' is unknown"),
        (lambda meta: meta.update(vocabulary={"a": 1}), "vocabulary is"),
        (lambda meta: meta.update(shape=[]), "shape is"),
        (lambda meta: meta.pop("recipe"), "lacks its recipe"),
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
    checkpoint.save(run, 9, saved.tensors, saved.meta)
    with pytest.raises(ValueError, match="is not finite"):
        loading.load_trained(run)


def test_a_foreign_file_beside_a_matching_hash_is_refused(run: Path) -> None:
    path = newest(run, ".json")
    seal(path, checkpoint.load(path).meta, b"\x80\x04\x95 a pickle by any other name")
    with pytest.raises(ValueError, match="is not a readable checkpoint"):
        loading.load_trained(run)


def test_weights_of_another_shape_are_refused(run: Path) -> None:
    path = newest(run, ".json")
    seal(path, checkpoint.load(path).meta, save({"ema/embed.weight": torch.zeros(2, 2)}))
    with pytest.raises(ValueError, match=r"do not fit|no model"):
        loading.load_trained(run)


def test_a_full_disk_leaves_the_older_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "checkpoints").mkdir()
    checkpoint.save(tmp_path, 1, {"x": torch.ones(3)}, {})

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SavingError, match="No space left"):
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
