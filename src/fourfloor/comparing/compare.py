"""Recipes and a dataset go in; each is trained alike and judged alike, and one table comes out.

Every step keeps what it made (checkpoints, loops, their measurements), so the same command continues after any stop
and repeats nothing. A recipe whose family needs a decoder is trained at the same time as `decoder.toml` of its own
folder: one system, two processes.
"""

import itertools
import platform
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from fourfloor import generation
from fourfloor.api.evaluate import held_out_loops
from fourfloor.api.training import TrainRequest
from fourfloor.arguments import check_budget, check_range, check_seed, check_types
from fourfloor.comparing.entries import Entry, check_run, cutoff_of, is_trained, read_entries
from fourfloor.comparing.files import BASELINE, refuse_another, write_comparison
from fourfloor.comparing.judging import SLICES, Judge, first_loops, sample_loops, speed_of
from fourfloor.comparing.side_by_side import Failure, signals_raise, train_all
from fourfloor.comparing.systems import model_of, parts_of, system_of
from fourfloor.dataset import Dataset
from fourfloor.errors import FourfloorError
from fourfloor.processes import core_count
from fourfloor.saving import output_folder
from fourfloor.signal.beatgrid import playable_bpm
from fourfloor.stores import Place, name_of
from fourfloor.training import log

if TYPE_CHECKING:
    from fourfloor.comparing.report import Comparison, Part, System
    from fourfloor.evaluation.numbers import ScoredSet
    from fourfloor.evaluation.scorecard import Standard
    from fourfloor.evaluation.sources import Sample

EXCERPTS = 2  # loops a row on the page
LOOP_SECONDS = 2.0  # to sample and measure a loop: a guess for the bar
ALIKE = 1.1  # core minutes of the dearest system over those of the cheapest, above which the report says so
MAX_JOBS = 64
Tell = Callable[[float, float, str], None]


@dataclass(frozen=True, kw_only=True)
class CompareRequest:
    """What to train for how long, on what, and how to judge it.

    `minutes` count for every system: one of two models shares them out. `steps` count for every model.
    """

    recipes: Sequence[Path]  # files, or names of recipes in the package
    data: Place
    out: Path
    runs: Path | None = None  # where run folders lie; `out`/runs without it
    minutes: float | None = None
    steps: int | None = None
    n: int = 32
    seed: int = 0
    bpm: Sequence[float] = ()  # tempi to ask for in turn; those of held-out loops without it
    cutoff_hz: float | None = None  # below which all are compared; what the lowest sample rate allows without it
    jobs: int = 1
    music: bool = True  # held-out loops and slices on the page: the dataset's own sound
    overrides: Sequence[str] = ()
    device: str = "auto"
    overwrite: bool = False  # the report of another comparison
    stop_on_signals: bool = True  # save, and raise `Interrupted`; without it signals are the caller's

    def __post_init__(self) -> None:
        check_types(self)
        if (self.minutes is None) == (self.steps is None):
            raise FourfloorError("give either minutes or steps: they are the same for every recipe")
        if not self.recipes:
            raise FourfloorError("no recipes to compare: name at least one, such as wavegan")
        check_budget(self.minutes, self.steps)
        check_range("n", self.n, 1, generation.MAX_COUNT)
        check_range("jobs", self.jobs, 1, MAX_JOBS)
        check_seed(self.seed)


class _Progress:
    """Work of several kinds on one bar: each piece has a weight in seconds."""

    def __init__(self, tell: Tell, weights: dict[object, float]) -> None:
        self._tell, self._weights, self._shares = tell, weights, dict.fromkeys(weights, 0.0)

    def update(self, piece: object, share: float, text: str) -> None:
        self._shares[piece] = share
        done = sum(self._weights[piece] * share for piece, share in self._shares.items())
        self._tell(done, sum(self._weights.values()), text)


