"""A few seeded mutations of all that is read from folders; `make soak` makes more, with other seeds."""

import random
import re
import shutil
from pathlib import Path

import pytest
from damaged import Damaged, outcome
from mutations import piped

from fourfloor import api
from fourfloor.errors import FourfloorError
from fourfloor.ingestion.catalogue import load as load_catalogue
from fourfloor.loading import load_model
from fourfloor.reading import nearby


@pytest.fixture(scope="module")
def folders(
    dataset_folder: Path, trained_runs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """Return a dataset with its codec, a run and an exported model, all sound."""
    place = tmp_path_factory.mktemp("sound")
    api.export(trained_runs["prior"], str(trained_runs["decoder"]), place / "model")
    shutil.copytree(trained_runs["prior"], place / "run")
    return {"dataset": dataset_folder, "run": place / "run", "model": place / "model"}


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("kind", ["dataset", "run", "model"])
def test_a_named_pipe_in_the_place_of_a_file_hangs_nothing(folders: dict[str, Path], tmp_path: Path, kind: str) -> None:
    damaged = Damaged(kind, folders[kind])
    for path in sorted(path for path in folders[kind].rglob("*") if path.is_file() and "listening" not in path.parts):
        folder = Path(shutil.copytree(folders[kind], tmp_path / "damaged"))
        piped(folder / path.relative_to(folders[kind]), random.Random())
        result, told = outcome(damaged.reader, folder)
        assert result == "refused" or (result, told) == ("read", damaged.expected), f"{path}: {told}"
        shutil.rmtree(folder)


@pytest.mark.parametrize("kind", ["dataset", "run", "model"])
def test_what_git_lfs_left_is_named_with_the_command_that_fetches_the_file(
    folders: dict[str, Path], tmp_path: Path, kind: str
) -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"
    named = {"dataset": "audio.i16", "run": "step-*.safetensors", "model": "decoder.safetensors"}[kind]
    folder = Path(shutil.copytree(folders[kind], tmp_path / "cloned"))
    for path in folder.rglob(named):
        path.write_bytes(pointer)
    with pytest.raises(FourfloorError, match="git lfs pull"):
        load_catalogue(folder) if kind == "dataset" else load_model(str(folder))


@pytest.mark.parametrize("kind", ["dataset", "run", "model"])
def test_a_file_inside_or_the_folder_around_leads_to_what_is_meant(
    folders: dict[str, Path], tmp_path: Path, kind: str
) -> None:
    folder = Path(shutil.copytree(folders[kind], tmp_path / "unzipped" / kind))
    inside = {"dataset": "catalogue.json", "run": "run.json", "model": "prior.safetensors"}[kind]
    for named in (folder / inside, folder.parent):
        with pytest.raises(FourfloorError, match=re.escape(f"; perhaps you mean {folder}") + "$"):
            load_catalogue(named) if kind == "dataset" else load_model(str(named))


def test_nothing_is_guessed_where_nothing_is_near(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    assert nearby(tmp_path / "none", Path.is_dir) == nearby(tmp_path / "a", Path.is_file) == ""
    assert nearby(tmp_path, lambda place: place.name == "a") == f"; perhaps you mean {tmp_path / 'a'}"


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize(
    ("kind", "sealed", "count"),
    [("dataset", False, 6), ("run", False, 12), ("model", False, 6), ("run", True, 6), ("model", True, 6)],
)
def test_mutated_folders_are_refused_in_one_line_or_give_the_same_numbers(
    folders: dict[str, Path], tmp_path: Path, kind: str, sealed: bool, count: int
) -> None:
    damaged = Damaged(kind, folders[kind])
    verdicts = [damaged.judge(tmp_path, random.Random(f"{kind} {seed}"), sealed) for seed in range(count)]
    assert [f"{done}: {verdict.told}" for done, verdict in verdicts if verdict.kind == "BAD"] == []
    assert sum(verdict.kind == "refused" for _, verdict in verdicts) >= 2
