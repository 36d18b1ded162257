"""Train every family for two steps, and a third as a run that goes on: `torchrun ... every_family.py DATA TRUTH OUT`.

Before the first step of what goes on, every process writes down what it would step from: `<family>/rank-N.json`. In the
end each lists the threads it has left, one name a line: `threads-N.txt`.
"""

import hashlib
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from test_models import recipe_of, tiny_of, tiny_representation

from fourfloor.dataset import Dataset
from fourfloor.models import families
from fourfloor.representations import Representation
from fourfloor.training import checkpoint, following, loop
from fourfloor.training.config import Budget, Config
from fourfloor.training.ranks import Ranks, joined
from fourfloor.training.state import State, flatten_optimizer

CONFIG = Config(
    batch_size=4, parts=2, warmup_steps=1, validate_every=0, checkpoint_seconds=1e-9, listen_seconds=0, threads=1,
    precision="fp32",
)  # fmt: skip


class WithTruth(Dataset):
    """Loops with the truth of produced ones, for the families that learn from it."""

    has_truth = True

    def __init__(self, data: Path, truth: Path) -> None:
        super().__init__([data])
        self._produced = Dataset([truth])

    def truth(self, name: str, index: int) -> np.ndarray:
        return self._produced.truth(name, index % len(self._produced))


def train_all(data: Path, truth: Path, out: Path, steps: int, ranks: Ranks, resume: bool = False) -> None:
    """Train each family with the processes that there are."""
    dataset = WithTruth(data, truth)
    for family in families():
        plan = recipe_of(family)
        representation, config = tiny_representation(plan)
        codec = representation.fit(dataset, config)
        model, _ = tiny_of(plan, dataset)
        training = replace(CONFIG, optimizer=plan.training.optimizer)

        def batches(
            split: str, size: int, rng: np.random.Generator,
            representation: Representation = representation, config: object = config, codec: object = codec,
        ) -> dict[str, np.ndarray]:  # fmt: skip
            return representation.batch(dataset, codec, config, split, size, rng)

        run = out / family
        (run / checkpoint.FOLDER).mkdir(parents=True, exist_ok=True)
        task = loop.Task(model=model, batches=batches, config=training, run=run, meta={}, ranks=ranks)
        with _told(run / f"rank-{ranks.rank}.json", ranks) if resume else nullcontext():
            loop.train(task, Budget(steps=steps), checkpoint.load_latest(run) if resume else None)


def train_and_go_on(data: Path, truth: Path, out: Path, ranks: Ranks) -> None:
    """Train two steps, and one more from their checkpoint."""
    train_all(data, truth, out, 2, ranks)
    train_all(data, truth, out, 3, ranks, resume=True)


@contextmanager
def _told(path: Path, ranks: Ranks) -> Iterator[None]:
    """Write down what the first step steps from."""
    descend = following.descend

    def told(state: State, batches: Any, config: Config, *rest: Any) -> Any:
        if not path.exists():
            path.write_text(json.dumps(_content(state, batches, config, ranks, rest[-1])))
        return descend(state, batches, config, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(following, "descend", told)
        yield


def _content(state: State, batches: Any, config: Config, ranks: Ranks, rate: float) -> dict[str, object]:
    """Return step, rate, hashes of weights, averages, optimizers, random states, and of the parts of the batch."""
    tensors = {f"model/{name}": value for name, value in state.model.state_dict().items()}
    tensors |= {f"ema/{name}": value for name, value in state.ema.state_dict().items()}
    tensors["torch"] = torch.get_rng_state()
    rests: dict[str, object] = {}
    for group, optimizers in state.optimizers.items():
        for number, optimizer in enumerate(optimizers):
            held, rests[f"{group}/{number}"] = flatten_optimizer(optimizer)
            tensors |= {f"{group}/{number}/{name}": value for name, value in held.items()}
    parts = {}
    for number in range(ranks.rank, state.parts, ranks.count):
        batch = batches("train", config.batch_size // state.parts,
                        np.random.default_rng([config.seed, state.step, number]))  # fmt: skip
        parts[number] = {name: hashlib.sha256(values.tobytes()).hexdigest() for name, values in batch.items()}
    hashes = {name: hashlib.sha256(value.numpy().tobytes()).hexdigest() for name, value in tensors.items()}
    return {"step": state.step, "rate": rate, "parts": parts, "tensors": hashes, "optimizers": rests,
            "numpy": state.rng.bit_generator.state}  # fmt: skip


if __name__ == "__main__":
    torch.set_num_threads(1)
    with joined("cpu") as processes:
        train_and_go_on(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), processes)
    left = [(task / "comm").read_text() for task in Path("/proc/self/task").iterdir()]
    (Path(sys.argv[3]) / f"threads-{processes.rank}.txt").write_text("".join(left))