def compare(
    request: CompareRequest,
    on_progress: Tell = lambda done, total, text: None,
    on_note: Callable[[str], None] = lambda note: None,
) -> "Comparison":
    """Train, judge, and write comparison.json, .md and .html into a folder.

    FourfloorError in one line for wrong input, `Interrupted` after a signal, RuntimeError at the end where a bug ended
    a training: the report of the others is written.
    """
    runs = request.runs or request.out / "runs"
    entries = read_entries(request.recipes, runs, request.overrides)
    dataset = Dataset([request.data])
    tempi = _tempi(request, dataset)
    cutoff_hz = cutoff_of(entries, dataset, tempi, request.cutoff_hz)
    judge = Judge(request.data, request.n, request.seed, cutoff_hz, runs)
    waiting = _untrained(request, entries, dataset)
    if not request.overwrite:
        refuse_another(
            request.out, [entry.name for entry in entries], judge.catalogue.data_hash, request.n, request.seed
        )
    progress = _Progress(on_progress, _weights(request, entries, waiting))
    signals = signals_raise() if request.stop_on_signals else nullcontext()
    with output_folder(request.out), output_folder(runs), signals:
        standard, slices = _standard(request, judge, progress, on_note)  # first: shows early what the dataset lacks
        failures = _train(request, waiting, progress)
        systems, excerpts = [], {}
        for entry in entries:
            system, excerpts[entry.name] = _judged(
                request, entry, tempi, dataset.bars, judge, standard, failures, progress
            )
            progress.update(entry.name, 1.0, f"{entry.name} judged")  # also where there was nothing to measure
            systems.append(system)
        systems.append(system_of(BASELINE, standard, slices))
        comparison = _comparison(request, systems, judge, standard, cutoff_hz)
        if request.music:
            references = judge.references(EXCERPTS)
            excerpts |= {BASELINE: references[SLICES], "held-out real (A)": references["A"]}
        logs = {m.name: log.read(m.run / "log.jsonl") for entry in entries for m in entry.members}
        write_comparison(request.out, comparison, excerpts, logs)
    if bugs := [run.name for run, failure in failures.items() if failure.is_bug]:
        told = f"a bug ended {', '.join(bugs)}; its traceback is above, the report of the others is written"
        raise RuntimeError(told)
    return comparison


def _tempi(request: CompareRequest, dataset: Dataset) -> list[float]:
    """Return the tempo of each loop; FourfloorError where one cannot be asked for."""
    if request.bpm:
        tempi = [request.bpm[i % len(request.bpm)] for i in range(request.n)]
    else:
        tempi = [playable_bpm(dataset.bpm(index)) for index in held_out_loops(dataset, request.n, request.seed)]
    for bpm in tempi:
        generation.Request(bpm=bpm, bars=dataset.bars, seed=request.seed)
    return tempi


def _weights(
    request: CompareRequest, entries: Sequence[Entry], waiting: Sequence[tuple[int, Sequence[Entry]]]
) -> dict[object, float]:
    """Guess how many seconds each piece of work takes, for the bar."""
    judging: dict[object, float] = {entry.name: LOOP_SECONDS * request.n for entry in entries}
    training: dict[object, float] = {
        member.run: 60 * (_minutes(request, members) or 1.0) for members, group in waiting for member in group
    }
    return {"standard": 2.0 * request.n, **judging, **training}


def _standard(
    request: CompareRequest, judge: Judge, progress: _Progress, on_note: Callable[[str], None]
) -> "tuple[Standard, ScoredSet]":
    """Make the reference rows and slices of the training set; note why there will be no verdict."""
    progress.update("standard", 0.0, "reference rows")
    standard, slices = judge.standard(
        lambda done, total, text: progress.update("standard", done / total, f"reference {text}")
    )
    if standard.broken:
        on_note(f"{request.data}: {'; '.join(standard.broken)}; there will be numbers, and no verdict")
    progress.update("standard", 1.0, "reference rows")
    return standard, slices


def _minutes(request: CompareRequest, members: int) -> float | None:
    """Return what one model of a system of so many gets."""
    return request.minutes and request.minutes / members


def _untrained(request: CompareRequest, entries: Sequence[Entry], dataset: Dataset) -> list[tuple[int, list[Entry]]]:
    """List each system's number of models and those of them that wait for training, a decoder only once.

    What has its minutes or diverged before does not wait.
    """
    seen: set[Path] = set()
    groups = []
    for entry in entries:
        group = []
        for member in entry.members:
            saved = check_run(member, dataset)
            minutes = _minutes(request, len(entry.members))
            done = is_trained(saved, minutes, request.steps) or member.divergence()
            if not done and member.run not in seen:
                group.append(member)
            seen.add(member.run)
        groups += [(len(entry.members), group)] if group else []
    return groups


