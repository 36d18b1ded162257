"""Mutate files and kill processes for an hour: what tests/faults tries once, with other seeds each time.

    .venv/bin/python scripts/soak.py --minutes 60 --seed 0 --log soak.jsonl

Every round has its own seed. A failure is one line of the log with kind and seed, and its files stay beside the log.
`--only KIND --first SEED --rounds 1` repeats that round. The exit code is 1 if anything failed.
"""

import argparse
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
import torch

TESTS = Path(__file__).resolve().parents[1] / "tests"
sys.path[:0] = [str(TESTS), str(TESTS / "faults")]

from conftest import house_loop  # noqa: E402
from damaged import Damaged  # noqa: E402
from hostile_audio import mutated  # noqa: E402
from test_ingest_kills import content, run_ingest  # noqa: E402
from test_training import train_command  # noqa: E402

RATE, STEPS, TIMEOUT = 44_100, 8, 300
KINDS = {".wav": ("WAV", "PCM_16"), ".flac": ("FLAC", "PCM_16"), ".ogg": ("OGG", "VORBIS"),
         ".opus": ("OGG", "OPUS"), ".mp3": ("MP3", "MPEG_LAYER_III"), ".aiff": ("AIFF", "PCM_16")}  # fmt: skip


def fourfloor(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a command line to its end."""
    command = [sys.executable, "-m", "fourfloor", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, errors="backslashreplace")


def check_line(done: subprocess.CompletedProcess[str], codes: tuple[int, ...] = (0, 2)) -> None:
    """Raise AssertionError where a command ended by a traceback, by a signal, or in many lines."""
    assert "Traceback" not in done.stderr, done.stderr[-2000:]
    assert done.returncode in codes, f"exit code {done.returncode}: {done.stderr[-500:]}"
    told = [line for line in done.stderr.splitlines() if line.startswith("fourfloor: ")]
    assert done.returncode == 0 or len(told) == 1, done.stderr[-500:]


def tracks(folder: Path, count: int) -> Path:
    """Write tracks of six bars, no two bars alike, in all the formats."""
    folder.mkdir()
    for number in range(count):
        bars = [house_loop(126.0, 1, RATE, 10 * number + seed) for seed in range(6)]
        kind = list(KINDS)[number % len(KINDS)]
        container, subtype = KINDS[kind]
        rate = 48_000 if kind == ".opus" else RATE
        soundfile.write(folder / f"{number}{kind}", np.concatenate(bars, axis=1).T, rate, subtype, format=container)
    return folder


class Soak:
    """What all rounds start from, made once: tracks, a dataset, a run and what both become without a fault."""

    def __init__(self, place: Path) -> None:
        self.tracks = tracks(place / "tracks", len(KINDS))
        check_line(fourfloor("produce", "--count", 12, "--out", place / "data"), (0,))
        self.data, self.run = place / "data", place / "runs" / "prior"
        for recipe in ("decoder", "prior"):
            subprocess.run(
                train_command(self.data, place / "runs" / recipe, recipe=recipe, steps=STEPS), check=True,
                capture_output=True, timeout=TIMEOUT,
            )  # fmt: skip
        check_line(fourfloor("export", self.run, "--out", place / "model"), (0,))
        folders = {"dataset": self.data, "run": self.run, "model": place / "model"}
        self.damaged = {kind: Damaged(kind, folder) for kind, folder in folders.items()}
        began = time.monotonic()
        assert run_ingest(self.tracks, place / "expected").wait() == 0
        self.ingest_seconds, self.expected = time.monotonic() - began, content(place / "expected")

    def audio(self, rng: random.Random, place: Path) -> None:
        """Ingest mutated files beside a sound one."""
        shutil.copytree(self.tracks, place / "tracks")
        sound, *others = sorted((place / "tracks").iterdir())
        for path in others:
            path.write_bytes(mutated(path.read_bytes(), rng))
        check_line(fourfloor("ingest", sound.parent, "--bars", 1, "--out", place / "data"))

    def folders(self, rng: random.Random, place: Path) -> None:
        """Damage ten copies each of a dataset, a run and a model; half of the last two with hashes that fit."""
        for number in range(50):
            kind, sealed = [("dataset", False), ("run", False), ("model", False), ("run", True), ("model", True)][
                number % 5
            ]
            done, verdict = self.damaged[kind].judge(place, rng, sealed)
            assert verdict.kind != "BAD", f"{kind}, {done}: {verdict.told}"

    def kill_ingest(self, rng: random.Random, place: Path) -> None:
        """Kill ingest at a random moment; the same command then gives the bytes of one that was not killed."""
        process = run_ingest(self.tracks, place / "data")
        time.sleep(self.ingest_seconds * rng.uniform(0, 1.1))
        process.kill()
        process.wait()
        again = run_ingest(self.tracks, place / "data")
        _, errors = again.communicate(timeout=TIMEOUT)
        assert again.returncode == 0, errors[-2000:]
        assert content(place / "data") == self.expected, "other bytes after a kill"

    def kill_produce(self, rng: random.Random, place: Path) -> None:
        """Kill produce at a random moment; the same command then gives the bytes of one that was not killed."""
        arguments = ["produce", "--count", "6", "--bars", "1", "--seed", "3", "--jobs", "2", "--out"]
        check_line(fourfloor(*arguments, place / "straight"), (0,))
        with subprocess.Popen(
            [sys.executable, "-m", "fourfloor", *arguments, str(place / "killed")],
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        ) as process:
            time.sleep(rng.uniform(0.5, 8))
            process.kill()
        if not (place / "killed").exists():
            check_line(fourfloor(*arguments, place / "killed"), (0,))
        assert content(place / "killed") == content(place / "straight"), "other bytes after a kill"

    def kill_train(self, rng: random.Random, place: Path) -> None:
        """Kill training at a random moment; resumed, it logs losses that are equal to the last bit."""
        with subprocess.Popen(
            train_command(self.data, place / "prior", steps=STEPS), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        ) as process:
            if rng.random() < 0.8:  # most kills after the first checkpoint, the others while it starts
                deadline = time.monotonic() + TIMEOUT
                while not list(place.glob("prior/checkpoints/*.json")) and process.poll() is None:
                    assert time.monotonic() < deadline
                    time.sleep(0.01)
                time.sleep(rng.uniform(0, 0.8))
            else:
                time.sleep(rng.uniform(0, 6))
            process.send_signal(signal.SIGKILL)
        resumed = subprocess.run(
            train_command(self.data, place / "prior", *["--resume"] * (place / "prior").exists(), steps=STEPS),
            capture_output=True, text=True, timeout=TIMEOUT,
        )  # fmt: skip
        check_line(resumed, (0,))
        same = (place / "prior" / "log.jsonl").read_bytes() == (self.run / "log.jsonl").read_bytes()
        assert same, "other losses after a kill"

    def damage(self, rng: random.Random, place: Path) -> None:
        """Mutate one file of a dataset, a run or a reference; every command that reads it says so or works."""
        shutil.copytree(self.data, place / "data")
        shutil.copytree(self.run.parent, place / "runs")
        files = [path for path in sorted(place.rglob("*")) if path.is_file() and path.name != "lock"]
        victim = rng.choice(files)
        victim.write_bytes(mutated(victim.read_bytes(), rng))
        run, data = place / "runs" / "prior", place / "data"
        check_line(fourfloor("generate", "--model", run, "--bars", 1, "--count", 1, "--out", place / "loops"))
        check_line(fourfloor("models", place / "runs"))
        resumed = subprocess.run(
            train_command(data, run, "--resume", steps=STEPS + 1), capture_output=True, text=True, timeout=TIMEOUT
        )
        check_line(resumed)


def rounds(soak: Soak, kinds: list[str], options: argparse.Namespace) -> Counter[str]:
    """Play the kinds in turn until the time is over; log every failure with what makes it again."""
    counts: Counter[str] = Counter()
    ends = time.monotonic() + 60 * options.minutes
    for number in range(options.first, options.first + options.rounds):
        if time.monotonic() > ends:
            break
        kind = kinds[number % len(kinds)]
        place = Path(tempfile.mkdtemp(prefix=f"soak-{kind}-{number}-", dir=options.keep))
        play: Callable[[random.Random, Path], None] = getattr(soak, kind)
        counts[kind] += 1
        try:
            play(random.Random(f"{options.seed} {number}"), place)
            shutil.rmtree(place)
        except (AssertionError, subprocess.TimeoutExpired, OSError) as error:
            counts[f"{kind} failed"] += 1
            line = {"kind": kind, "seed": options.seed, "round": number, "files": str(place), "why": str(error)[-1500:]}
            with open(options.log, "a", encoding="utf-8") as log:
                log.write(json.dumps(line) + "\n")
            print(f"FAILED {kind}, round {number}: {str(error)[-200:]}", flush=True)
    return counts


def main() -> int:
    """Read the options, play, and print how often each kind was played and failed."""
    kinds = ["audio", "kill_ingest", "damage", "kill_train", "folders", "kill_produce"]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--log", type=Path, default=Path("soak.jsonl"))
    parser.add_argument("--only", choices=kinds)
    parser.add_argument("--first", type=int, default=0, help="number of the first round")
    parser.add_argument("--rounds", type=int, default=1_000_000)
    parser.add_argument("--keep", type=Path, help="folder for the files of failed rounds")
    options = parser.parse_args()
    torch.set_num_threads(1)  # folders are read in forked children, which would wait for threads that stay behind
    with tempfile.TemporaryDirectory(prefix="soak-") as place:
        counts = rounds(Soak(Path(place)), [options.only] if options.only else kinds, options)
    print(dict(sorted(counts.items())))
    return int(any(name.endswith("failed") for name in counts))


if __name__ == "__main__":
    sys.exit(main())
