"""Tracks -> their analyses, in processes of their own, so that no file can take this one down."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from joblib.externals.loky import as_completed, get_reusable_executor
from joblib.externals.loky.process_executor import TerminatedWorkerError

from fourfloor.audio import display_name
from fourfloor.ingest.analysis import Task, TrackAnalysis, analyze_track

Progress = Callable[[int, int, str], None]

# More threads gain nothing where every core has a process, and sums split between threads differ in the last bit.
_ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}


def analyze_tracks(tasks: list[Task], jobs: int, on_progress: Progress | None = None) -> list[TrackAnalysis]:
    """Analyze every track and return the results in the order of the tasks; `jobs` 0 means one process a core."""
    jobs = min(jobs or len(os.sched_getaffinity(0)), len(tasks))
    found: dict[int, TrackAnalysis] = {}
    for number, analysis in _in_processes(tasks, jobs):
        found[number] = analysis
        if on_progress:
            on_progress(len(found), len(tasks), display_name(tasks[number].path))
    return [found[number] for number in range(len(tasks))]


def _in_processes(tasks: list[Task], jobs: int) -> Iterator[tuple[int, TrackAnalysis]]:
    """Yield (number, analysis) as they are done; where a process dies, repeat what is left one by one."""
    left = dict(enumerate(tasks))
    with _executor(jobs) as executor:
        futures = {executor.submit(analyze_track, task): number for number, task in left.items()}
        with contextlib.suppress(TerminatedWorkerError):
            for future in as_completed(futures):
                analysis = future.result()
                del left[futures[future]]
                yield futures[future], analysis
    for number, task in left.items():
        task.audio_part.unlink(missing_ok=True)
        task.features_part.unlink(missing_ok=True)
        try:
            with _executor(1) as executor:
                analysis = executor.submit(analyze_track, task).result()
        except TerminatedWorkerError:
            analysis = TrackAnalysis(error="ended the process that read it; convert it to WAV or remove it")
        yield number, analysis


@contextlib.contextmanager
def _executor(jobs: int) -> Iterator[Any]:
    """Lend worker processes; after an error, or when the user interrupts, none goes on working."""
    executor = get_reusable_executor(max_workers=jobs, env=_ONE_THREAD, initializer=_end_with, initargs=(os.getpid(),))
    try:
        yield executor
    except BaseException:
        executor.shutdown(wait=False, kill_workers=True)
        raise


def _end_with(parent: int) -> None:
    """Make this process end within a second of its parent, which may be killed without a chance to say so."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
