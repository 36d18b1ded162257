"""Models tuned from another one: what they keep of it, and what they are searched in for copies."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import RECIPES, TINY, house_loop

from fourfloor import api, header, loading
from fourfloor.copies import fingerprints
from fourfloor.dataset import Dataset
from fourfloor.evaluation.scores import usual_range
from fourfloor.ingestion.writing import DatasetWriter


def test_a_tuned_model_keeps_codec_and_styles(
    trained_runs: dict[str, Path], dataset_folder: Path, tmp_path: Path
) -> None:
    run = Path(shutil.copytree(trained_runs["decoder"].parent, tmp_path / "runs")) / "tuned"
    api.train(
        api.TrainRequest(
            recipe=RECIPES / "adapt.toml",
            data=[dataset_folder],
            run=run,
            parent=str(trained_runs["prior"]),
            steps=2,
            overrides=("training.batch_size=2", "training.check_every=0"),
            device="cpu",
        )
    )
    tuned, parent = loading.load_model(str(run)), loading.load_trained(trained_runs["prior"])
    assert tuned.prior.codec_hash == parent.codec_hash
    assert tuned.prior.vocabulary == parent.vocabulary
    config, before = tuned.prior.recipe.model, parent.recipe.model
    assert (config.width, config.depth, config.controls) == (before.width, before.depth, before.controls)
    assert (config.condition_dropout, before.condition_dropout) == (0.5, 0.15)  # what the recipe names counts
    moved = [
        float((value - parent.model.state_dict()[name]).abs().max())
        for name, value in tuned.prior.model.state_dict().items()
        if value.is_floating_point()
    ]
    assert 0 < max(moved) < 0.5


@pytest.fixture(scope="session")
def other_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a dataset of other loops: one track to train, one to validate."""
    out = tmp_path_factory.mktemp("datasets") / "other"
    with DatasetWriter(out, bars=4) as writer:
        for number, (bpm, split) in enumerate(((122.0, "train"), (127.0, "validation"))):
            track = writer.add_track(
                name=f"other {number}", path=f"{number}.wav", sha256=f"{number + 50:064d}", bpm=bpm, split=split,
                style="house",
            )  # fmt: skip
            previous = None
            for part in range(2):
                previous = writer.add_loop(
                    house_loop(bpm, 4, seed=100 + 2 * number + part), track=track, bpm=bpm, follows=previous
                )
        writer.finish()
    return out


def test_a_tuned_model_searches_what_its_parent_heard(
    trained_runs: dict[str, Path], dataset_folder: Path, other_folder: Path, tmp_path: Path
) -> None:
    runs = Path(shutil.copytree(trained_runs["decoder"].parent, tmp_path / "runs"))
    overrides = ("training.batch_size=2", "training.check_every=0")
    request = api.TrainRequest(
        recipe=RECIPES / "adapt.toml", data=[other_folder], run=runs / "tuned", parent=str(runs / "prior"), steps=1,
        overrides=overrides, device="cpu",
    )  # fmt: skip
    api.train(request)
    api.train(replace(request, parent=None, resume=True, steps=2))  # which knows its parent from the checkpoint
    reference = fingerprints.load(runs / "tuned")
    for folder in (dataset_folder, other_folder):
        dataset = Dataset([folder])
        index = int(dataset.indices("train")[0])
        match = reference.index.search(dataset.waveform(index), dataset.sample_rate, dataset.bpm(index))
        assert match.score > 0.9
        assert match.track == dataset.name(index)
    again = reference.index.joined(fingerprints.load(runs / "prior").index)
    assert again.table.rows() == reference.index.table.rows()  # what both hold is held once
    assert loading.load_trained(runs / "tuned").meta["parent"] == str(runs / "prior")


def test_a_parent_without_a_reference_is_noted(
    trained_runs: dict[str, Path], other_folder: Path, tmp_path: Path
) -> None:
    runs = Path(shutil.copytree(trained_runs["decoder"].parent, tmp_path / "runs"))
    (runs / "prior" / fingerprints.ABOUT).unlink()
    request = api.TrainRequest(
        recipe=RECIPES / "adapt.toml", data=[other_folder], run=runs / "tuned", parent=str(runs / "prior"), steps=1,
        overrides=("training.batch_size=2", "training.check_every=0"), device="cpu",
    )  # fmt: skip
    notes = api.train(request).notes
    assert any(f"passages that {runs / 'prior'} was trained on cannot be found" in note for note in notes)
    assert fingerprints.load(runs / "tuned").data_hash == Dataset([other_folder]).data_hash


def test_a_reference_to_other_music_is_written_anew(dataset_folder: Path, other_folder: Path, tmp_path: Path) -> None:
    for folder in (dataset_folder, other_folder):
        told: list[tuple[int, int]] = []
        fingerprints.write(tmp_path, Dataset([folder]), usual_range, None, lambda *share, kept=told: kept.append(share))
        shares = [done / total for done, total in told]
        assert shares == sorted(shares)
        assert (shares[0] <= 0.1, shares[-1]) == (True, 1.0)  # the bar is full when the last loop is measured
        names = set(fingerprints.load(tmp_path).index.table.names)
        dataset = Dataset([folder])
        assert names == {dataset.name(int(index)) for index in dataset.indices("train")}


def test_a_decoder_of_another_codec_is_refused_on_resuming_too(
    trained_runs: dict[str, Path], dataset_folder: Path, other_folder: Path, tmp_path: Path
) -> None:
    runs = Path(shutil.copytree(trained_runs["decoder"].parent, tmp_path / "runs"))
    decoder = api.TrainRequest(
        recipe=RECIPES / "decoder.toml", data=[other_folder], run=tmp_path / "other", steps=1, device="cpu",
        overrides=TINY["decoder"][1::2],
    )  # fmt: skip
    api.train(decoder)
    request = api.TrainRequest(
        recipe=RECIPES / "prior.toml", data=[dataset_folder], run=runs / "prior", steps=4, device="cpu",
        decoder=str(tmp_path / "other"), resume=True, overrides=TINY["prior"][1::2],
    )  # fmt: skip
    with pytest.raises(ValueError, match="the decoder uses another codec than"):
        api.train(request)


def test_more_styles_than_a_model_has_room_for_are_refused() -> None:
    header.check_styles("flow", ["style"] * 63, "here")
    with pytest.raises(ValueError, match="here: 64 styles, a flow model has room for 63; merge some"):
        header.check_styles("flow", ["style"] * 64, "here")


def test_only_a_model_of_the_same_family_can_be_tuned(
    trained_runs: dict[str, Path], dataset_folder: Path, tmp_path: Path
) -> None:
    request = api.TrainRequest(
        recipe=RECIPES / "adapt.toml", data=[dataset_folder], run=tmp_path / "run", parent=str(trained_runs["decoder"])
    )
    with pytest.raises(ValueError, match="holds magnitude_decoder, the recipe trains flow"):
        api.train(request)
    wider = replace(request, parent=str(trained_runs["prior"]), overrides=("model.width=96",))
    with pytest.raises(ValueError, match=r"asks for other weights .*: condition_dropout, fit_guess, width"):
        api.train(wider)
    assert not (tmp_path / "run").exists()
