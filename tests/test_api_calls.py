"""Calls that read and write folders: they change nothing in the process, and give at once what they give alone."""

import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

import fourfloor as ff

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture
def music(make_house_loop: Callable[..., np.ndarray], tmp_path: Path) -> Path:
    """Return a folder of two tracks of eight bars."""
    folder = tmp_path / "music"
    folder.mkdir()
    for number, bpm in enumerate((124, 128)):
        track = np.concatenate([make_house_loop(bpm, 2, seed=10 * number + part) for part in range(4)], axis=1)
        soundfile.write(folder / f"{number}.wav", track.T, 44_100)
    return folder


def state_of_the_process() -> list[object]:
    handlers = [signal.getsignal(number) for number in STOPS]
    numpy_state = str(np.random.get_state())
    folder, umask = os.getcwd(), os.umask(0)
    os.umask(umask)
    torch_state = torch.get_rng_state().tolist()
    return [handlers, numpy_state, torch_state, torch.get_num_threads(), np.geterr(), folder, umask, dict(os.environ)]


def calls(music: Path, dataset: Path, runs: dict[str, Path], out: Path) -> dict[str, Callable[[], object]]:
    """Return each call with what must be the same whenever it is made."""
    loops = list(ff.load("warehouse").generate_many(2, bars=1, redraws=0))
    options = ["training.batch_size=2", "training.check_every=0", f"training.threads={torch.get_num_threads() + 1}"]
    return {
        "ingest": lambda: ff.ingest(music, out / "ingested", bars=2, jobs=1).catalogue.data_hash,
        "produce": lambda: ff.produce(out / "produced", count=1, bars=1, jobs=1).data_hash,
        "evaluate": lambda: ff.evaluate(loops, against=dataset, rows="A", out=out / "report").to_json(),
        "pack": lambda: [(out / "pack" / name).read_bytes() for name in ff.pack(loops, out / "pack").files[:3]],
        "export": lambda: ff.export(runs["prior"], out / "model").bytes,
        "list_models": lambda: ff.list_models(runs["prior"]),
        "train": lambda: (
            ff.train(
                "adapt", data=dataset, base=runs["prior"], out=out / "run", steps=1, overrides=options, device="cpu"
            ).loss
        ),
    }


def test_calls_change_nothing_in_the_process(
    music: Path, dataset_folder: Path, trained_runs: dict[str, Path], tmp_path: Path
) -> None:
    for name, call in calls(music, dataset_folder, trained_runs, tmp_path).items():
        before = state_of_the_process()
        call()
        assert state_of_the_process() == before, name


def test_calls_at_once_give_what_they_give_alone(
    music: Path, dataset_folder: Path, trained_runs: dict[str, Path], tmp_path: Path
) -> None:
    parts = [calls(music, dataset_folder, trained_runs, tmp_path / str(number)) for number in range(3)]
    alone, *others = ({name: call for name, call in part.items() if name != "train"} for part in parts)
    expected = {name: call() for name, call in alone.items()}
    with ThreadPoolExecutor(4) as pool:
        at_once = [(name, pool.submit(call)) for part in others for name, call in part.items()]
        for name, result in at_once:
            assert result.result() == expected[name], name
