"""Kill -9 a training at random moments and let it go on; `python tests/kills.py --kills 20` does it more often."""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from fourfloor.training import checkpoint

RECIPE = """
[representation]
name = "latent"
[model]
family = "flow"
width = 32
depth = 3
heads = 2
[training]
batch_size = 4
warmup_steps = 1
validate_every = 5
checkpoint_seconds = 1e-9
listen_seconds = 0
threads = 1
"""


def kill_and_resume(command: Sequence[str], folder: Path, kills: int, seed: int = 0) -> int:
    """Train once without a kill and once with `kills` of them; assert that logs and last checkpoints are equal.

    `command` is without --out and --resume. Kills come while the interpreter starts, in preparation, in steps and in
    saves. Returns how many of them came before the end.
    """
    straight, killed = folder / "straight", folder / "killed"
    run([*command, "--out", str(straight)])
    rng, done = np.random.default_rng(seed), 0
    for number in range(kills):
        before = checkpoint.descriptions(killed)
        resume = ["--resume"] if before else []
        with subprocess.Popen(
            [*command, "--out", str(killed), *resume], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            if number % 4 == 3:  # at any moment; else soon after a save, so that the run gets on
                time.sleep(float(rng.uniform(0, 3)))
            else:
                wait_for_a_save(process, killed, before)
                time.sleep(float(rng.uniform(0, 0.1)))
            process.kill()
        done += process.returncode < 0
    resume = ["--resume"] if checkpoint.descriptions(killed) else []
    run([*command, "--out", str(killed), *resume])
    assert (killed / "log.jsonl").read_bytes() == (straight / "log.jsonl").read_bytes()
    ends = [checkpoint.load_latest(folder) for folder in (straight, killed)]
    assert all(torch.equal(value, ends[1].tensors[name]) for name, value in ends[0].tensors.items())
    return done


def wait_for_a_save(process: subprocess.Popen[bytes], folder: Path, before: list[Path]) -> None:
    """Wait until a run has another checkpoint, or has ended."""
    for _ in range(30_000):
        if checkpoint.descriptions(folder) != before or process.poll() is not None:
            return
        time.sleep(0.01)


def run(command: Sequence[str]) -> None:
    """Run a command to its end; it must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr


def main() -> None:
    """Kill a tiny training as often as asked, with a dataset made for it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    fourfloor = [sys.executable, "-m", "fourfloor"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "tiny.toml").write_text(RECIPE)
        run([*fourfloor, "produce", "--count", "8", "--bars", "1", "--out", str(folder / "data")])
        command = [*fourfloor, "train", str(folder / "tiny.toml"), "--data", str(folder / "data"), "--device", "cpu"]
        done = kill_and_resume([*command, "--steps", str(10 * asked.kills)], folder, asked.kills, asked.seed)
    print(f"{done} kills, losses and checkpoints equal in every bit")


if __name__ == "__main__":
    main()
