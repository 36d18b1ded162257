"""Several systems trained alike become one table: comparison.json, a Markdown table, one page that needs nothing else.

In: what was measured of each system, the reference rows, a few loops, the training curves. The page is small enough to
be committed: excerpts of the same seeds and tempi for every system, as long as all of them fit.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from html import escape
from typing import Any

import numpy as np

from fourfloor import pages
from fourfloor.evaluation.diagnosis import MEANING
from fourfloor.evaluation.numbers import TEN
from fourfloor.evaluation.pictures import Excerpt, curve, excerpt
from fourfloor.evaluation.report import STATEMENT, cell, markdown_table
from fourfloor.evaluation.scorecard import ROWS, plain
from fourfloor.evaluation.sources import Sample
from fourfloor.evaluation.verdict import KINDS, Gate

MAX_BYTES = 7_000_000  # of sounds and pictures on the page
PICTURE_SIZE = 420, 132
PICTURE_BYTES = 55_000
_PLAYER_BYTES_A_SECOND = 2 * 22_050 * 4 / 3
_BAR_CHOICES = (4, 2, 1)
FAILS = " !"
_VERDICT = {True: "yes", False: "no", None: "undecided"}


@dataclass(frozen=True, kw_only=True)
class Part:
    """One model of a system, as its run tells: most systems have one, a prior has its decoder beside it."""

    name: str
    family: str
    parameters: int
    steps: int
    minutes: float
    threads: int


@dataclass(frozen=True, kw_only=True)
class System:
    """One row: who it is, what it cost, what it scored; `problem` says why something is missing."""

    name: str
    title: str = ""
    seed_verdict: str = ""
    problem: str = ""
    parts: Sequence[Part] = ()
    speed: float | None = None  # seconds of sound sampled in a second of one core
    numbers: Mapping[str, float] | None = None
    gates: Mapping[str, Gate] = field(default_factory=dict)
    verdict: Mapping[str, bool | None] = field(default_factory=lambda: dict.fromkeys(KINDS))
    diagnosis: Sequence[str] = ()
    beats_slices: bool | None = None

    @property
    def core_minutes(self) -> float:
        """Minutes of training times threads, over all parts."""
        return sum(part.minutes * part.threads for part in self.parts)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Everything on the page but sounds, pictures and curves."""

    systems: Sequence[System]
    rows: Mapping[str, Mapping[str, float]]
    broken: Sequence[str]  # why there is no verdict
    budget: str
    n: int
    seed: int
    cutoff_hz: float
    data: str
    data_hash: str
    machine: Mapping[str, Any]
    notes: Sequence[str] = ()

    def to_json(self) -> str:
        """Write the comparison; the same runs give the same bytes."""
        content = {**asdict(self), "anchored": not self.broken}
        for row, system in zip(content["systems"], self.systems, strict=True):
            row["core_minutes"] = system.core_minutes
        return json.dumps(plain(content), indent=1, sort_keys=True, allow_nan=False) + "\n"


