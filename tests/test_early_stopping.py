"""Tuning that stops by itself: what a check hears, and a dataset of one track."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import RECIPES, house_loop

from fourfloor import api, loading
from fourfloor.dataset import Dataset
from fourfloor.ingestion.writing import DatasetWriter
from fourfloor.runs import early_stopping


@pytest.fixture(scope="module")
def one_track(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a dataset of 15 loops of one bar that follow each other in one track."""
    out = tmp_path_factory.mktemp("datasets") / "one"
    with DatasetWriter(out, bars=1) as writer:
        track = writer.add_track(name="mine", path="mine.wav", sha256="0" * 64, bpm=126.0, split="train", style="house")
        previous = None
        for number in range(15):
            previous = writer.add_loop(house_loop(126.0, seed=number), track=track, bpm=126.0, follows=previous)
        writer.finish()
    return out


def test_later_loops_validate_where_there_is_one_track(one_track: Path, dataset_folder: Path) -> None:
    dataset = Dataset([one_track])
    assert dataset.indices("train").tolist() == list(range(12))
    assert dataset.indices("validation").tolist() == [12, 13, 14]
    assert (dataset.follower(10), dataset.follower(11), dataset.follower(12)) == (11, None, 13)
    assert not dataset.holds_out_tracks
    assert Dataset([dataset_folder]).holds_out_tracks


def test_a_check_knows_noise_copies_and_sameness(
    trained_runs: dict[str, Path], one_track: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prior, dataset = loading.load_trained(trained_runs["prior"]), Dataset([one_track])
    decoder = loading.load_decoder(str(trained_runs["decoder"]))
    check = early_stopping.checker(prior.recipe, prior.codec, dataset, prior.meta, decoder)
    rng = np.random.default_rng(0)
    noise = 0.1 * rng.standard_normal((8, 1, dataset.waveform(0).shape[1])).astype(np.float32)
    sets = {
        "copies": [dataset.waveform(number) for number in range(8)],
        "noise": list(noise),
        "same": [noise[0]] * 8,
    }
    found = {}
    for name, loops in sets.items():
        monkeypatch.setattr(early_stopping, "make_loop", lambda model, request, loops=loops: loops[request.seed])
        found[name] = check(torch.nn.Linear(1, 1), 0)
    assert found["copies"][0] == float("inf")
    assert found["copies"][1]["copies"] >= 4
    assert found["same"][0] == float("inf")
    assert found["same"][1]["diversity"] < 0.1
    assert found["noise"][1]["copies"] == 0
    assert found["noise"][1]["style"] > found["copies"][1]["style"] + 20


def test_nothing_can_be_heard_without_a_decoder(trained_runs: dict[str, Path], one_track: Path) -> None:
    prior = loading.load_trained(trained_runs["prior"])
    with pytest.raises(ValueError, match="name one with --decoder"):
        early_stopping.checker(prior.recipe, prior.codec, Dataset([one_track]), prior.meta, None)


def test_one_track_trains_and_says_how_far_to_trust_it(
    trained_runs: dict[str, Path], one_track: Path, tmp_path: Path
) -> None:
    told: list[str] = []
    summary = api.train(
        api.TrainRequest(
            recipe=RECIPES / "one-track.toml", data=[one_track], run=tmp_path / "run", steps=2, device="cpu",
            parent=str(trained_runs["prior"]), decoder=str(trained_runs["decoder"]),
            overrides=("training.batch_size=2", "training.check_every=2"),
        ),
        lambda progress: told.append(progress.message),
    )  # fmt: skip
    assert "No track is held out. The last 3 of 15 loops serve for testing, from the training tracks." in told
    assert [line.split(":")[0] for line in summary.notes[:2]] == [
        "Stopped at step 2",
        "How far to trust this",
    ]
    as_it_was = f"The result is {trained_runs['prior']} unchanged: fine-tuning found nothing better."
    assert summary.unchanged_from == (str(trained_runs["prior"]) if summary.best_step == 0 else None)
    assert (as_it_was in summary.notes) == (summary.best_step == 0)
    assert loading.load_trained(tmp_path / "run").unchanged_from == summary.unchanged_from
    assert "no track is held out" in summary.notes[1]
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in log if "style" in line] == [0, 2]
    best = summary.best_step
    assert loading.load_trained(tmp_path / "run").meta["step"] == (2 if best is None else best)
