"""Write a scorecard down: scorecard.json, a Markdown table and one HTML page that needs nothing else.

The page holds the table, the gates with the row each is judged by, per-loop numbers against the usual range, players
and spectrograms of the best, median and worst loop, and flagged copies beside the passage they are nearest to.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from fourfloor.copies.policy import is_copy
from fourfloor.envelope import Envelope
from fourfloor.errors import FourfloorError
from fourfloor.evaluation.numbers import TEN, HeardSet
from fourfloor.evaluation.pictures import player, spectrogram, strip_plot
from fourfloor.evaluation.scorecard import ROWS, Scorecard
from fourfloor.evaluation.sources import Source
from fourfloor.evaluation.tones import TONES
from fourfloor.ingestion.catalogue import Catalogue
from fourfloor.saving import save_file

STATEMENT = (
    "Nobody listened for this table. It measures whether loops are noise, hold their tempo, vary, resemble held-out "
    "music statistically and copy 2 s passages of the training set. It does not say that they are good."
)
MAX_COPIES = 4
REPORT = ("scorecard.json", "scorecard.md", "scorecard.html")
WORD = {True: "yes", False: "no", None: "cannot tell"}
STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#222}
table{border-collapse:collapse;margin:1rem 0}td,th{padding:.2rem .6rem;text-align:right;border-bottom:1px solid #ddd}
td.words,th.words{text-align:left}.no{color:#b00020}.yes{color:#176b2c}img{width:100%;max-width:56rem}
.judged td{font-weight:600}audio{width:100%;max-width:56rem}.verdict{font-size:1.5rem}"""


