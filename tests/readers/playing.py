"""What tests of other programs share: to skip with the command that helps, to run, and to compare to the sample."""

import importlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import soundfile

TOGETHER = "or make test-readers for all"


def program(name: str, package: str) -> str:
    """Return a program's path, or skip with the command that brings it."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is absent: apt-get install {package}, {TOGETHER}")
    return path


def module(name: str, package: str) -> ModuleType:
    """Import a Python package, or skip with the command that brings it."""
    try:
        return importlib.import_module(name)
    except ImportError:
        pytest.skip(f"{name} is absent: pip install {package}, {TOGETHER}")


def node(script: str, package: str, folder: Path, *arguments: object) -> Any:
    """Bundle a script of `js/` with npm's packages, run it, and return the JSON that it prints last; or skip.

    Bundled, because some of the packages are written for a browser's loader and fail in plain Node.
    """
    installed = Path(__file__).resolve().parents[2] / "build" / "readers"
    path = program("node", "nodejs npm")
    if not (installed / "node_modules" / package).is_dir():
        pytest.skip(f"{package} is absent: make test-readers installs it in build/readers")
    source, bundle = installed / f"{script}.mjs", installed / f"{script}.bundle.mjs"
    shutil.copy(Path(__file__).with_name("js") / f"{script}.mjs", source)
    external = ["--external:node-web-audio-api"]  # a binary
    options = ["--bundle", "--platform=node", "--format=esm", "--log-level=error", *external]
    run([installed / "node_modules/.bin/esbuild", source, *options, f"--outfile={bundle}"], folder)
    return json.loads(run([path, bundle, *arguments], folder).stdout.splitlines()[-1])


def run(command: list[Any], folder: Path, **settings: Any) -> subprocess.CompletedProcess[str]:
    """Run a program in a folder; fail with what it said where it fails."""
    environment = {**os.environ, "HOME": str(folder), "QT_QPA_PLATFORM": "offscreen", **settings.pop("env", {})}
    done = subprocess.run(
        list(map(str, command)), cwd=folder, capture_output=True, text=True, timeout=300, env=environment, **settings
    )
    assert done.returncode == 0, f"{command[0]}: {done.stdout[-2000:]} {done.stderr[-2000:]}"
    return done


def loops_of(pack: Path) -> list[dict[str, Any]]:
    """Return what the pack's own list says of its loops."""
    return json.loads((pack / "pack.json").read_text())["loops"]


def waveform(path: Path) -> np.ndarray:
    """Read a file as `(frames, channels)`."""
    return soundfile.read(path, always_2d=True)[0]


def passes(rendered: np.ndarray, loop: np.ndarray, tolerance: float, at_least: float = 1.99) -> int:
    """Check that a rendering is the loop over and over, scaled, and return the frame where it begins.

    Both are `(frames, channels)`. Every sample of `at_least` passes is compared, so the period is exactly the loop's
    and the joint is the loop's own.
    """
    head = loop[:2048, 0]
    search = rendered[: len(loop) // 2, 0]
    match = np.correlate(search, head, "valid")
    start = int(np.argmax(np.abs(match)))
    count = round(at_least * len(loop))
    assert len(rendered) >= start + count, f"only {len(rendered) - start} frames of {count} from {start} on"
    wanted = loop[np.arange(count) % len(loop)]
    found = rendered[start : start + count]
    gain = float((found * wanted).sum() / (wanted**2).sum())
    assert abs(gain) > 1e-3
    error = np.abs(found / gain - wanted).max(axis=1)
    worst = int(np.argmax(error))
    assert error[worst] <= tolerance, f"frame {worst} of {count} differs by {error[worst]:.2e}"
    return start


def repeats(rendered: np.ndarray, loop: np.ndarray, tolerance: float, skip: int = 4096) -> int:
    """Check that a rendering through a filter or an envelope has the loop's period, and the loop's sound at the joint.

    From `skip` frames after the start on, one pass equals the next; where they meet, the loop's end and beginning
    lie where they would without the filter. Return the frame where the rendering begins.
    """
    found = np.correlate(rendered[: len(loop) // 2, 0], loop[skip : skip + 2048, 0], "valid")
    start = int(np.argmax(np.abs(found))) - skip
    first = rendered[start + skip : start + len(loop)]
    second = rendered[start + skip + len(loop) : start + 2 * len(loop)]
    assert len(first) == len(second), f"only {len(rendered) - start} frames of {2 * len(loop)}"
    worst = float(np.abs(first - second).max() / np.abs(first).max())
    assert worst <= tolerance, f"two passes differ by {worst:.2e}"
    joint = np.concatenate([loop[-1024:, 0], loop[:1024, 0]])
    around = rendered[start + len(loop) - 1024 - 64 : start + len(loop) + 1024 + 64, 0]
    late = int(np.argmax(np.abs(np.correlate(around, joint, "valid")))) - 64
    assert late == 0, f"the joint is {late} frames late"
    return start
