"""What a training came to, in the words of its end: which step was kept, why it ended, how far to trust it."""

from collections.abc import Sequence
from typing import Any

from fourfloor import recipe
from fourfloor.dataset import Dataset
from fourfloor.training.config import Config
from fourfloor.training.state import State


def summary(
    plan: recipe.Recipe, state: State, records: Sequence[dict[str, Any]], dataset: Dataset, parent: str | None
) -> dict[str, Any]:
    """Return what `train --json` prints beside the name of the run; `records` are the log's."""
    losses = [line["loss"] for line in records if line.get("loss") is not None]
    validation = [line["validation"] for line in records if line.get("validation") is not None]
    unchanged_from = parent if state.best_step == 0 else None
    checked = (
        [*decision(records, state, plan.training), *trust(records, state, dataset)] if _was_checked(records) else []
    )
    return {
        "family": plan.family, "steps": state.step, "seconds": round(state.elapsed, 1),
        "loss": losses[-1] if losses else None, "validation": validation[-1] if validation else None,
        "best_step": state.best_step, "unchanged_from": unchanged_from,
        "skipped": sum(bool(r.get("skipped")) for r in records),
        "warnings": list(dict.fromkeys(str(line["warning"]) for line in records if "warning" in line)),
        "notes": [*checked, *([f"the result is {parent} as it was: tuning changed nothing"] if unchanged_from else [])],
    }  # fmt: skip


def _was_checked(records: Sequence[dict[str, Any]]) -> bool:
    return any("style" in record for record in records)


def decision(records: Sequence[dict[str, Any]], state: State, config: Config) -> list[str]:
    """Say in one line which step the checks kept, and why the training ended."""
    checks = {int(record["step"]): record for record in records if "style" in record}
    if state.stale_checks >= config.patience:
        ended = f"stopped at step {state.step}, no better in {state.stale_checks} checks"
    else:
        ended = f"ended at step {state.step} with its time or steps"
    if state.best_step is None:
        return [f"{ended}: kept the last step, no check found varied loops without a copy"]
    kept = f"kept step {state.best_step}" if state.best_step else "kept the model as it was, no step was better"
    best = checks.get(state.best_step)
    if best is None:
        return [f"{ended}: {kept}; the log has no line for that check"]
    before = f" ({checks[0]['style']:.1f} before)" if state.best_step and checks.get(0, {}).get("style") else ""
    return [f"{ended}: {kept}; style distance {best['style']:.1f}{before}, diversity {best['diversity']:.2f}, no copy"]


def trust(records: Sequence[dict[str, Any]], state: State, dataset: Dataset) -> list[str]:
    """Say in one line how far the numbers of the result can be trusted."""
    checks = [record for record in records if "style" in record]
    result = next((record for record in checks if record["step"] == state.best_step), checks[-1] if checks else None)
    if result is None:
        return ["how far to trust it: no loops could be measured"]
    from fourfloor.runs.early_stopping import N_LOOPS

    held_out = {dataset.name(int(index)) for index in dataset.indices("validation")}
    judged = f"judged by {len(held_out)} unheard track{'s' * (len(held_out) > 1)}"
    if not dataset.holds_out_tracks:
        judged = "no unheard track to judge by, validation loops are later ones of what was trained on"
    heard = f"{result['copies']} copies among {N_LOOPS} samples, too few for a verdict"
    return [f"how far to trust it: {judged}; {heard}"]


def late_loops(dataset: Dataset) -> str:
    """Say what validates where no track is held out."""
    late, all_loops = len(dataset.indices("validation")), len(dataset)
    return f"no track is held out: the last {late} of {all_loops} loops validate, of the same tracks as the others"
