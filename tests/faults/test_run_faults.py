"""Run folders that are foreign, damaged, in use or not to be made: one line, nothing lost."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import RECIPES, TINY
from test_checkpoint_faults import rewrite

from fourfloor import api, exporting, header
from fourfloor.api.training import memory_named
from fourfloor.errors import FourfloorError
from fourfloor.runs.folder import claimed
from fourfloor.saving import SavingError
from fourfloor.training import checkpoint
from fourfloor.training.log import Log, read
from fourfloor.training.progress import Progress


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda lines: lines[:2], "has no line for 2 of the 4 steps"),
        (lambda lines: [*lines[:3], b"\0" * 200], "has no line for 1 of the 4 steps"),
        (lambda lines: [lines[0], b"\0" * 50 + b"\n", *lines[2:]], "damaged lines are left out: 1"),
        (lambda lines: [lines[0], lines[1][:9] + b"\n", *lines[2:]], "damaged lines are left out: 1"),
        (lambda lines: [], "has no line for 4 of the 4 steps"),
    ],
    ids=["lost tail", "tail of zeros", "zeros", "half a line", "empty"],
)
def test_a_damaged_log_does_not_stop_a_run_from_going_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: Callable[[list[bytes]], list[bytes]], told: str
) -> None:
    path = tmp_path / "log.jsonl"
    log = Log(path)
    for step in range(1, 7):
        log.write(step=step, loss=1 / step)
    log.close()
    path.write_bytes(b"".join(damage(path.read_bytes().splitlines(keepends=True))))
    log = Log(path, from_step=4)
    log.write(step=5, loss=0.25)
    log.close()
    assert any(told in message for message in caplog.messages)
    assert all(record["loss"] == (0.25 if record["step"] == 5 else 1 / record["step"]) for record in read(path))
    assert read(path)[-1]["step"] == 5


def test_an_intact_log_is_cut_without_a_word(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    log = Log(tmp_path / "log.jsonl")
    for step in range(6):
        log.write(step=step)
    log.close()
    Log(tmp_path / "log.jsonl", from_step=3).close()
    assert [record["step"] for record in read(tmp_path / "log.jsonl")] == [0, 1, 2, 3]
    assert caplog.messages == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a file that is always full")
def test_a_full_disk_under_the_log_is_named(tmp_path: Path) -> None:
    """It was told as `output: No space left on device`, of which no file bears the name."""
    (tmp_path / "log.jsonl").touch()
    log = Log(tmp_path / "log.jsonl")
    log.write(step=1, loss=0.5)
    log.close()
    log._file = open("/dev/full", "ab", buffering=0)  # noqa: SIM115 - `close` below is what must not fail again
    with pytest.raises(SavingError, match=r"log\.jsonl: cannot be written \(No space left on device\); .*--resume"):
        log.write(step=2, loss=0.5)
    log.close()
    assert [record["step"] for record in read(tmp_path / "log.jsonl")] == [1]


def request(dataset: Path, run: Path, **options: object) -> api.TrainRequest:
    settings: dict[str, Any] = {"recipe": RECIPES / "prior.toml", "overrides": TINY["prior"][1::2], "steps": 4}
    return api.TrainRequest(data=[dataset], run=run, **{"device": "cpu", **settings, **options})


def test_a_run_is_not_overwritten(run: Path, dataset_folder: Path) -> None:
    with pytest.raises(ValueError, match="holds a run already; pass --resume"):
        api.train(request(dataset_folder, run))


def test_another_recipe_cannot_resume_a_run(run: Path, dataset_folder: Path) -> None:
    overrides = (*TINY["prior"][1::2], "training.learning_rate=0.5")
    with pytest.raises(ValueError, match="was trained with another recipe"):
        api.train(request(dataset_folder, run, resume=True, overrides=overrides))


def test_another_dataset_cannot_resume_a_run(run: Path, truth_folder: Path) -> None:
    with pytest.raises(FourfloorError, match="was trained with another dataset; resume with the same"):
        api.train(request(truth_folder, run, resume=True))


def test_a_tuned_run_whose_parent_moved_says_how_to_go_on(
    run: Path, trained_runs: dict[str, Path], dataset_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A parent is named as the user named it: seen from another folder, or moved, it is not there."""
    shutil.copytree(trained_runs["decoder"], tmp_path / "decoder")
    monkeypatch.chdir(tmp_path)
    tuned = request(dataset_folder, tmp_path / "tuned", parent="prior", steps=1)
    api.train(tuned)
    run.rename(tmp_path / "moved")
    again = replace(tuned, parent=None, resume=True, steps=2)
    with pytest.raises(FourfloorError, match=r"tuned: was fine-tuned from prior, .*: --from MODEL"):
        api.train(again)
    assert api.train(replace(again, parent="moved")).steps == 2


def test_an_empty_folder_cannot_be_resumed(tmp_path: Path, dataset_folder: Path) -> None:
    with pytest.raises(ValueError, match="no checkpoint to resume"):
        api.train(request(dataset_folder, tmp_path / "new", resume=True))


