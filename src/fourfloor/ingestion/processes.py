"""Tracks -> their analyses, in processes of their own, so that no file can take this one down."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable

from fourfloor.audio import display_name
from fourfloor.engines import Engine, run_in_processes
from fourfloor.errors import FourfloorError
from fourfloor.ingestion.analysis import Task, TrackAnalysis, analyze_track
from fourfloor.ingestion.kept import keep, kept

Progress = Callable[[int, int, str], None]
_GONE = "was there at first and is not any more"


def analyze_tracks(
    tasks: list[Task], jobs: int, on_progress: Progress | None = None, engine: Engine = run_in_processes
) -> list[TrackAnalysis]:
    """Analyze every track and return the results in the order of the tasks; `jobs` 0 means one process a core.

    Analyses that a killed call kept beside the part files are taken up. Where a process died, its track gets a second
    one to itself: memory may have been short for two.
    """
    found = {number: analysis for number, task in enumerate(tasks) if (analysis := kept(task)) is not None}
    if found and on_progress:
        on_progress(len(found), len(tasks), "analyzed before")

    def take(number: int, analysis: TrackAnalysis | None) -> None:
        if analysis is not None:
            _refuse_unshared(tasks[number], analysis)
            found[number] = analysis
            if on_progress:
                on_progress(len(found), len(tasks), display_name(tasks[number].path))

    def run(numbers: list[int], at_once: int, dead: TrackAnalysis | None) -> None:
        engine(_analyze, [tasks[number] for number in numbers], at_once, lambda n, one: take(numbers[n], one or dead))

    run([number for number in range(len(tasks)) if number not in found], jobs, None)
    dead = TrackAnalysis(error="ended the process that read it; convert it to WAV or remove it")
    run([number for number in range(len(tasks)) if number not in found], 1, dead)
    return [found[number] for number in range(len(tasks))]


def _analyze(task: Task) -> TrackAnalysis:
    """Analyze a track and keep what was found."""
    if not os.path.exists(task.path):
        return TrackAnalysis(error=f"{_GONE} (on {platform.node()}); leave tracks in place until ingest ends")
    found = analyze_track(task)
    if not found.error:
        keep(task, found)
    return found


def _refuse_unshared(task: Task, found: TrackAnalysis) -> None:
    """Raise FourfloorError where a track that is here was not on the machine that was to read it."""
    if found.error.startswith(_GONE) and os.path.exists(task.path):
        told = f"{display_name(task.path)}: {found.error}"
        raise FourfloorError(f"{told}, in a folder that all machines share under one path")
