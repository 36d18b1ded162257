"""Measure what music costs at 1, 10 and 100 hours, and project it: python scripts/measure_scale.py [FILE.json].

Figures that FILE.json holds already are not measured again.

Rendering and features are measured on a few loops: each costs the same, however many there are. Fingerprints of 1 and
10 hours are those of music that the bundled model was trained on. Those of 100 hours do not come from 100 hours of
audio: they are these, and mixtures of three of them (low, middle and high bands of passages of one tempo, shifted by
beats). CPU-seconds of one thread.
"""

import json
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import fourfloor as ff
from fourfloor import loading
from fourfloor.copies import cells, fingerprints
from fourfloor.copies.index import CopyIndex, Table
from fourfloor.copies.levels import RawLevels
from fourfloor.copies.passages import training_passages
from fourfloor.copies.patches import FRAME_RATE
from fourfloor.copies.postings import Postings
from fourfloor.copies.windows import Windows, encode
from fourfloor.dataset import Dataset

HOURS = (1, 10, 100)
PRODUCED, SEARCHED = 24, 24
# Assumptions of the projection. Prices are those of a list, without discounts: check them before you rely on them.
CORES, CPU_USD = 16, 0.82  # AWS c7a.4xlarge, an hour
BUCKET_USD = 0.023  # AWS S3 standard, a GB and month
LOOP_S, BATCH, STEP_S = 7.67, 32, 1.28  # seconds of a loop; loops and core-seconds of a step of the prior (docs/log.md)
STEP = 8  # of the levels in quarter decibels, as packed fingerprints are rounded


def cpu(of: int = resource.RUSAGE_SELF) -> float:
    """Return the CPU-seconds used so far."""
    used = resource.getrusage(of)
    return used.ru_utime + used.ru_stime


class Held(RawLevels):
    """Levels `(frames, bands)` of all passages, one after another, in a file that is mapped."""

    def __init__(self, path: Path, lengths: np.ndarray) -> None:
        self.frames = np.load(path, mmap_mode="r")
        self.firsts = np.concatenate([[0], np.cumsum(lengths)])

    def read(self, passages: np.ndarray, frames: np.ndarray) -> np.ndarray:
        """See `Levels`."""
        return np.stack([self.frames[self.firsts[n] + at].T for n, at in zip(passages, frames, strict=True)])


def mixtures(levels: list[np.ndarray], table: Table, rng: np.random.Generator) -> Iterator[tuple[int, np.ndarray]]:
    """Yield passages and levels that take low, middle and high bands from three closed passages of one tempo."""
    closed = np.flatnonzero(table.closed)
    while True:
        first = int(rng.choice(closed))
        alike = closed[table.tempi[closed] == table.tempi[first]]
        borders = [0, int(rng.integers(7, 13)), int(rng.integers(18, 25)), 32]
        mixed = np.empty((32, table.lengths[first]), np.float32)
        for low, high, source in zip(borders, borders[1:], [first, *rng.choice(alike, 2)], strict=False):
            pace = table.bpms[first] / table.bpms[source]
            shift = rng.integers(16) * 60 / table.bpms[source] * FRAME_RATE
            at = (np.arange(mixed.shape[1]) * pace + shift).astype(int) % table.lengths[source]
            mixed[low:high] = levels[source][low:high][:, at] / 4.0 - 32
        mixed -= mixed.mean(axis=0)
        rounded = np.round((np.clip(mixed, -32, 31.75) + 32) * 4).astype(np.uint8) // STEP * STEP + STEP // 2
        yield first, rounded


def music(hours: float, folder: Path) -> tuple[Table, np.ndarray, Held]:
    """Return so many hours of fingerprints: real ones as far as they go, in a random order, then mixtures."""
    known = fingerprints.load(loading.bundled_folder(loading.BUNDLED)).index
    rng, total = np.random.default_rng(0), 0
    rows, real, known_rows = [], [], known.table.rows()
    for number in rng.permutation(len(known.table)):
        length = int(known.table.lengths[number])
        real.append(known.levels.read(np.array([number]), np.arange(length)[None])[0])
        rows.append(known_rows[number])
        total += length
        if total >= hours * 3600 * FRAME_RATE:
            break
    levels, table = list(real), Table.of(rows)
    mixed = mixtures(real, table, rng)
    while total < hours * 3600 * FRAME_RATE:
        first, made = next(mixed)
        rows.append((f"mixture {len(rows)}", *rows[first][1:]))
        levels.append(made)
        total += made.shape[1]
    np.save(folder / "levels.npy", np.concatenate([each.T for each in levels]))
    codes = np.concatenate([encode(each) for each in levels])
    table = Table.of(rows)
    return table, codes, Held(folder / "levels.npy", table.lengths)


