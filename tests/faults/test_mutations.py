"""A few seeded mutations of all that is read from folders; `make soak` makes more, with other seeds."""

import random
import shutil
from pathlib import Path

import pytest
from damaged import Damaged, outcome
from mutations import piped

from fourfloor import api


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
