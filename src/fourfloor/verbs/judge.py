"""Loops, a model or recipes and a dataset -> a scorecard or a comparison."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fourfloor import api
from fourfloor.api.loops import Loop
from fourfloor.api.model import Model
from fourfloor.progress import OnNote, OnProgress, PathLike, ignore, silent
from fourfloor.verbs.train import source_of

if TYPE_CHECKING:
    from fourfloor.comparing.report import Comparison
    from fourfloor.evaluation.scorecard import Scorecard


def evaluate(
    loops: PathLike | Model | Sequence[Loop],
    *,
    against: PathLike,
    n: int = 256,
    seed: int = 0,
    out: PathLike | None = None,
    decoder: PathLike | None = None,
    candidates: int = 1,
    redraw: bool = False,
    rows: Sequence[str] = (),
    overwrite: bool = False,
    on_progress: OnProgress = ignore,
    on_note: OnNote = lambda note: None,
) -> "Scorecard":
    """Judge loops by ten numbers beside reference rows: are they music, in the style, and new?

    Args:
        loops: A folder of audio, a model, or loops in memory.
        against: The dataset to judge by; its validation tracks are held out.
        n: How many loops; a model makes them in tempo and style of held-out ones.
        seed: Draws loops and reference rows.
        out: A folder for scorecard.json, .md and .html; none is written by default.
        decoder: Of a prior's run, and of row I.
        candidates, redraw: With a model: as `Model.generate` does; without them loops are as the model makes them.
        rows: The reference rows to make, such as "ACDEJ"; all by default.
        overwrite: Replace a scorecard in `out`.
        on_progress: Called with (done, total, text).
        on_note: Called with each line that is worth keeping.

    Returns:
        A `Scorecard`; `broken` says why there is no verdict where there is none.

    Raises:
        FourfloorError: There are no loops, or the dataset does not serve.

    Example:
        >>> import fourfloor as ff
        >>> card = ff.evaluate(ff.load("warehouse"), against="data/mine", n=64)  # doctest: +SKIP
        >>> card.numbers["style"]  # doctest: +SKIP
    """
    tell, note = silent(on_progress), silent(on_note)
    given = source_of(loops) if isinstance(loops, str | os.PathLike | Model) else ""
    other = loops.decoder if isinstance(loops, Model) and decoder is None else source_of(decoder)
    request = api.EvaluateRequest(
        loops=given or "loops in memory", against=Path(against), n=n, seed=seed, out=None if out is None else Path(out),
        decoder=other, candidates=candidates, redraw=redraw, rows=tuple(rows), overwrite=overwrite,
    )  # fmt: skip
    if isinstance(loops, str | os.PathLike | Model):
        return api.evaluate(request, tell, note)
    return api.evaluate(request, tell, note, loops)


def compare(
    recipes: Sequence[PathLike],
    *,
    data: PathLike,
    out: PathLike,
    runs: PathLike | None = None,
    minutes: float | None = None,
    steps: int | None = None,
    n: int = 32,
    seed: int = 0,
    bpm: Sequence[float] = (),
    cutoff_hz: float | None = None,
    jobs: int = 1,
    music: bool = True,
    overrides: Sequence[str] = (),
    device: str = "auto",
    overwrite: bool = False,
    stop_on_signals: bool = False,
    on_progress: OnProgress = ignore,
    on_note: OnNote = lambda note: None,
) -> "Comparison":
    """Train recipes alike on one dataset, judge them alike, and write one table.

    Args:
        recipes: Names of recipes in the package, or files.
        data: The dataset to train on and to judge by.
        out: The folder for comparison.json, .md and .html.
        runs: Where the run folders lie; `out`/runs by default.
        minutes, steps: How long each is trained: give one of the two.
        n: How many loops of each are judged.
        seed: Loop i of every model has `seed + i`.
        bpm: Tempi to ask for in turn; those of held-out loops by default.
        cutoff_hz: Compare all below this; what the lowest sample rate allows by default.
        jobs: Trainings at a time.
        music: Let the page play loops of the dataset, too.
        overrides: Values of every recipe, such as "training.batch_size=8".
        device: "auto", "cpu" or "cuda".
        overwrite: Replace the report of another comparison.
        stop_on_signals: Save and raise `Interrupted` on SIGINT and SIGTERM; without it they are the caller's.
        on_progress: Called with (done, total, text).
        on_note: Called with each line that is worth keeping.

    Returns:
        A `Comparison`: a system for each recipe, and the reference rows.

    Raises:
        FourfloorError: A recipe or the dataset does not serve.
        RuntimeError: At the end, where a bug ended a training.

    Example:
        >>> import fourfloor as ff
        >>> ff.compare(["wavegan", "prior"], data="data/mine", out="comparison", minutes=10)  # doctest: +SKIP
    """
    from fourfloor.comparing.compare import CompareRequest
    from fourfloor.comparing.compare import compare as compare_recipes

    request = CompareRequest(
        recipes=[Path(path) for path in recipes], data=Path(data), out=Path(out),
        runs=None if runs is None else Path(runs), minutes=minutes,
        steps=steps, n=n, seed=seed, bpm=bpm, cutoff_hz=cutoff_hz, jobs=jobs, music=music,
        overrides=overrides, device=device, overwrite=overwrite, stop_on_signals=stop_on_signals,
    )  # fmt: skip
    return compare_recipes(request, silent(on_progress), silent(on_note))
