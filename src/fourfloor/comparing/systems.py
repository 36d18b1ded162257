"""One row of a comparison: who a system is, what it cost, and how its loops score."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from fourfloor import loading
from fourfloor.comparing.entries import Entry

if TYPE_CHECKING:
    from fourfloor.comparing.report import Part, System
    from fourfloor.evaluation.numbers import ScoredSet
    from fourfloor.evaluation.scorecard import Standard


def model_of(entry: Entry) -> loading.LoopModel:
    """Load a trained system; how it samples is the recipe's to say, also after the training."""
    model = loading.load_model(str(entry.run), str(entry.decoder.run) if entry.decoder else None)
    plan = replace(model.prior.recipe, generation=entry.plan.generation)
    return replace(model, prior=replace(model.prior, recipe=plan))


def system_of(
    name: str,
    standard: "Standard",
    scored: "ScoredSet | None",
    entry: Entry | None = None,
    problem: str = "",
    parts: "Sequence[Part]" = (),
    speed: float | None = None,
) -> "System":
    """Put together what was measured; without scored loops the row says why, `problem`."""
    from fourfloor.comparing.report import System
    from fourfloor.evaluation.scorecard import assess

    title = entry.plan.about.title if entry else "Beats of four training loops near one tempo, lined up (row J)."
    system = System(
        name=name,
        title=title,
        seed_verdict=entry.plan.about.seed_verdict if entry else "",
        problem=problem,
        parts=parts,
        speed=speed,
    )
    if scored is None:
        return system
    result = assess(scored, standard)
    return replace(
        system,
        numbers=result.numbers,
        gates=result.gates,
        verdict=result.verdict,
        diagnosis=result.diagnosis,
        beats_slices=result.beats_slices if entry else None,
    )


def parts_of(entry: Entry, model: loading.LoopModel) -> "list[Part]":
    """List the models of a system with their size and what they cost."""
    from fourfloor.comparing.report import Part

    parts = []
    for member, trained in zip(entry.members, (model.prior, model.decoder), strict=False):
        assert trained is not None
        assert trained.model is not None
        parameters = sum(parameter.numel() for parameter in trained.model.parameters())
        parts.append(Part(
            name=member.name, family=trained.recipe.family, parameters=parameters, steps=trained.meta["step"],
            minutes=trained.meta["elapsed"] / 60, threads=trained.meta["threads"],
        ))  # fmt: skip
    return parts
