"""A commit -> an environment of its own, with what its users install and nothing else, and its size."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build" / "bench"


@dataclass(frozen=True)
class Build:
    """Two environments of a build: `python` generates, `trainer` trains; where one does both they are the same."""

    commit: str
    source: Path  # the checkout
    python: Path
    trainer: Path
    installed_mb: float


def this_build() -> Build:
    """Install the package as it lies here, for generating and for training."""
    python = environment(FOLDER / "now", [str(ROOT)])
    trainer = environment(FOLDER / "now-train", [f"{ROOT}[train]"])
    for each in (python, trainer):  # what was changed since the environment was made
        install(each, ["--force-reinstall", "--no-deps", str(ROOT)])
    changed = "+" if output(["git", "status", "--porcelain", "--untracked-files=no"]) else ""
    return Build(output(["git", "rev-parse", "--short", "HEAD"]) + changed, ROOT, python, trainer, installed_mb(python))


def earlier_build(commit: str) -> Build:
    """Check a commit out beside this one, and install it with what it needed."""
    name = output(["git", "rev-parse", "--short", commit])
    source = FOLDER / name / "source"
    if not source.exists():
        subprocess.run(["git", "worktree", "prune"], cwd=ROOT, check=True)
        subprocess.run(["git", "worktree", "add", "--quiet", "--detach", str(source), commit], cwd=ROOT, check=True)
    python = environment(FOLDER / name / "environment", [str(source)])
    has_extra = "\ntrain = [" in (source / "pyproject.toml").read_text()
    trainer = environment(FOLDER / name / "training", [f"{source}[train]"]) if has_extra else python
    return Build(name, source, python, trainer, installed_mb(python))


def environment(folder: Path, packages: list[str]) -> Path:
    """Make an environment with `packages` unless it is there; return its Python."""
    python, done = folder / "bin" / "python", folder / "installed"
    if not done.exists():
        print(f"{folder.relative_to(ROOT)}: installs {' '.join(packages)}", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        install(python, packages)
        done.touch()
    return python


def install(python: Path, packages: list[str]) -> None:
    """Install packages, with the releases that `make` installs."""
    quiet = ["--quiet", "--disable-pip-version-check", "--constraint", str(ROOT / "constraints.txt")]
    subprocess.run([str(python), "-m", "pip", "install", *quiet, *packages], check=True)


def installed_mb(python: Path) -> float:
    """Return the size of everything installed in an environment but pip and setuptools, in MB."""
    (packages,) = python.parents[1].glob("lib/python3*/site-packages")
    own = [path for path in packages.iterdir() if not path.name.startswith(("pip", "setuptools", "_distutils"))]
    files = [path for each in own for path in ([each] if each.is_file() else each.rglob("*")) if path.is_file()]
    return sum(path.stat().st_size for path in files) / 1e6


def output(command: list[str]) -> str:
    """Return what a command in this checkout prints."""
    return subprocess.check_output(command, cwd=ROOT, text=True).strip()
