"""Loops and a dataset go in, a scorecard comes out: score loops and reference rows, assess, write the report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from fourfloor.copies.index import CopyIndex
from fourfloor.copies.passages import dataset_passages
from fourfloor.copies.policy import share_of_copies
from fourfloor.engines import Engine, run_in_threads
from fourfloor.errors import FourfloorError
from fourfloor.evaluation.numbers import Norms, ScoredSet, score_set
from fourfloor.evaluation.progress import SCORE_SECONDS, SEARCH_SECONDS, Stages, Tell
from fourfloor.evaluation.references import Decoder, row_stages, score_rows
from fourfloor.evaluation.report import write_report
from fourfloor.evaluation.scorecard import ROWS, LoopRow, Scorecard, Standard, assess, split_sources
from fourfloor.evaluation.sources import Source, array_source, file_source
from fourfloor.evaluation.verdict import too_few
from fourfloor.ingestion.catalogue import load
from fourfloor.signal.analysis import CUTOFF_HZ, Array

Loops = Sequence[Path] | tuple[Sequence[str], Sequence[Array], Sequence[float]] | Source


def evaluate(
    loops: Loops,
    dataset_path: str | Path,
    n: int = 256,
    seed: int = 0,
    out: str | Path | None = None,
    decoder: Decoder | None = None,
    only: Sequence[str] = (),
    sample_rate: int = 44_100,
    on_progress: Tell = lambda done, total, text: None,
    on_note: Callable[[str], None] = lambda note: None,
    engine: Engine = run_in_threads,
) -> Scorecard:
    """Judge loops against a dataset; `out` is a folder for scorecard.json, scorecard.md and scorecard.html.

    `loops` are files, a source, or names, waveforms `(channels, samples)` at `sample_rate` and tempi. `only` names the
    reference rows to make. `on_note` is called at once where the dataset is too small for a verdict. Then only row A is
    made, unless `only` asks for more, and the card has numbers without a verdict. It also has none where a row lies
    outside its expected range. Raises FourfloorError for an unusable dataset or no loops.
    """
    asked = _asked_rows(only)
    catalogue = load(dataset_path)
    train, held_out = split_sources(catalogue)
    judged = _source_of(loops, sample_rate)
    chosen = [int(i) for i in np.sort(np.random.default_rng(seed).permutation(len(judged))[:n])]
    cutoff_hz = float(min(CUTOFF_HZ, 0.45 * min([catalogue.sample_rate, *judged.rates])))
    lacking = too_few(len(held_out), len(set(held_out.tracks)))
    if lacking:
        on_note(f"{dataset_path}: {lacking[0]}; there will be numbers, and no verdict")
    letters = sorted({"A"} | (asked or set("" if lacking else ROWS)) - (set() if decoder else {"I"}))
    stages = Stages({
        "fingerprints of the training loops": (len(train), SCORE_SECONDS),
        **row_stages(train, held_out, n, letters),
        "loops to judge": (len(chosen), SCORE_SECONDS + SEARCH_SECONDS),
    }, on_progress)  # fmt: skip
    passages = dataset_passages(catalogue, on_loop=partial(stages.count, "fingerprints of the training loops"))
    index = CopyIndex.of(passages, cutoff_hz)
    rows = score_rows(train, held_out, index, n, seed, cutoff_hz, decoder, letters, on_loop=stages.count, engine=engine)
    standard = Standard.of(*rows, seed)
    if standard.broken and not lacking:
        on_note(f"{dataset_path}: {'; '.join(standard.broken)}; there will be numbers, and no verdict")
    count = partial(stages.count, "loops to judge")
    scored = score_set(judged.stream(chosen), cutoff_hz, index, len(chosen), count, engine)
    card = _card(standard, judged, chosen, scored, cutoff_hz, catalogue.data_hash)
    if out is not None:
        write_report(Path(out), card, judged, chosen, scored, catalogue)
    return card


def _asked_rows(only: Sequence[str]) -> set[str]:
    """Return letters of reference rows as a set; FourfloorError for an unknown one."""
    asked = {letter.upper() for letter in only}
    if asked - set(ROWS):
        raise FourfloorError(f"reference row {min(asked - set(ROWS))} is unknown: the rows are {''.join(ROWS)}")
    return asked


def _card(
    standard: Standard, judged: Source, chosen: Sequence[int], scored: ScoredSet, cutoff_hz: float, data_hash: str
) -> Scorecard:
    """Write the scorecard of loops that were scored against a standard."""
    result, norms = assess(scored, standard), standard.norms
    return Scorecard(
        verdict=result.verdict, broken=standard.broken, numbers=result.numbers, rows=standard.rows,
        gates=result.gates, diagnosis=result.diagnosis,
        n=len(chosen), seed=standard.seed, cutoff_hz=cutoff_hz, beats_slices=result.beats_slices,
        filtered=judged.filtered, warnings=[*judged.notes(), *_warnings(norms, judged, chosen, scored)],
        loops=_loop_rows(scored), envelope=norms.envelope, held_out=list(norms.held_out.scores),
        data_hash=data_hash,
    )  # fmt: skip


def _source_of(loops: Loops, sample_rate: int) -> Source:
    if isinstance(loops, tuple):
        names, waveforms, bpms = loops
        judged = array_source(names, waveforms, bpms, sample_rate)
    else:
        judged = loops if isinstance(loops, Source) else file_source(loops)
    if len(judged) == 0:
        raise FourfloorError("no loops to judge: give a folder with audio files")
    return judged


def _warnings(norms: Norms, judged: Source, chosen: Sequence[int], scored: ScoredSet) -> list[str]:
    notes = []
    if len(chosen) < 32:
        notes.append(f"{len(chosen)} loops: style distance and diversity need 32")
    tracks = len(set(norms.held_out.tracks))
    if tracks < 10:
        notes.append(
            f"{tracks} held-out track{'s' * (tracks != 1)}: style distance cannot be judged with fewer than 10"
        )
    real = norms.held_out.copy_scores
    if share_of_copies(real) > 0.01:
        notes.append(f"{share_of_copies(real):.0%} of held-out loops share a passage with a training track")
    silent = sum(score.silent for score in scored.scores)
    if silent:
        notes.append(f"{silent} of {len(scored.scores)} loops are silent")
    if len(set(judged.rates)) > 1:
        notes.append("the loops have several sample rates: all are compared below one cutoff")
    return notes


def _loop_rows(scored: ScoredSet) -> list[LoopRow]:
    rows = zip(scored.scores, scored.matches, scored.contents, strict=True)
    return [LoopRow(scores=scores, match=match, content=content) for scores, match, content in rows]
