"""What the command line shows while it works and when it is done: bars with ETA, tables, lines."""

import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from fourfloor.interfaces.output import amount

if TYPE_CHECKING:
    from fourfloor.api.generate import Generated, WrittenLoop
    from fourfloor.api.models import ModelList
    from fourfloor.ingestion.folder import IngestReport, TrackReport
    from fourfloor.runs.outcome import Run

PLAIN_SECONDS = 30.0  # between lines where the output is not a terminal
ANNOUNCE_SECONDS = 1.0


class Bar:
    """A progress bar on standard error; plain lines now and then where that is not a terminal."""

    def __init__(self, progress: Progress, task: TaskID, console: Console) -> None:
        self._progress, self._task, self._console = progress, task, console
        self._spoke = time.monotonic()
        self._announcement: threading.Timer | None = None

    def update(self, done: float, total: float, text: str, announce: bool = False) -> None:
        """Show how far the work is.

        Where the output is not a terminal, `announce` prints it if nothing follows within a second: a mistake that is
        found at once stays one line.
        """
        self.be_quiet()
        self._progress.update(self._task, completed=done, total=total, text=text)
        if self._console.is_terminal:
            return
        line = f"{100 * done / total:.0f} %  {text}"
        if time.monotonic() - self._spoke >= PLAIN_SECONDS:
            self._print(line)
        elif announce:
            self._announcement = threading.Timer(ANNOUNCE_SECONDS, self._print, [line])
            self._announcement.daemon = True
            self._announcement.start()

    def be_quiet(self) -> None:
        """Take back what was to be announced."""
        if self._announcement:
            self._announcement.cancel()

    def _print(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)
        self._spoke = time.monotonic()

    def note(self, line: str) -> None:
        """Print a line of its own above the bar."""
        print(line, file=sys.stderr, flush=True)


