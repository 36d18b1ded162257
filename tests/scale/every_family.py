"""Train every family for a few steps in folders of their own: `torchrun ... every_family.py DATA TRUTH OUT [STEPS]`."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from test_models import recipe_of, tiny_of, tiny_representation

from fourfloor.dataset import Dataset
from fourfloor.models import families
from fourfloor.representations import Representation
from fourfloor.training import checkpoint, loop
from fourfloor.training.config import Budget, Config
from fourfloor.training.ranks import Ranks, joined

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
        loop.train(task, Budget(steps=steps), checkpoint.load_latest(run) if resume else None)


if __name__ == "__main__":
    torch.set_num_threads(1)
    with joined("cpu") as processes:
        train_all(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]), processes)
