"""Loops or a model, and a dataset -> a scorecard; recipes and a dataset -> a comparison."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fourfloor import api
from fourfloor.api.loops import Loop
from fourfloor.api.model import Model
from fourfloor.arguments import typed
from fourfloor.progress import OnNote, OnProgress, PathLike, ignore, silent
from fourfloor.stores import place_of
from fourfloor.verbs.train import source_of

if TYPE_CHECKING:
    from fourfloor.comparing.report import Comparison
    from fourfloor.evaluation.scorecard import Scorecard


@typed
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
    rows: str | Sequence[str] = (),
    engine: str = "local",
    address: str | None = None,
    overwrite: bool = False,
    on_progress: OnProgress = ignore,
    on_note: OnNote = lambda note: None,
) -> "Scorecard":
    """Score loops with ten numbers beside reference rows: are they music, in the style, and new?

    docs/metrics.md explains the numbers, the reference rows and the verdict.

    Args:
        loops: A folder of loops or an audio file, a model (a `Model`, a name, a folder or a run) that generates them,
            or loops in memory.
        against: The dataset to compare with, a folder or an address. Its held-out tracks set the standard.
        n: Number of loops, 1-10,000. A model generates them at the tempi and in the styles of held-out loops.
        seed: Seed of the loops and of the reference rows, 0 to 2^63 - 1.
        out: Folder for scorecard.json, scorecard.md and scorecard.html; no report is written by default.
        decoder: Decoder for a prior's run, and for reference row I.
        candidates: With a model: generate this many of each loop and keep the best, 1-64.
        redraw: With a model: redraw loops that have a fault, as `generate` does.
        rows: Letters of the reference rows to compute, such as "ACDEJ"; all by default.
        engine: "local" for this machine, or "ray" (docs/scale.md).
        address: Of a running Ray cluster, HOST:PORT or "auto"; without one Ray starts on this machine.
        overwrite: Replace an existing report in `out`.
        on_progress: Called with (done, total, text).
        on_note: Called with each line that the user should read.

    Returns:
        A `Scorecard`: `numbers` and `gates` by name, `verdict`, `diagnosis`, reference `rows`, and one row a loop.
        Where the verdict is missing, `broken` says why.

    Raises:
        FourfloorError: There are no loops, a file is damaged, the dataset holds nothing out, or a report exists.

    Example:
        >>> import fourfloor as ff
        >>> loops = ff.load("warehouse").generate_many(2, bars=1)
        >>> card = ff.evaluate(list(loops), against="data/mine", rows="A")
        >>> card.numbers["tempo"]  # the share of loops at the requested tempo
        1.0
        >>> card.verdict, card.broken[0]
        ({'music': None, 'in_style': None, 'new': None}, '2 held-out loops of 1 track are too few: hold out...
    """
    named = loops.source if isinstance(loops, Model) else loops
    judged = os.fspath(named) if isinstance(named, str | os.PathLike) else named
    other = loops.decoder if isinstance(loops, Model) and decoder is None else source_of(decoder)
    request = api.EvaluateRequest(
        loops=judged, against=place_of(against), n=n, seed=seed, out=None if out is None else Path(out),
        decoder=other, candidates=candidates, redraw=redraw, rows=tuple(rows), engine=engine, address=address,
        overwrite=overwrite,
    )  # fmt: skip
    return api.evaluate(request, silent(on_progress), silent(on_note))


@typed
def compare(
    recipes: PathLike | Sequence[PathLike],
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
    """Train several recipes on one dataset for the same time, score all of them alike, and write one table.

    An existing run in `runs` continues, so an interrupted call loses nothing. docs/compare.md says what is equal for
    all.

    Args:
        recipes: Names of recipes in the package, or recipe files: one or several.
        data: The dataset to train on and to compare with, a folder or an address.
        out: Folder for comparison.json, comparison.md and comparison.html.
        runs: Folder for the training runs; `<out>/runs` by default.
        minutes: Training time of each system in minutes. Give this or `steps`.
        steps: Training steps of each model.
        n: Number of loops of each system.
        seed: Loop i of every system has the seed `seed + i`.
        bpm: Tempi in BPM to request in turn; those of held-out loops by default.
        cutoff_hz: Compare all rows below this frequency in Hz; by default 0.45 of the lowest sample rate.
        jobs: Number of trainings that run in parallel.
        music: Let the page play loops of the dataset, too.
        overrides: Values for every recipe, such as "training.batch_size=8".
        device: "auto", "cpu" or "cuda".
        overwrite: Replace the report of another comparison.
        stop_on_signals: On SIGINT and SIGTERM save and raise `Interrupted`. By default the caller handles signals.
        on_progress: Called with (done, total, text).
        on_note: Called with each line that the user should read.

    Returns:
        A `Comparison`: a system for each recipe, and the reference rows.

    Raises:
        FourfloorError: A recipe or the dataset does not fit, or an argument is out of range.
        RuntimeError: A bug ended a training. `compare` finishes the other systems first.

    Example:
        >>> import fourfloor as ff
        >>> found = ff.compare(["seed/autoencoder-1"], data="data/mine", out="comparison", steps=1, n=2)
        >>> [system.name for system in found.systems]
        ['autoencoder-1', 'beat slices, no network']
    """
    from fourfloor.comparing.compare import CompareRequest
    from fourfloor.comparing.compare import compare as compare_recipes

    several = [recipes] if isinstance(recipes, str | os.PathLike) else recipes
    request = CompareRequest(
        recipes=[Path(path) for path in several], data=place_of(data), out=Path(out),
        runs=None if runs is None else Path(runs), minutes=minutes,
        steps=steps, n=n, seed=seed, bpm=bpm, cutoff_hz=cutoff_hz, jobs=jobs, music=music,
        overrides=overrides, device=device, overwrite=overwrite, stop_on_signals=stop_on_signals,
    )  # fmt: skip
    return compare_recipes(request, silent(on_progress), silent(on_note))
