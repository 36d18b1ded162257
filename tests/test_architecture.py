"""The path is the tree: imports only point back along it, and only api and what is built on it join the stages."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src" / "fourfloor"
# What a stage may import beside itself and the third-party libraries.
PATH = [
    "errors",
    "extras",
    "progress",
    "contracts",
    "arguments",
    "stopping",
    "processes",
    "threads",
    "reading",
    "saving",
    "workspace",
    "stages",
    "engines",
    "stores",
    "pages",
    "signal",
    "audio",
    "representations",
    "ingestion",
    "producer",
    "buckets",
    "dataset",
    "networks",
    "nn",
    "models",
    "training",
    "recipes",
    "recipe",
    "header",
    "decoders",
    "trained",
    "rebuilding",
    "loading",
    "exporting",
    "generation",
    "envelope",
    "copies",
    "evaluation",
    "faults",
    "runs",
    "packs",
    "editing",
    "api",
    "comparing",
    "verbs",
    "studio",
    "interfaces",
]
TRAINING_PATH = [
    "errors",
    "contracts",
    "extras",
    "arguments",
    "stopping",
    "threads",
    "reading",
    "saving",
    "workspace",
    "stores",
    "signal",
    "representations",
    "dataset",
    "networks",
    "nn",
    "models",
    "training",
    "recipes",
    "recipe",
    "header",
    "decoders",
    "trained",
    "rebuilding",
    "loading",
    "exporting",
    "generation",
]
TRAINING_LIBRARIES = {"torch", "numpy", "safetensors", "einops", "filelock", "threadpoolctl"}  # torch brings filelock
FORBIDDEN_NAMES = {"utils", "common", "base", "core", "helpers", "factory"}


def stage_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports(path: Path, on_import: bool = False) -> set[str]:
    """Return the modules that a file imports, wherever in it or only when it is imported itself, as dotted names."""
    found: set[str] = set()
    tree = ast.parse(path.read_text())
    for node in tree.body if on_import else ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


FILES = sorted(path for path in SOURCE.rglob("*.py") if stage_of(path) not in ("__init__", "__main__"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_point_back_along_the_path(path: Path) -> None:
    stage = stage_of(path)
    before = PATH[: PATH.index(stage) + 1]
    own = {name.split(".")[1] for name in imports(path) if name.startswith("fourfloor.")} - {"__version__"}
    assert own <= set(before)


@pytest.mark.parametrize(
    "path",
    [p for p in FILES if stage_of(p) in TRAINING_PATH and p.stem not in ("picture", "sessions")],
    ids=lambda path: path.name,
)
def test_the_training_path_needs_few_libraries(path: Path) -> None:
    import sys

    # What sound needs may be imported inside a function; a training without it is run in test_training.py.
    outside = {name.split(".")[0] for name in imports(path, True)} - set(sys.stdlib_module_names) - {"fourfloor"}
    assert outside <= TRAINING_LIBRARIES


def on_import(module: str, seen: set[str]) -> set[str]:
    """Return the libraries that a module imports when it is imported itself, with all that it leads to."""
    path = SOURCE.joinpath(*module.split(".")[1:])
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    if module in seen or not file.is_file():
        return set()
    seen.add(module)
    found: set[str] = set()
    for name in imports(file, True):
        if not name.startswith("fourfloor"):
            found.add(name.split(".")[0])
            continue
        parts = name.split(".")
        for length in range(1, len(parts) + 1):
            found |= on_import(".".join(parts[:length]), seen)
    return found


def test_generating_imports_no_torch() -> None:
    seen: set[str] = set()
    entered = ("interfaces.cli", "api.generate", "networks.sessions", "models.flow", "models.magnitude_decoder")
    libraries = set().union(*(on_import(f"fourfloor.{name}", seen) for name in entered))
    assert "fourfloor.loading" in seen
    assert libraries >= {"numpy", "onnxruntime", "safetensors"}
    assert libraries.isdisjoint({"torch", "einops", "onnx", "onnxscript"})


def test_no_file_has_a_name_that_says_nothing() -> None:
    assert [path for path in FILES if path.stem in FORBIDDEN_NAMES] == []


def test_no_file_is_longer_than_a_thought() -> None:
    root = SOURCE.parents[1]
    ours = [path for place in (SOURCE, root / "scripts", root / "tests") for path in place.rglob("*.py")]
    assert {path.name: lines for path in ours if (lines := len(path.read_text().splitlines())) > 300} == {}


def test_only_audio_opens_audio() -> None:
    openers = {"soundfile", "soxr"}
    found = {
        str(path.relative_to(SOURCE))
        for path in FILES
        if stage_of(path) != "audio" and {name.split(".")[0] for name in imports(path)} & openers
    }
    assert found == set()