def test_fewer_steps_than_a_run_has_are_refused(run: Path, dataset_folder: Path) -> None:
    with pytest.raises(FourfloorError, match="has 3 steps, --steps 2 asks for fewer"):
        api.train(request(dataset_folder, run, resume=True, steps=2))


def messages(request: api.TrainRequest) -> list[str]:
    """Train and return the lines that were told."""
    told: list[str] = []
    api.train(request, lambda progress: told.append(progress.message))
    return [message for message in told if message]


def test_what_a_resumed_run_does_differently_is_told(run: Path, dataset_folder: Path) -> None:
    overrides = (*TINY["prior"][1::2], "training.threads=2")
    told = messages(request(dataset_folder, run, resume=True, steps=4, overrides=overrides))
    assert any("threads and now has 2: its losses will differ" in line for line in told)
    assert "the run had step 3 as its end and now has step 4 as its end: its learning rate falls toward the end" in told


def test_nothing_left_to_train_is_told(run: Path, dataset_folder: Path) -> None:
    assert any(
        "nothing is left to train" in line for line in messages(request(dataset_folder, run, resume=True, steps=3))
    )
    assert len(checkpoint.descriptions(run)) == 1


@pytest.mark.parametrize("resume", [False, True])
def test_a_run_that_was_killed_before_its_first_checkpoint_starts_again(
    run: Path, dataset_folder: Path, resume: bool
) -> None:
    shutil.rmtree(run / "checkpoints")
    told = messages(request(dataset_folder, run, resume=resume, steps=1))
    assert f"{run}: was ended before its first checkpoint, so there is nothing to go on from; it starts again" in told
    assert checkpoint.load_latest(run).step == 1


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(), OSError(12, "Cannot allocate memory"), torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory: you tried"),
    ],
    ids=["numpy", "system", "CUDA", "torch"],
)  # fmt: skip
def test_memory_that_is_out_names_the_batch_size_and_a_smaller_one(error: Exception) -> None:
    with pytest.raises(FourfloorError) as caught, memory_named(512):
        raise error
    line = "out of memory with training.batch_size 512; try --set training.batch_size=256"
    assert str(caught.value) == line


def test_other_errors_stay_what_they_are() -> None:
    with pytest.raises(RuntimeError, match="shapes"), memory_named(512):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")


def test_a_damaged_decoder_is_not_taken_for_none(
    trained_runs: dict[str, Path], dataset_folder: Path, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    model.mkdir()
    exporting.export(trained_runs["prior"], trained_runs["decoder"], model)
    (model / "decoder.safetensors").write_bytes(b"damaged")
    with pytest.raises(FourfloorError, match=r"decoder\.safetensors"):
        api.train(request(dataset_folder, tmp_path / "tuned", parent=str(model)))


@pytest.mark.parametrize(("step", "best", "parent", "told"), [
    (0, 0, "warehouse", "warehouse"), (50, 0, "warehouse", "warehouse"), (50, 25, "warehouse", None),
    (50, None, "warehouse", None), (0, None, "warehouse", "warehouse"), (0, 0, None, None),
])  # fmt: skip
def test_a_tuned_model_that_is_still_its_parent_says_so(
    run: Path, step: int, best: int | None, parent: str | None, told: str | None
) -> None:
    assert header.unchanged_from({"step": step, "best_step": best, "parent": parent}) == told
    rewrite(run, lambda meta: meta.update(best_step=0 if told else None, parent=parent))
    (row,) = api.list_models([run]).models[-1:]
    assert row.unchanged_from == told


@pytest.mark.parametrize("name", ["recipe.toml", "catalogue.json", "song.wav"])
def test_a_folder_with_other_files_is_no_run_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(FourfloorError, match=f"holds '{name}', which no training wrote; choose"), claimed(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_two_trainers_cannot_share_a_folder(tmp_path: Path, dataset_folder: Path) -> None:
    with claimed(tmp_path), pytest.raises(ValueError, match="another process is training there"):
        api.train(request(dataset_folder, tmp_path))


def test_a_second_training_in_one_process_is_refused(tmp_path: Path, dataset_folder: Path) -> None:
    """Both would draw from torch's one random state: other losses, without a word."""
    told: list[str] = []

    def another(progress: Progress) -> None:
        with pytest.raises(FourfloorError, match="another training runs in this process") as caught:
            api.train(request(dataset_folder, tmp_path / "second", steps=1))
        told.append(str(caught.value))

    api.train(request(dataset_folder, tmp_path / "first", steps=1), another)
    assert told
    assert not (tmp_path / "second").exists()
    api.train(request(dataset_folder, tmp_path / "second", steps=1))


def test_a_run_folder_that_cannot_be_made_is_named(tmp_path: Path, dataset_folder: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ValueError, match="cannot be used as a run folder"):
        api.train(request(dataset_folder, tmp_path / "file" / "run"))
