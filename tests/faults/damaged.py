"""What became of a folder that was damaged: a dataset, a run or an exported model, read in a process of its own.

The numbers are the same, the damage was refused in one line that names the place, or the outcome is bad. A reading has
2 GiB of memory and 10 seconds. Where hashes were made to fit, numbers may change, but nothing may crash or hang.

    python tests/faults/damaged.py FOLDER --kind model --count 300 --seed 0
"""

import argparse
import hashlib
import json
import logging
import os
import random
import resource
import select
import shutil
import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mutations import damage

from fourfloor import api, loading, recipe
from fourfloor.copies import fingerprints
from fourfloor.copies.index import CopyIndex
from fourfloor.dataset import Dataset
from fourfloor.errors import FourfloorError
from fourfloor.generation import Request, make_loop
from fourfloor.runs.folder import RESUMED
from fourfloor.training import checkpoint
from fourfloor.training.log import Log, read

SECONDS, MEMORY = 40, 2**31


@dataclass(frozen=True)
class Verdict:
    """What became of a damaged folder: "same", "refused", "earlier" (the checkpoint before), "other" or "BAD"."""

    kind: str
    told: str = ""


def digest(*values: Any) -> str:
    """Hash arrays, tensors and whatever JSON can hold."""
    total = hashlib.sha256()
    for value in values:
        total.update(np.ascontiguousarray(value).tobytes() if hasattr(value, "dtype") else repr(value).encode())
    return total.hexdigest()


def read_dataset(folder: Path, sealed: bool) -> str:
    """Read all of a dataset that a training does."""
    data = Dataset([folder])
    codec = data.codec()
    rows = [(data.name(i), data.bpm(i), data.style(i), data.split(i), data.follower(i)) for i in range(len(data))]
    arrays = [array(i) for i in range(len(data)) for array in (data.features, data.waveform)]
    return digest(rows, data.vocabulary, data.data_hash, *arrays, codec.mean, codec.encode, codec.decode)


def read_index(index: CopyIndex) -> tuple[object, ...]:
    """Read all of an index that searching does."""
    levels = [
        index.levels.read(np.array([number]), np.arange(length)[None])
        for number, length in enumerate(index.table.lengths)
    ]
    return index.table.rows(), index.top_hz, index.windows.codes, *levels


def read_run(folder: Path, sealed: bool) -> str:
    """Read of a run what resuming, generating and listing do."""
    listed = api.list_models([folder])
    saved = checkpoint.load_latest(folder, RESUMED)
    trained = loading.load_trained(folder)
    recipe.parse(saved.meta["recipe"], str(folder))
    searched = read_index(fingerprints.load(folder).of(saved.meta["data_hash"], folder).index)
    Log(folder / "log.jsonl", from_step=saved.step).close()
    read(folder / "log.jsonl")
    assert sealed or [list(model.steps) for model in listed.models if model.kind == "run"] in ([[saved.step]], [])
    tensors = [value for _, value in sorted(saved.tensors.items())]
    ema = [value for _, value in sorted(trained.model.state_dict().items())]
    meta = {key: value for key, value in saved.meta.items() if key != "sha256"}
    return digest(sorted(saved.tensors), json.dumps(meta, sort_keys=True), *searched, *tensors, *ema)


def read_model(folder: Path, sealed: bool) -> str:
    """Read all of an exported model that generating and listing do; make a loop where its hashes were made to fit."""
    api.list_models([folder])
    model = loading.load_model(str(folder))
    reference = fingerprints.load(folder).of(model.prior.meta["data_hash"], folder)
    if sealed:
        loop = make_loop(model, Request(bars=1))
        assert np.isfinite(loop).all()
    searched = read_index(reference.index)
    metas = [json.dumps({**part.meta, "sha256": ""}, sort_keys=True) for part in (model.prior, model.decoder) if part]
    return digest(model.weights_hash, model.prior.codec_hash, metas, reference.envelope, *searched)


READERS: dict[str, Callable[..., str]] = {"dataset": read_dataset, "run": read_run, "model": read_model}


def outcome(reader: Callable[..., str], folder: Path, sealed: bool = False) -> tuple[str, str]:
    """Read a folder in a process of its own: ("read", digest), ("refused", line) or ("BAD", what happened)."""
    source, sink = os.pipe()
    child = os.fork()
    if not child:
        os.close(source)
        _answer(reader, folder, sealed, sink)
    os.close(sink)
    content = b""
    while select.select([source], [], [], SECONDS)[0] and (block := os.read(source, 2**16)):
        content += block
    os.close(source)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return json.loads(content) if content else ("BAD", f"hung for {SECONDS} s, or died")


def _answer(reader: Callable[..., str], folder: Path, sealed: bool, sink: int) -> None:
    """Read in the child, within its limits, and answer through a pipe."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    logging.disable()
    os.environ["XDG_CACHE_HOME"] = "/dev/null"  # nothing is taken for checked already
    try:
        result = "read", reader(folder, sealed)
    except FourfloorError as error:
        line = str(error)
        sound = line.isprintable() and str(folder) in line and getattr(error, "exit_code", 2) == 2
        result = ("refused" if sound else "BAD"), line
    except BaseException:
        result = "BAD", traceback.format_exc()[-1500:]
    os.write(sink, json.dumps(result).encode())
    os._exit(0)


class Damaged:
    """A sound folder, what reading it gives, and what becomes of damaged copies of it.

    The newest checkpoint of a run gives way to the one before where it is damaged: that is no other result.
    """

    def __init__(self, kind: str, sound: Path) -> None:
        self.reader, self.sound = READERS[kind], sound
        self.reader(sound, sealed=True)  # imports what the children then have
        result, self.expected = outcome(self.reader, sound)
        assert result == "read", self.expected
        self.earlier = self._earlier() if len(checkpoint.descriptions(sound)) > 1 else None

    def _earlier(self) -> str:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(shutil.copytree(self.sound, Path(place, "earlier")))
            checkpoint.descriptions(folder)[0].unlink()
            return outcome(self.reader, folder, sealed=True)[1]

    def judge(self, place: Path, rng: random.Random, sealed: bool = False) -> tuple[str, Verdict]:
        """Damage a copy of the folder, read it, remove it where all is well; return what was done and the verdict."""
        folder = Path(shutil.copytree(self.sound, place / "damaged"))
        done = damage(folder, rng, sealed)
        result, told = outcome(self.reader, folder, sealed)
        if result == "read":
            kind = {self.expected: "same", self.earlier: "earlier"}.get(told, "other" if sealed else "BAD")
            verdict = Verdict(kind, "other numbers, silently" if kind == "BAD" else "")
        else:
            verdict = Verdict(result, told)
        shutil.rmtree(folder)
        return done, verdict


def main() -> int:
    """Damage a folder as often as asked; print how often what became of it, and every bad outcome."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kind", choices=READERS, required=True)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sealed", action="store_true", help="make the hashes fit")
    asked = parser.parse_args()
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as place:
        damaged = Damaged(asked.kind, asked.folder)
        for number in range(asked.count):
            done, verdict = damaged.judge(Path(place), random.Random(f"{asked.seed} {number}"), asked.sealed)
            counts[verdict.kind] += 1
            if verdict.kind == "BAD":
                print(f"{number}: {done}\n    {verdict.told}", flush=True)
    print(dict(counts))
    return int(counts["BAD"] > 0)


if __name__ == "__main__":
    sys.exit(main())
