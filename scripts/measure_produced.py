"""Measure produced music from end to end: python scripts/measure_produced.py FOLDER FILE.json [--hours 1 3 10].

For each number of hours: produce a dataset, check it, fingerprint and index it as training does, open the index, and
search loops that it does not hold. Each stage runs in a process of its own; FILE.json keeps what is measured, so that
the same command goes on where it was stopped. A dataset stays in FOLDER, 0.7 GB an hour. CPU-seconds, one job.
"""

import argparse
import json
import multiprocessing
import resource
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

import fourfloor as ff
from fourfloor.copies import fingerprints
from fourfloor.copies.patches import FRAME_RATE
from fourfloor.dataset import Dataset
from fourfloor.evaluation.scores import usual_range
from fourfloor.ingestion.catalogue import load
from fourfloor.producer import render_loop

LOOP_S = 7.67  # mean length of a produced loop
SEARCHED = 24
RATE = 44_100  # of the loops that are searched


def produce(folder: Path, hours: float) -> dict[str, float]:
    """Produce the loops."""
    made = ff.produce(folder / "data", count=round(hours * 3600 / LOOP_S), seed=9, jobs=1)
    frames = sum(loop.frames for loop in made.loops)
    size = sum(path.stat().st_size for path in (folder / "data").iterdir())
    return {"loops": len(made.loops), "hours": frames / made.sample_rate / 3600, "bytes": size}


def check(folder: Path, hours: float) -> dict[str, float]:
    """Open the dataset, which hashes every byte of it."""
    load(folder / "data")
    return {}


def index(folder: Path, hours: float) -> dict[str, float]:
    """Fingerprint the training loops and write their index."""
    (folder / "model").mkdir(exist_ok=True)
    fingerprints.write(folder / "model", Dataset([folder / "data"]), usual_range)
    return {"bytes": sum(path.stat().st_size for path in (folder / "model").iterdir())}


def opening(folder: Path, hours: float) -> dict[str, float]:
    """Open the index."""
    found = fingerprints.load(folder / "model").index
    return {"hours": float(found.table.lengths.sum()) / FRAME_RATE / 3600}


def search(folder: Path, hours: float) -> dict[str, float]:
    """Search loops that the index does not hold, of another seed."""
    found, taken = fingerprints.load(folder / "model").index, []
    for number in range(SEARCHED):
        loop = render_loop(77_000_000 + number)
        start = time.process_time()
        found.search(loop.waveform, RATE, loop.bpm)
        taken.append(time.process_time() - start)
    return {"median_cpu_s": float(np.median(taken)), "mean_cpu_s": float(np.mean(taken))}


STAGES = (produce, check, index, opening, search)


def measured(stage: Callable[[Path, float], dict[str, float]], folder: Path, hours: float) -> dict[str, float]:
    """Run a stage in this process, and say what it took beside what it says itself."""
    started, before = time.monotonic(), cpu()
    told = stage(folder, hours)
    most = max(resource.getrusage(of).ru_maxrss for of in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return told | {"cpu_s": cpu() - before, "wall_s": time.monotonic() - started, "peak_mb": most / 1024}


def cpu() -> float:
    """Return the CPU-seconds of this process and its children."""
    used = [resource.getrusage(of) for of in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def exponent(rows: dict[str, Any], stage: str, key: str) -> float:
    """Fit key ~ hours ** exponent."""
    hours, values = zip(*((float(name), row[stage][key]) for name, row in rows.items() if stage in row), strict=True)
    return float(np.polyfit(np.log(hours), np.log(values), 1)[0])


def main(folder: Path, file: Path, hours: list[float]) -> None:
    """Measure what FILE does not hold, and print all of it."""
    content = json.loads(file.read_text()) if file.exists() else {}
    for number in hours:
        row = content.setdefault(f"{number:g}", {})
        for stage in STAGES:
            if stage.__name__ in row:
                continue
            place = folder / f"{number:g}h"
            place.mkdir(parents=True, exist_ok=True)
            with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
                row[stage.__name__] = pool.submit(measured, stage, place, number).result()
            file.write_text(json.dumps(content, indent=1) + "\n")
    print(json.dumps(content, indent=1))
    for name, key in (("produce", "cpu_s"), ("produce", "bytes"), ("check", "cpu_s"), ("index", "cpu_s"),
                       ("index", "bytes"), ("opening", "cpu_s"), ("search", "median_cpu_s")):  # fmt: skip
        if len(content) > 1:
            print(f"{name} {key}: exponent {exponent(content, name, key):.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("file", type=Path)
    parser.add_argument("--hours", type=float, nargs="+", default=[1, 3, 10])
    given = parser.parse_args()
    main(given.folder, given.file, given.hours)