def markdown(comparison: Comparison) -> str:
    """Write the tables as Markdown."""
    parts = [
        "# Comparison", escape(_conditions(comparison), quote=False),
        *(f"Note: {escape(note, quote=False)}." for note in _notes(comparison)),
        "## What they make", f"A number with {FAILS.strip()} fails its gate.",
        markdown_table(_tame(score_table(comparison))),
        "## What they cost", markdown_table(_tame(cost_table(comparison))), *_said_before(comparison),
        "## What they are measured by", markdown_table(_tame(reference_table(comparison))), STATEMENT,
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def _said_before(comparison: Comparison) -> list[str]:
    table = verdict_table(comparison)
    return ["## What listeners said first, and what is measured now", markdown_table(_tame(table))] if table[1:] else []


def _tame(table: Sequence[Sequence[str]]) -> list[list[str]]:
    """Keep what looks like HTML in a name from being HTML."""
    return [[escape(entry, quote=False) for entry in line] for line in table]


def _conditions(comparison: Comparison) -> str:
    machine = ", ".join(f"{key} {value}" for key, value in comparison.machine.items())
    return (
        f"Trained: {comparison.budget}, on {comparison.data} ({comparison.data_hash[:16]}). Judged: {comparison.n} "
        f"loops each, the same seeds (from {comparison.seed}) and tempi for all, every row below "
        f"{comparison.cutoff_hz:.0f} Hz, one standard. Machine: {machine}."
    )


def _notes(comparison: Comparison) -> list[str]:
    notes = list(comparison.notes)
    if comparison.broken:
        notes.append("the reference rows do not support a verdict: " + "; ".join(comparison.broken))
    return notes


def score_table(comparison: Comparison) -> list[list[str]]:
    """List the ten numbers, verdict and diagnosis of every system."""
    rows = [["system", *TEN, *(kind.replace("_", " ") for kind in KINDS), "better than slices", "diagnosis"]]
    for system in comparison.systems:
        judged = system.numbers is not None
        verdict = [_VERDICT[system.verdict[kind]] if judged else "-" for kind in KINDS]
        better = _VERDICT[system.beats_slices] if judged and system.parts else "-"
        scores = [_score(system, number, bool(comparison.broken)) for number in TEN]
        rows.append([system.name, *scores, *verdict, better, diagnosis_of(system)])
    return rows


def _score(system: System, number: str, broken: bool) -> str:
    """Write one number, marked where it fails its gate."""
    if system.numbers is None:
        return "-"
    gate = system.gates.get(number)
    fails = not broken and gate is not None and gate.passes is False
    return cell(number, dict(system.numbers)) + (FAILS if fails else "")


def diagnosis_of(system: System) -> str:
    """Say in words what is wrong with a system's loops, or why there are none."""
    named = ", ".join(system.diagnosis) or ("nothing recognized" if system.numbers else "")
    return "; ".join(text for text in (system.problem, named) if text)


def cost_table(comparison: Comparison) -> list[list[str]]:
    """List what every system is and what it cost."""
    rows = [
        [
            "system",
            "family",
            "parameters",
            "steps",
            "minutes",
            "threads",
            "core minutes",
            "steps/s",
            "x real time a core",
        ]
    ]
    for system in comparison.systems:
        parts = system.parts
        speeds = [part.steps / (60 * part.minutes) if part.minutes else 0.0 for part in parts]
        rows.append([
            system.name, " + ".join(part.family for part in parts) or "-", f"{sum(p.parameters for p in parts):,}",
            " + ".join(f"{part.steps:,}" for part in parts) or "0",
            " + ".join(f"{part.minutes:.1f}" for part in parts) or "0",
            " + ".join(str(part.threads) for part in parts) or "-", f"{system.core_minutes:.1f}",
            " + ".join(f"{speed:.2f}" for speed in speeds) or "-",
            "-" if system.speed is None else f"{system.speed:.2f}",
        ])  # fmt: skip
    return rows


def verdict_table(comparison: Comparison) -> list[list[str]]:
    """Put what listeners said about the historic experiments beside what is measured now."""
    rows = [["system", "what listeners said in the first project", "measured now", "which means"]]
    for system in comparison.systems:
        if system.seed_verdict:
            meaning = "; ".join(MEANING[name] for name in system.diagnosis)
            rows.append([system.name, system.seed_verdict, diagnosis_of(system), meaning or "-"])
    return rows


def reference_table(comparison: Comparison) -> list[list[str]]:
    """List the reference rows."""
    lines = [
        [f"{letter} {ROWS[letter]}", *(cell(number, dict(row)) for number in TEN)]
        for letter, row in comparison.rows.items()
    ]
    return [["row", *TEN], *lines]


def page(
    comparison: Comparison, excerpts: Mapping[str, Sequence[Sample]], logs: Mapping[str, Sequence[Mapping[str, float]]]
) -> str:
    """Write the page; `excerpts` are loops by the name of their row, `logs` training records by the name of the run."""
    bars = excerpt_bars(excerpts)
    by_name = {system.name: system for system in comparison.systems}
    names = [*by_name, *(name for name in excerpts if name not in by_name)]
    return pages.render(
        "comparison.html", conditions=_conditions(comparison), notes=_notes(comparison), mark=FAILS.strip(),
        statement=STATEMENT, scores=score_table(comparison), costs=cost_table(comparison),
        verdicts=verdict_table(comparison), references=reference_table(comparison), bars=bars,
        rows=[_row(name, by_name.get(name), excerpts.get(name, ()), bars, logs) for name in names],
    )  # fmt: skip


def _row(
    name: str,
    system: System | None,
    samples: Sequence[Sample],
    bars: int,
    logs: Mapping[str, Sequence[Mapping[str, float]]],
) -> dict[str, Any]:
    """Return the players of a system or a reference row, and the training curves of its models."""
    parts = [part.name for part in system.parts if logs.get(part.name)] if system else []
    return {
        "name": name,
        "texts": [text for text in (system.title, diagnosis_of(system)) if text] if system else [],
        "excerpts": [(sample.bpm, _beginning(sample, bars)) for sample in samples],
        "curves": [curve(f"{part}: training (line) and validation loss (dots) by step", logs[part]) for part in parts],
    }


def excerpt_bars(excerpts: Mapping[str, Sequence[Sample]]) -> int:
    """Choose how many bars of each loop fit on the page."""
    samples = [sample for row in excerpts.values() for sample in row]
    for bars in _BAR_CHOICES:
        seconds = sum(min(bars, sample.bars) * 240 / sample.bpm for sample in samples)
        if seconds * _PLAYER_BYTES_A_SECOND + len(samples) * PICTURE_BYTES <= MAX_BYTES:
            return bars
    return _BAR_CHOICES[-1]


def _beginning(sample: Sample, bars: int) -> Excerpt:
    frames = round(sample.waveform.shape[1] * min(bars, sample.bars) / sample.bars)
    return excerpt(np.asarray(sample.waveform[:, :frames]), sample.sample_rate, *PICTURE_SIZE)
