"""What a training came to, in the words of its end: which step was kept, why it ended, how far to trust it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fourfloor import recipe
from fourfloor.dataset import Dataset
from fourfloor.training.config import Budget, Config

if TYPE_CHECKING:
    from fourfloor.training.state import State


@dataclass(frozen=True, kw_only=True)
class Run:
    """What came of a training. Pass it wherever a run folder is expected.

    Attributes:
        run: The run folder.
        family: The model's family.
        steps: Steps so far, including earlier parts of the run.
        seconds: Training time so far, in seconds.
        loss: Loss of the last step; None if no loss was finite.
        validation: Last loss on held-out loops; None if there was none.
        best_step: The step whose weights are the result; None without checks.
        unchanged_from: The model that fine-tuning began with, if no step was better and the result is that model.
        skipped: Number of steps that were skipped because loss or gradients were not finite.
        warnings: What went wrong without ending the training, such as a collapsed loss.
        notes: Why the training ended, and how far to trust the result.
    """

    run: Path
    family: str
    steps: int
    seconds: float
    loss: float | None
    validation: float | None
    best_step: int | None
    unchanged_from: str | None
    skipped: int
    warnings: Sequence[str]
    notes: Sequence[str]

    def __fspath__(self) -> str:
        return str(self.run)

    def to_json(self) -> dict[str, Any]:
        """Return what `train --json` prints."""
        return {**asdict(self), "run": str(self.run)}


def outcome(
    run: Path,
    plan: recipe.Recipe,
    state: "State",
    records: Sequence[dict[str, Any]],
    dataset: Dataset,
    parent: str | None,
    notes: Sequence[str],
) -> Run:
    """Return what came of a training; `records` are the log's, `notes` come before those on its end."""
    losses = [line["loss"] for line in records if line.get("loss") is not None]
    validation = [line["validation"] for line in records if line.get("validation") is not None]
    unchanged_from = parent if state.best_step == 0 else None
    checked = (
        [*decision(records, state, plan.training), *trust(records, state, dataset)] if _was_checked(records) else []
    )
    kept = [f"The result is {parent} unchanged: fine-tuning found nothing better."] if unchanged_from else []
    return Run(
        run=run, family=plan.family, steps=state.step, seconds=round(state.elapsed, 1),
        loss=losses[-1] if losses else None, validation=validation[-1] if validation else None,
        best_step=state.best_step, unchanged_from=unchanged_from,
        skipped=sum(bool(r.get("skipped")) for r in records),
        warnings=list(dict.fromkeys(str(line["warning"]) for line in records if "warning" in line)),
        notes=[*notes, *checked, *kept],
    )  # fmt: skip


def _was_checked(records: Sequence[dict[str, Any]]) -> bool:
    return any("style" in record for record in records)


def decision(records: Sequence[dict[str, Any]], state: "State", config: Config) -> list[str]:
    """Say in one line which step the checks kept, and why the training ended."""
    checks = {int(record["step"]): record for record in records if "style" in record}
    if state.stale_checks >= config.patience:
        ended = f"Stopped at step {state.step}: no improvement in {state.stale_checks} checks."
    else:
        ended = f"Stopped at step {state.step}: the requested time or steps are used up."
    if state.best_step is None:
        return [f"{ended} Kept the last step: no check found varied loops without copies."]
    kept = f"Kept step {state.best_step}" if state.best_step else "Kept the model unchanged, because no step was better"
    best = checks.get(state.best_step)
    if best is None:
        return [f"{ended} {kept}; the log has no line for that check."]
    before = (
        f" ({checks[0]['style']:.1f} before fine-tuning)" if state.best_step and checks.get(0, {}).get("style") else ""
    )
    numbers = f"style distance {best['style']:.1f}{before}, diversity {best['diversity']:.2f}, no copies"
    return [f"{ended} {kept}: {numbers}."]


def trust(records: Sequence[dict[str, Any]], state: "State", dataset: Dataset) -> list[str]:
    """Say in one line how far the numbers of the result can be trusted."""
    checks = [record for record in records if "style" in record]
    result = next((record for record in checks if record["step"] == state.best_step), checks[-1] if checks else None)
    if result is None:
        return ["How far to trust this: no loops could be scored."]
    from fourfloor.runs.early_stopping import N_LOOPS

    held_out = {dataset.name(int(index)) for index in dataset.indices("validation")}
    tested = f"tested on {len(held_out)} held-out track{'s' * (len(held_out) > 1)}"
    if not dataset.holds_out_tracks:
        tested = "no track is held out, so it was tested on later loops of the training tracks"
    copies = f"{result['copies']} of {N_LOOPS} test loops are copies"
    return [f"How far to trust this: {tested}; {copies}. {N_LOOPS} loops are too few for a verdict."]


def late_start(seconds: float, budget: Budget) -> list[str]:
    """Say where a slow machine prepared for more than half of the minutes, so that few steps are left."""
    if budget.minutes is None or seconds < 30 * budget.minutes:
        return []
    taken = f"The preparation took {seconds / 60:.1f} min of the requested {budget.minutes:g} min"
    return [f"{taken}, so few steps are left. Run the command again with --resume and more --minutes."]


def late_loops(dataset: Dataset) -> str:
    """Say what validates where no track is held out."""
    late, all_loops = len(dataset.indices("validation")), len(dataset)
    return f"No track is held out. The last {late} of {all_loops} loops serve for testing, from the training tracks."
