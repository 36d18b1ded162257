"""Scorecard -> scorecard.json, a Markdown table, and one HTML page that holds all it shows.

The page holds the table, the gates with the row each is judged by, per-loop numbers against the usual range, players
and spectrograms of the best, median and worst loop, and flagged copies beside the passage they are nearest to.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fourfloor import pages
from fourfloor.copies.index import CopyMatch
from fourfloor.copies.policy import is_copy
from fourfloor.envelope import Envelope
from fourfloor.errors import FourfloorError
from fourfloor.evaluation.numbers import TEN, ScoredSet
from fourfloor.evaluation.pictures import Excerpt, Strip, excerpt, strip
from fourfloor.evaluation.scorecard import ROWS, Scorecard
from fourfloor.evaluation.scores import LoopScores
from fourfloor.evaluation.sources import Sample, Source
from fourfloor.evaluation.tones import TONES
from fourfloor.ingestion.catalogue import Catalogue
from fourfloor.saving import save_file

STATEMENT = (
    "Nobody listened for this table. It measures whether loops are noise, hold their tempo, vary, resemble held-out "
    "music statistically and copy 2 s passages of the training set. It does not say that they are good."
)
MAX_COPIES = 4
REPORT = ("scorecard.json", "scorecard.md", "scorecard.html")
WORD = {True: "yes", False: "no", None: "undecided"}
PLOTTED = ("pulse", "independence", "repetition", "flatness_db", "modulation_db", "crest_db")


def write_report(
    out: Path, card: Scorecard, judged: Source, chosen: Sequence[int], scored: ScoredSet, catalogue: Catalogue
) -> None:
    """Write the three files into a folder, each whole or not at all."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FourfloorError(f"{out}: the report cannot be written ({error.strerror}): choose another folder") from None
    contents = (card.to_json(), markdown(card), page(card, judged, chosen, scored, catalogue))
    for name, text in zip(REPORT, contents, strict=True):
        save_file(out / name, text.encode(errors="backslashreplace"))  # a name may hold any bytes