@contextmanager
def progress_bar(title: str) -> Iterator[Bar]:
    """Show a bar with elapsed and remaining time while the block runs."""
    console = Console(stderr=True)
    columns = (
        TextColumn(f"[bold]{title}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeElapsedColumn(),
        TextColumn("left"), TimeRemainingColumn(), TextColumn("{task.fields[text]}", markup=False),
    )  # fmt: skip
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        bar = Bar(progress, progress.add_task(title, total=None, text=""), console)
        try:
            yield bar
        finally:
            bar.be_quiet()


class TrainingBar:
    """A progress bar fed by the training loop."""

    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self._stage = ""

    def update(self, done: float, total: float, text: str) -> None:
        """Show step and losses, or a stage between the steps, which it announces when it begins."""
        is_step = text.startswith("step ")
        self._bar.update(done, total, text, announce=not is_step and text != self._stage)
        self._stage = self._stage if is_step else text

    def note(self, line: str) -> None:
        """Print a line of its own above the bar."""
        self._bar.note(line)


@contextmanager
def training_bar() -> Iterator[TrainingBar]:
    """Show a bar while a model trains."""
    with progress_bar("train") as bar:
        yield TrainingBar(bar)


def training_line(run: "Run") -> str:
    """Say what a training came to: "runs/mine: 175 steps in 10.0 min; training loss 1.2041, validation loss 1.3120"."""
    losses = {"training loss": run.loss, "validation loss": run.validation}
    shown = ", ".join(f"{name} {loss:.4f}" for name, loss in losses.items() if loss is not None)
    return f"{run.run}: {amount(run.steps, 'step')} in {run.seconds / 60:.1f} min; {shown or 'no loss was finite'}"


def ingest_table(report: "IngestReport", out: Path) -> None:
    """Print what became of every track."""
    from fourfloor.audio import few_lines
    from fourfloor.ingestion.schema import CATALOGUE

    table = Table(box=None, header_style="bold")
    for name in ("track", "bpm", "confidence", "downbeat s", "grid", "loops", "dropped", "split"):
        table.add_column(name, justify="left" if name in ("track", "grid", "dropped", "split") else "right")
    names = _short_names([track.file for track in report.tracks])
    for track, name in zip(report.tracks, names, strict=True):
        dropped = ", ".join(f"{count} {reason}" for reason, count in track.dropped.items())
        table.add_row(
            name, f"{track.bpm:.2f}", f"{track.confidence:.2f}", f"{track.downbeat_seconds:.3f}",
            _grid_words(track), str(track.loops), dropped, track.split,
        )  # fmt: skip
    _console().print(table, markup=False)
    repairs = [(track.file, repair) for track in report.tracks for repair in track.repairs]
    rejected = [(entry.file, entry.reason) for entry in report.rejected]
    for title, rows in (("note", repairs), ("rejected", rejected)):
        lines = few_lines(rows)
        print("".join(f"{title}: {line}\n" for line in lines), end="")
        if len(lines) < len(rows):
            print(f"{title}: {out / CATALOGUE} lists all {len(rows)}")
    print(f"{out}: {_held_out(report)}, {amount(len(report.rejected), 'file')} rejected")


def _held_out(report: "IngestReport") -> str:
    """Say what is in a dataset: "48 loops of 4 tracks (1 of them held out for testing)"."""
    held_out = sum(track.split == "validation" and track.loops > 0 for track in report.tracks)
    rest = f"{held_out} of them held out for testing" if held_out else "none of them held out for testing"
    return f"{amount(report.loops, 'loop')} of {amount(len(report.tracks), 'track')} ({rest})"


def _grid_words(track: "TrackReport") -> str:
    """Say how the beats of a track lie: "steady", or "pieces, drift 38 ms"."""
    words = [track.grid] + ([track.meter] if track.meter != "4/4" else [])
    return ", ".join(words + ([f"drift {track.drift_ms:.0f} ms"] if track.drift_ms >= 10 else []))


def models_tables(found: "ModelList") -> None:
    """Print families, models, and what could not be read."""
    families = _table("family", "what it is", "recipes")
    for family in found.families:
        families.add_row(family.family, family.summary, ", ".join(family.recipes))
    listed = _table("model", "kind", "family", "steps", "minutes", "parameters", "MB", "dataset")
    for row in found.models:
        listed.add_row(
            row.name if row.kind == "package" else row.path, row.kind, row.family,
            " + ".join(f"{steps:,}" for steps in row.steps), " + ".join(f"{m:g}" for m in row.minutes),
            f"{row.parameters:,}", f"{row.bytes / 1e6:.1f}", row.dataset,
        )  # fmt: skip
    stages = _table("model", "stage", "steps", "minutes", "data hash", "commit")
    for row in found.models:
        for stage in [stage for part in row.stages for stage in part]:
            recipe = f"{stage.recipe} ({stage.only} only)" if stage.only else stage.recipe
            told = f"{stage.steps:,}", f"{stage.minutes:g}", _hashes(stage.data_hash), stage.commit or "not recorded"
            stages.add_row(row.name, recipe, *told)
    console = _console()
    for table in (families, listed, stages):
        console.print(table, markup=False)
        print()
    for row in found.models:
        if row.card:
            print(f"{row.card}: training data and license of {row.name}")
        if row.unchanged_from:
            print(f"{row.path}: fine-tuning left {row.unchanged_from} unchanged; train it for longer")
    for entry in found.unreadable:
        print(f"left out: {entry.reason}")


def _hashes(data_hash: str) -> str:
    """Write the datasets of a training by the first digits of their hashes, with how often each was given."""
    counts = Counter(part.rpartition(">")[2][:8] for part in data_hash.split("+"))
    return " ".join(part if count == 1 else f"{part} x{count}" for part, count in counts.items())


def _table(*names: str) -> Table:
    table = Table(box=None, header_style="bold")
    for name in names:
        table.add_column(name, justify="right" if name in ("steps", "minutes", "parameters", "MB") else "left")
    return table


def _console() -> Console:
    # A file or a pipe has no width: leave every row on its line.
    return Console() if sys.stdout.isatty() else Console(width=240)


def generate_lines(row: "WrittenLoop", candidates: int, last_seed: int) -> None:
    """Print one generated loop, and what is wrong with it; seeds up to `last_seed` leave room for it."""
    from fourfloor.audio import display_name

    file = row.file or f"not written: seed {row.seed}"
    room = " " * max(0, len(str(last_seed)) - len(str(row.seed)))
    closes = "does not close" if "open seam" in row.faults else "closes cleanly"
    key = [row.key] if row.key else []
    has = ", ".join([f"{row.bpm:g} BPM", *key, *(_control(name, rank) for name, rank in row.controls.items()), closes])
    track, _, place = display_name(row.nearest or "").rpartition(" @ ")
    similar = f"similarity {row.copy_score:.2f} to {track} at {place}" if track else "similar to nothing"
    redraws = row.draws - candidates
    redrawn = f"; redrawn {redraws} time{'s' * (redraws > 1)}" if redraws > 0 else ""
    print(f"{file}{room}  {has}; {similar}{redrawn}", flush=True)
    if row.faults:
        print(f"  FAULT: the loop {' and '.join(_fault(name, row) for name in row.faults)}", flush=True)


def _control(name: str, rank: float) -> str:
    if name == "kick":
        return "kick" if rank else "no kick"
    return f"{name.replace('_', ' ')} {rank:.2f}"


def _fault(name: str, row: "WrittenLoop") -> str:
    """Say a fault of `fourfloor.faults` in words."""
    said = {
        "not finite": "contains values that are not audio", "silent": "is silent", "open seam": "does not close",
        "copy": "copies a passage of the training music", "clipped": "is clipped",
        "tempo": f"sounds like {row.bpm_measured:.1f} BPM",
    }  # fmt: skip
    return said.get(name) or name + " as you asked for it"


def generate_summary(summary: "Generated") -> None:
    """Print how much was made and how fast, what the similarity means, and what to do about faults."""
    from fourfloor.copies.policy import NEARLY_A_COPY

    audio, wall = summary.audio_seconds, summary.wall_seconds
    written = [row for row in summary.loops if row.file]
    loops = amount(len(written), "loop")
    print(f"{loops}, {audio:.1f} s of audio in {wall:.1f} s ({audio / wall:.1f}x real time).", end=" ")
    print(f"Similarity is to the nearest passage of the training music; a copy has {NEARLY_A_COPY:.2f} or more.")
    if summary.unchanged_from:
        print(f"These loops come from {summary.unchanged_from}: fine-tuning left that model unchanged.")
    faulty = sum(bool(row.faults) for row in written)
    if faulty:
        print(f"{faulty} of {loops} {'have' if faulty > 1 else 'has'} a fault: try another --seed or more --redraws.")


def _short_names(names: list[str], width: int = 40) -> list[str]:
    """Keep the ends of long names; names whose ends are alike stay whole."""
    ends = [name if len(name) <= width else "..." + name[-(width - 3) :] for name in names]
    return [name if ends.count(end) > 1 else end for name, end in zip(names, ends, strict=True)]
