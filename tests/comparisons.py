"""Small comparisons: recipes that train in a second, and what kills one."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from fourfloor.comparing.compare import CompareRequest

SMALL = """# {title}
[about]
seed_verdict = "noise with a distorted rhythm behind it"
[representation]
name = "waveform"
samples = 4096
[model]
family = "autoencoder"
width = 16
latent_dim = {latents}
[training]
batch_size = 4
threads = 1
checkpoint_seconds = 0.5
{more}
"""
SLICES = "beat slices, no network"
STEPS = 60
SCRIPT = "<script>alert(1)</script>"


def write_recipe(folder: Path, name: str, latents: int = 4, more: str = "") -> Path:
    path = folder / f"{name}.toml"
    path.write_text(SMALL.format(title=f"The {name} {SCRIPT} experiment", latents=latents, more=more))
    return path


def request_for(folder: Path, dataset: Path, **changes: object) -> CompareRequest:
    recipes = [write_recipe(folder, name, latents) for name, latents in (("narrow", 2), ("b & <b>wide", 8))]
    plan: dict[str, Any] = {"recipes": recipes, "data": dataset, "out": folder / "report", "steps": STEPS, "n": 3}
    return CompareRequest(**plan | changes)


def kill_9(request: CompareRequest, recipe: Path, log: Path) -> int:
    """Kill a comparison, but not the training that it began, in the middle; return the step it had come to."""
    command = [
        sys.executable, "-m", "fourfloor", "compare", str(recipe), "--data", str(request.data), "--steps", str(STEPS),
        "--out", str(request.out), "--n", "3",
    ]  # fmt: skip
    before = log.read_text().count("\n")
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        for _ in range(30_000):
            time.sleep(0.01)
            if process.poll() is not None or log.read_text().count("\n") >= before + 3:
                break
        process.kill()
    assert process.returncode == -signal.SIGKILL
    return log.read_text().count("\n")


def content_of(request: CompareRequest) -> dict:
    return json.loads((request.out / "comparison.json").read_text())
