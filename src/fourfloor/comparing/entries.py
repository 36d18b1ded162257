"""Recipes -> the entries of a comparison: what is trained, where, and how far it is already."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fourfloor import recipe, recipes
from fourfloor.comparing.kept import keep, kept
from fourfloor.dataset import Dataset
from fourfloor.errors import FourfloorError
from fourfloor.representations import needs_decoder, sample_rate
from fourfloor.runs.folder import is_same_experiment
from fourfloor.training import checkpoint
from fourfloor.training.checkpoint import Checkpoint

DIVERGED = "diverged.json"  # in a run that more training would not mend
DECODER = "decoder.toml"  # beside a recipe whose samples need a decoder
NYQUIST_SHARE = 0.45  # of a sample rate: what the scorecard measures at most
LEAST_CUTOFF_HZ = 4500.0  # at 3700 Hz half of all loops distorted under noise passed for sane, at 4500 one in sixteen


@dataclass(frozen=True)
class Entry:
    """A recipe of a comparison and its run."""

    name: str
    path: Path
    plan: recipe.Recipe
    run: Path
    decoder: "Entry | None" = None

    @property
    def members(self) -> "list[Entry]":
        """List what is trained at the same time: the recipe, and its decoder where it needs one."""
        return [self, self.decoder] if self.decoder else [self]

    @property
    def started(self) -> bool:
        """Return whether the run has a checkpoint."""
        return bool(checkpoint.descriptions(self.run))

    def divergence(self) -> str:
        """Return how this very training ended before its time; empty where it did not."""
        told = kept(self.run / DIVERGED, {})
        return str(told["message"]) if told and is_same_experiment(self.plan, told["recipe"]) else ""

    def keep_divergence(self, message: str) -> None:
        """Keep that more of the same training would end the same way."""
        keep(self.run / DIVERGED, {"message": message, "recipe": self.plan.to_dict()})


def read_entries(asked: Sequence[Path], runs: Path, overrides: Sequence[str]) -> list[Entry]:
    """Read the recipes; FourfloorError in one line for one that does not serve, or two of one name.

    A decoder among them is not an entry of its own where another recipe of its folder is trained with it.
    """
    paths = [recipes.find(path) for path in asked]
    plans = {path: recipe.load(path, overrides) for path in paths}
    makers = {path: plan for path, plan in plans.items() if plan.generation is not None}
    needing = {path for path, plan in makers.items() if needs_decoder(plan.representation_name)}
    served = {_identity(path.parent / DECODER) for path in needing}
    entries = []
    for path in paths:
        plan = plans[path]
        if plan.generation is None and _identity(path) in served:
            continue
        if plan.generation is None:
            raise FourfloorError(
                f"{path}: {plan.family} does not generate loops by itself; leave it out, or add its prior"
            )
        decoder = None
        if path in needing:
            beside = path.parent / DECODER
            if not beside.exists():
                raise FourfloorError(
                    f"{path}: {plan.family} needs a decoder; put the decoder's recipe beside it: {beside}"
                )
            decoder = Entry(beside.stem, beside, recipe.load(beside, overrides), runs / beside.stem)
        entries.append(Entry(path.stem, path, plan, runs / path.stem, decoder))
    _refuse_equal_names(entries)
    if not entries:
        raise FourfloorError("no recipe to compare: name some that `fourfloor models` lists")
    return entries


def check_run(entry: Entry, dataset: Dataset) -> Checkpoint | None:
    """Return the checkpoint a run goes on from; FourfloorError where the run is another experiment's."""
    if not entry.started:
        return None
    saved = checkpoint.load_latest(entry.run)
    same = {
        "recipe": is_same_experiment(entry.plan, saved.meta["recipe"]),
        "dataset": saved.meta["data_hash"] == dataset.data_hash,
    }
    for what, holds in same.items():
        if not holds:
            raise FourfloorError(
                f"{entry.run}: was trained with another {what}; move it away, or choose another --runs"
            )
    return saved


def is_trained(saved: Checkpoint | None, minutes: float | None, steps: int | None) -> bool:
    """Return whether a run has had its minutes or steps."""
    if saved is None:
        return False
    return saved.step >= steps if steps is not None else bool(saved.meta["elapsed"] >= 60 * (minutes or 0))


def cutoff_of(entries: Sequence[Entry], dataset: Dataset, tempi: Sequence[float], asked: float | None) -> float:
    """Return the cutoff below which all are compared: the one asked for, or what each can reach, if that is enough.

    A system of less than 10 kHz is silent in the uppermost quarter octave.
    """
    from fourfloor.signal.analysis import CUTOFF_HZ

    highest = min(CUTOFF_HZ, NYQUIST_SHARE * dataset.sample_rate)
    if asked is not None:
        if not 1000 <= asked <= highest:
            raise FourfloorError(f"cutoff {asked:g} is outside 1000-{highest:g} Hz: choose one in that range")
        return asked
    rates = [highest / NYQUIST_SHARE]
    for entry in entries:
        plan = entry.plan
        rates += [sample_rate(plan.representation_name, plan.representation, bpm) for bpm in tempi]
    return max(min(LEAST_CUTOFF_HZ, highest), NYQUIST_SHARE * min(rates))


def _identity(path: Path) -> str:
    return os.path.realpath(path)


def _refuse_equal_names(entries: Sequence[Entry]) -> None:
    known: dict[str, Path] = {}
    for member in [member for entry in entries for member in entry.members]:
        if not member.name.isprintable() or member.name.startswith("."):
            raise FourfloorError(f"{member.path}: its name cannot be used for a run folder; rename it")
        other = known.setdefault(member.name, member.path)
        if _identity(other) != _identity(member.path):
            raise FourfloorError(f"{other} and {member.path} have one name, so they would share a run; rename one")