def markdown(card: Scorecard) -> str:
    """Write the verdict, the table and the gates as Markdown."""
    parts = [
        "# Scorecard", _verdict_line(card), f"Diagnosis: {', '.join(card.diagnosis) or 'nothing recognized'}.",
        f"{card.n} loops, seed {card.seed}, all rows below {card.cutoff_hz:g} Hz.",
        *(f"Note: {note}." for note in card.warnings), markdown_table(_table(card, TEN)),
        "## Tones", markdown_table(_table(card, TONES)), "## Gates", markdown_table(_gates(card)), STATEMENT,
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def markdown_table(table: Sequence[Sequence[str]]) -> str:
    """Write rows of cells as a Markdown table."""
    lines = [table[0], ["---"] * len(table[0]), *table[1:]]
    return "\n".join("| " + " | ".join(entry.replace("|", "\\|") for entry in line) + " |" for line in lines)


def _verdict_line(card: Scorecard) -> str:
    if card.broken:
        return f"Verdict: none. The reference rows do not support one: {'; '.join(card.broken)}."
    words = ", ".join(f"{kind.replace('_', ' ')}: {WORD[passed]}" for kind, passed in card.verdict.items())
    return f"Verdict: {words}. Better than slices of the training set: {WORD[card.beats_slices]}."


def _table(card: Scorecard, columns: Sequence[str]) -> list[list[str]]:
    rows = [["row", *columns]]
    judged = "these loops, filtered by the same detector" if card.filtered else "these loops"
    entries = {judged: card.numbers, **{f"{key} {ROWS[key]}": row for key, row in card.rows.items()}}
    for name, numbers in entries.items():
        rows.append([name, *(cell(number, numbers) for number in columns)])
    return rows


def cell(number: str, numbers: dict[str, float]) -> str:
    """Write one number as a table shows it."""
    if not np.isfinite(numbers[number]):
        return "-"
    if number == "style":
        return f"{numbers['style']:.1f} ±{(numbers['style_high'] - numbers['style_low']) / 2:.1f}"
    if number == "copies":
        return f"{numbers['copies']:.2f} ({numbers['copies_low']:.2f}-{numbers['copies_high']:.2f})"
    return f"{numbers[number]:.2f}"


def _gates(card: Scorecard) -> list[list[str]]:
    rows = [["gate", "value", "95 % interval", "range", "judged by", "passes"]]
    for number, gate in card.gates.items():
        low = "" if np.isneginf(gate.low) else f"{gate.low:.2f} to "
        high = "any" if np.isposinf(gate.high) else f"{gate.high:.2f}"
        within = f"{gate.value_low:.2f} to {gate.value_high:.2f}" if np.isfinite(gate.value_low) else "-"
        limits = (low + high) if low else "-" if np.isnan(gate.high) else f"up to {high}"
        value = f"{gate.value:.2f}" if np.isfinite(gate.value) else "-"
        rows.append([number, value, within, limits, gate.judged_by, WORD[gate.passes]])
    return rows


def page(card: Scorecard, judged: Source, chosen: Sequence[int], scored: ScoredSet, catalogue: Catalogue) -> str:
    """Write the self-contained page."""
    envelope = card.envelope
    order = np.argsort([score.quality(envelope) for score in scored.scores], kind="stable")[::-1]
    picks = {"best": int(order[0]), "median": int(order[len(order) // 2]), "worst": int(order[-1])}
    flagged = [i for i in np.argsort(-scored.copy_scores, kind="stable") if is_copy(scored.matches[i].score)]
    return pages.render(
        "scorecard.html", card=card, verdict=_verdict_line(card), statement=STATEMENT,
        scores=_table(card, TEN), tones=_table(card, TONES), gates=_gates(card),
        plots=[_plot(number, card, scored, envelope) for number in PLOTTED],
        picks=[_pick(title, judged[chosen[pick]], scored.scores[pick], envelope) for title, pick in picks.items()],
        copies=[_copy(judged[chosen[i]], scored.matches[i], catalogue) for i in flagged[:MAX_COPIES]],
        n_copies=len(flagged),
    )  # fmt: skip


def _plot(number: str, card: Scorecard, scored: ScoredSet, envelope: Envelope) -> Strip:
    values, real = ([getattr(score, number) for score in scores] for scores in (scored.scores, card.held_out))
    return strip(number, values, real, envelope.low.get(number, -np.inf), envelope.high.get(number, np.inf))


def _pick(title: str, sample: Sample, score: LoopScores, envelope: Envelope) -> dict[str, Any]:
    """Return what the page shows of one loop."""
    faults = ", ".join(score.faults(envelope)) or "no faults"
    about = f"{sample.bpm:.2f} BPM, {sample.bars} bars, quality {score.quality(envelope):.2f}, {faults}"
    part = excerpt(sample.waveform, sample.sample_rate)
    return {"title": f"{title}: {sample.name}", "about": about, "excerpt": part}


def _copy(sample: Sample, match: CopyMatch, catalogue: Catalogue) -> dict[str, Any]:
    """Return what the page shows of a copy: three seconds of the loop, and those of the training music."""
    about = (
        f"{sample.name} from {match.loop_seconds:.1f} s: correlation {match.score:.2f} with {match.track} at "
        f"{match.seconds:.1f} s, {match.semitones:+d} semitones, speed {match.speed:.3f}"
    )
    loop = np.roll(sample.waveform, -round(match.loop_seconds * sample.sample_rate), axis=1)
    found = catalogue.passage(match.track, match.seconds)
    return {
        "about": about, "loop": _three_seconds(loop, sample.sample_rate),
        "passage": _three_seconds(found[1], catalogue.sample_rate) if found else None,
    }  # fmt: skip


def _three_seconds(waveform: Any, sample_rate: int) -> Excerpt:
    return excerpt(waveform[:, : 3 * sample_rate], sample_rate)
