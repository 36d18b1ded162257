"""Tracks -> their analyses, in processes of their own, so that no file can take this one down."""

from __future__ import annotations

from collections.abc import Callable

from fourfloor.audio import display_name
from fourfloor.ingestion.analysis import Task, TrackAnalysis, analyze_track
from fourfloor.processes import run_in_processes

Progress = Callable[[int, int, str], None]


def analyze_tracks(tasks: list[Task], jobs: int, on_progress: Progress | None = None) -> list[TrackAnalysis]:
    """Analyze every track and return the results in the order of the tasks; `jobs` 0 means one process a core.

    Where a process died, its track gets a second one to itself: memory may have been short for two.
    """
    found: dict[int, TrackAnalysis] = {}

    def keep(number: int, analysis: TrackAnalysis | None) -> None:
        if analysis is not None:
            found[number] = analysis
            if on_progress:
                on_progress(len(found), len(tasks), display_name(tasks[number].path))

    run_in_processes(analyze_track, tasks, jobs, keep)
    left = [number for number in range(len(tasks)) if number not in found]
    for number in left:
        tasks[number].audio_part.unlink(missing_ok=True)
        tasks[number].features_part.unlink(missing_ok=True)
    dead = TrackAnalysis(error="ended the process that read it; convert it to WAV or remove it")
    again = [tasks[number] for number in left]
    run_in_processes(analyze_track, again, 1, lambda place, analysis: keep(left[place], analysis or dead))
    return [found[number] for number in range(len(tasks))]