def write_report(
    out: Path, card: Scorecard, judged: Source, chosen: Sequence[int], heard: HeardSet, catalogue: Catalogue
) -> None:
    """Write the three files into a folder, each whole or not at all."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FourfloorError(f"{out}: the report cannot be written ({error.strerror}): choose another folder") from None
    contents = (card.to_json(), markdown(card), page(card, judged, chosen, heard, catalogue))
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
        return f"Verdict: none. The scale is not anchored: {'; '.join(card.broken)}."
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
        low = "" if np.isneginf(gate["low"]) else f"{gate['low']:.2f} to "
        high = "any" if np.isposinf(gate["high"]) else f"{gate['high']:.2f}"
        within = f"{gate['value_low']:.2f} to {gate['value_high']:.2f}" if np.isfinite(gate["value_low"]) else "-"
        limits = (low + high) if low else f"up to {high}"
        value = f"{gate['value']:.2f}" if np.isfinite(gate["value"]) else "-"
        rows.append([number, value, within, limits, gate["judged_by"], WORD[gate["passes"]]])
    return rows


def page(card: Scorecard, judged: Source, chosen: Sequence[int], heard: HeardSet, catalogue: Catalogue) -> str:
    """Write the self-contained page; names from files are escaped."""
    envelope = Envelope.from_dict(card.envelope)
    order = np.argsort([score.quality(envelope) for score in heard.scores], kind="stable")[::-1]
    picks = {"best": int(order[0]), "median": int(order[len(order) // 2]), "worst": int(order[-1])}
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><title>Scorecard</title>",
        "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; img-src data:; media-src data:; "
        "style-src 'unsafe-inline'\">", f"<style>{STYLE}</style><h1>Scorecard</h1>",
        f"<p class=verdict>{escape(_verdict_line(card))}</p>",
        f"<p>Diagnosis: <b>{escape(', '.join(card.diagnosis) or 'nothing recognized')}</b>. {card.n} loops, seed "
        f"{card.seed}, all rows below {card.cutoff_hz:g} Hz.</p>",
        *(f"<p>Note: {escape(note)}.</p>" for note in card.warnings), html_table(_table(card, TEN), judged_row=True),
        "<h2>Tones</h2>", html_table(_table(card, TONES), judged_row=True),
        f"<p>{escape(STATEMENT)}</p><h2>Gates</h2>", html_table(_gates(card)), "<h2>Loop by loop</h2>",
        "<p>Each mark is a loop; gray: held-out; the band is the usual range of the training set.</p>",
        *(_plot(number, card, heard, envelope) for number in
          ("pulse", "independence", "repetition", "flatness_db", "modulation_db", "crest_db")),
        "<h2>Best, median and worst loop</h2>", *(_loop(title, judged, chosen, heard, pick, envelope)
                                                  for title, pick in picks.items()),
        *_copies(judged, chosen, heard, catalogue),
    ]  # fmt: skip
    return "\n".join(parts) + "\n"


def html_table(table: Sequence[Sequence[str]], judged_row: bool = False) -> str:
    """Write rows of cells, the first one the header, as an HTML table; every cell is escaped."""
    head, *rows = table
    # Columns of words are read from the left, numbers compared from the right.
    words = [any(sum(c.isalpha() for c in row[i]) > 3 for row in rows) for i in range(len(head))]
    marks = [" class=words" if is_words else "" for is_words in words]
    titles = "".join(f"<th{mark}>{escape(entry)}</th>" for entry, mark in zip(head, marks, strict=True))
    lines = [f"<tr>{titles}</tr>"]
    for i, row in enumerate(rows):
        answers = {"yes": " class=yes", "no": " class=no"}
        cells = "".join(
            f"<td{answers.get(entry, mark)}>{escape(entry)}</td>" for entry, mark in zip(row, marks, strict=True)
        )
        lines.append(f"<tr{' class=judged' if judged_row and i == 0 else ''}>{cells}</tr>")
    return "<table>" + "".join(lines) + "</table>"


def _plot(number: str, card: Scorecard, heard: HeardSet, envelope: Envelope) -> str:
    real = [row[number] for row in card.held_out]
    return strip_plot(
        number,
        [getattr(score, number) for score in heard.scores],
        real,
        envelope.low.get(number, -np.inf),
        envelope.high.get(number, np.inf),
    )


def _loop(title: str, judged: Source, chosen: Sequence[int], heard: HeardSet, pick: int, envelope: Envelope) -> str:
    sample, score = judged[chosen[pick]], heard.scores[pick]
    faults = ", ".join(score.faults(envelope)) or "no faults"
    about = f"{sample.bpm:.2f} BPM, {sample.bars} bars, quality {score.quality(envelope):.2f}, {faults}"
    return (
        f"<h3>{escape(title)}: {escape(sample.name)}</h3><p>{escape(about)}</p>"
        + spectrogram(sample.waveform, sample.sample_rate)
        + player(sample.waveform, sample.sample_rate)
    )


def _copies(judged: Source, chosen: Sequence[int], heard: HeardSet, catalogue: Catalogue) -> list[str]:
    flagged = [i for i in np.argsort(-heard.copy_scores, kind="stable") if is_copy(heard.matches[i].score)]
    if not flagged:
        return []
    parts = [f"<h2>{len(flagged)} flagged copies</h2>"]
    for i in flagged[:MAX_COPIES]:
        match, sample = heard.matches[i], judged[chosen[i]]
        about = (
            f"{sample.name} from {match.loop_seconds:.1f} s: correlation {match.score:.2f} with {match.track} at "
            f"{match.seconds:.1f} s, {match.semitones:+d} semitones, speed {match.speed:.3f}"
        )
        shift = -round(match.loop_seconds * sample.sample_rate)
        parts += [
            f"<h3>{escape(about)}</h3><p>the loop, from there on</p>",
            _excerpt(np.roll(sample.waveform, shift, axis=1), sample.sample_rate),
        ]
        passage = _passage(catalogue, match.track, match.seconds)
        if passage is not None:
            parts += ["<p>the training passage</p>", _excerpt(passage, catalogue.sample_rate)]
    return parts


def _excerpt(waveform: Any, sample_rate: int, seconds: float = 3.0) -> str:
    cut = waveform[:, : round(seconds * sample_rate)]
    return spectrogram(cut, sample_rate) + player(cut, sample_rate)


def _passage(catalogue: Catalogue, track: str, seconds: float) -> Any:
    """Find the training loop that sounds at a time of a track, turned to begin there; None where it was not kept."""
    for index in catalogue.indices("train"):
        loop = catalogue.loops[index]
        since = seconds - loop.start_seconds
        if catalogue.tracks[loop.track].name == track and 0 <= since < loop.frames / catalogue.sample_rate:
            return np.roll(catalogue.waveform(index), -round(since * catalogue.sample_rate), axis=1)
    return None