def _train(
    request: CompareRequest, waiting: Sequence[tuple[int, Sequence[Entry]]], progress: _Progress
) -> dict[Path, Failure]:
    """Train what waits; return what went wrong by run. A divergence is kept: the same training would end the same."""
    groups = [[_request_of(request, member, members, len(group)) for member in group] for members, group in waiting]
    failures = train_all(
        groups, request.jobs, lambda run, share, text: progress.update(run, share, f"{run.name} {text}")
    )
    for member in itertools.chain.from_iterable(group for _, group in waiting):
        progress.update(member.run, 1.0, f"{member.name} trained")
        if member.run in failures and failures[member.run].diverged:
            member.keep_divergence(failures[member.run].message)
    return failures


def _request_of(request: CompareRequest, entry: Entry, members: int, beside: int) -> TrainRequest:
    """Ask for one training; where several run at a time each gets its share of the threads, unless told otherwise."""
    at_once = max(request.jobs, beside)
    overrides = ["training.listen_seconds=0"]
    if at_once > 1 and not entry.plan.training.threads:
        overrides.append(f"training.threads={max(1, torch.get_num_threads() // at_once)}")
    return TrainRequest(
        recipe=entry.path, data=[request.data], run=entry.run, minutes=_minutes(request, members), steps=request.steps,
        resume=entry.started, overrides=[*overrides, *request.overrides], device=request.device,
    )  # fmt: skip


def _judged(
    request: CompareRequest,
    entry: Entry,
    tempi: Sequence[float],
    bars: int,
    judge: Judge,
    standard: "Standard",
    failures: dict[Path, Failure],
    progress: _Progress,
) -> "tuple[System, list[Sample]]":
    """Sample and measure one system; its row says what goes wrong."""
    problem = "; ".join(filter(None, (_problem(member, failures) for member in entry.members)))
    if any(not member.started for member in entry.members):
        return system_of(entry.name, standard, None, entry=entry, problem=problem or "was not trained"), []

    def on_loop(done: int) -> None:
        progress.update(entry.name, 0.9 * done / len(tempi), f"{entry.name} loop {done} of {len(tempi)}")

    progress.update(entry.name, 0.0, f"{entry.name} samples")
    parts: list[Part] = []
    try:
        model = model_of(entry)
        parts = parts_of(entry, model)
        folder = sample_loops(model, entry.run, tempi, request.seed, bars, on_loop)
        scored = judge.analyze(folder)
    except (FourfloorError, MemoryError) as error:
        told = " ".join(str(error).split()) or type(error).__name__
        problem = "; ".join(filter(None, (problem, f"makes no loops: {told}")))
        return system_of(entry.name, standard, None, entry=entry, problem=problem, parts=parts), []
    system = system_of(entry.name, standard, scored, entry=entry, problem=problem, parts=parts, speed=speed_of(folder))
    return system, first_loops(folder, EXCERPTS)


def _problem(member: Entry, failures: dict[Path, Failure]) -> str:
    if message := member.divergence():
        return f"training diverged: {message}"
    return f"training failed: {failures[member.run].message}" if member.run in failures else ""


def _comparison(
    request: CompareRequest, systems: "Sequence[System]", judge: Judge, standard: "Standard", cutoff_hz: float
) -> "Comparison":
    from fourfloor.comparing.report import Comparison

    spent = {system.name: system.core_minutes for system in systems if system.parts}
    notes = []
    if request.minutes and spent and max(spent.values()) > ALIKE * min(spent.values()):
        dear, cheap = max(spent, key=spent.__getitem__), min(spent, key=spent.__getitem__)
        notes.append(f"not all had the same core minutes: {dear} {spent[dear]:.1f}, {cheap} {spent[cheap]:.1f}")
    each = f"{request.minutes:g} minutes a system" if request.minutes else f"{request.steps} steps a model"
    budget = f"{each}, {request.jobs} at a time where this command trained"
    return Comparison(
        systems=systems, rows=standard.rows, broken=standard.broken, budget=budget,
        n=request.n, seed=request.seed, cutoff_hz=cutoff_hz, data=name_of(request.data),
        data_hash=judge.catalogue.data_hash, machine=_machine(), notes=notes,
    )  # fmt: skip


def _machine() -> dict[str, Any]:
    name = platform.processor() or platform.machine()
    with suppress(OSError):  # only Linux has this file
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), name)
    return {"processor": name, "cores": core_count(), "torch": torch.__version__}