def measure_index(hours: float, loops: list[tuple[np.ndarray, int, float]]) -> dict[str, float]:
    """Build the index of so many hours and search loops in it."""
    with tempfile.TemporaryDirectory() as name:
        table, codes, levels = music(hours, Path(name))
        windows = Windows(codes, table.lengths, table.closed)
        start = cpu()
        made = Postings.of(windows)
        build = cpu() - start
        (Path(name) / cells.FILE).write_bytes(cells.seal(made, ""))
        start = cpu()
        postings = cells.unseal(Path(name) / cells.FILE, "", len(windows))
        opened = cpu() - start
        index = CopyIndex(table, windows, levels, 8000.0, postings)
        taken = []
        for waveform, rate, bpm in loops:
            start = cpu()
            index.search(waveform, rate, bpm)
            taken.append(cpu() - start)
        return {
            "hours": table.lengths.sum() / FRAME_RATE / 3600, "windows": len(postings),
            "index_cpu_s": build, "index_bytes": (Path(name) / cells.FILE).stat().st_size, "open_cpu_s": opened,
            "search_cpu_s": float(np.median(taken)), "search_mean_cpu_s": float(np.mean(taken)),
        }  # fmt: skip


def measure_produced() -> tuple[dict[str, float], list[tuple[np.ndarray, int, float]]]:
    """Produce loops, and fingerprint them; return what an hour costs, and loops that no index holds."""
    with tempfile.TemporaryDirectory() as name:
        start = cpu(resource.RUSAGE_CHILDREN) + cpu()
        made = ff.produce(Path(name) / "data", count=PRODUCED, seed=9, jobs=1)
        produce = cpu(resource.RUSAGE_CHILDREN) + cpu() - start
        loops = [(made.waveform(n).copy(), made.sample_rate, made.loops[n].bpm) for n in range(PRODUCED)]
        hours = sum(loop.shape[1] / rate for loop, rate, _ in loops) / 3600
        disk = sum(path.stat().st_size for path in (Path(name) / "data").iterdir())
        start, train = cpu(), Dataset([Path(name) / "data"])
        index = CopyIndex.of(training_passages(train))
        share = index.table.lengths.sum() / FRAME_RATE / 3600
        packed = index.levels.packed(index.windows)
        fingerprint = cpu() - start
        size = len(packed.data) + index.windows.codes.nbytes
    costs = {
        "hours": hours, "produce_cpu_s_per_hour": produce / hours, "dataset_bytes_per_hour": disk / hours,
        "fingerprint_cpu_s_per_hour": fingerprint / share, "fingerprint_bytes_per_hour": size / share,
    }  # fmt: skip
    return costs, loops[:SEARCHED]


def exponent(rows: list[dict[str, float]], key: str) -> float:
    """Fit key ~ hours ** exponent."""
    hours, values = (np.log([row[name] for row in rows]) for name in ("hours", key))
    return float(np.polyfit(hours, values, 1)[0])


def measured() -> dict[str, Any]:
    """Measure everything."""
    produced, searched = measure_produced()
    rows = [measure_index(hours, searched) for hours in HOURS]
    keys = ("index_cpu_s", "index_bytes", "open_cpu_s", "search_cpu_s")
    exponents = {key: exponent(rows, key) for key in keys}
    return {"produced": produced, "index": rows, "exponents": exponents, "measured": time.strftime("%Y-%m-%d")}


def projected(content: dict[str, Any], hours: float) -> dict[str, float]:
    """Return what so many hours cost, from what was measured and from the assumptions: arithmetic alone."""
    each, last = content["produced"], content["index"][-1]
    size = hours * (each["dataset_bytes_per_hour"] + each["fingerprint_bytes_per_hour"]) / 1e9
    size += hours * last["index_bytes"] / last["hours"] / 1e9
    make = hours * each["produce_cpu_s_per_hour"] / 3600
    prints = hours * each["fingerprint_cpu_s_per_hour"] / 3600
    index = hours * last["index_cpu_s"] / last["hours"] / 3600
    epoch = hours * 3600 / LOOP_S / BATCH * STEP_S / 3600
    return {
        "produce, CPU-hours": make, "fingerprints, CPU-hours": prints, "index, CPU-hours": index,
        "disk, GB": size, "codes in memory, GB": hours * 3600 * FRAME_RATE / 4 * 8 / 1e9,
        "an epoch of the prior, core-hours": epoch,
        "produce to index on 16 cores, hours": (make + prints + index) / CORES,
        "produce to index, USD": (make + prints + index) / CORES * CPU_USD,
        "an epoch on these cores, USD": epoch / CORES * CPU_USD,
        "a month of the dataset in a bucket, USD": size * BUCKET_USD,
    }  # fmt: skip


def main(path: Path | None) -> None:
    """Measure into a file, or read what is there; print all of it and the projection."""
    if path and path.exists():
        content = json.loads(path.read_text())
    else:
        content = measured()
        if path:
            path.write_text(json.dumps(content, indent=1) + "\n")
    print(json.dumps(content, indent=1))
    columns = [projected(content, hours) for hours in (100, 1_000, 100_000)]
    print("| | 100 h | 1,000 h | 100,000 h |\n|---|---|---|---|")
    for key in columns[0]:
        print(f"| {key} | " + " | ".join(f"{column[key]:,.3g}" if column[key] < 100 else f"{column[key]:,.0f}"
                                         for column in columns) + " |")  # fmt: skip


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
