"""The budget of a training: minutes or steps, what preparation takes of them, and what is told."""

import time
from pathlib import Path

from test_training import Line, batches

from fourfloor.runs.outcome import late_start
from fourfloor.training import checkpoint, loop
from fourfloor.training.config import Budget, Config
from fourfloor.training.progress import Progress


def test_a_budget_counts_preparation_and_never_leaves_0_to_100_percent() -> None:
    budget = Budget(minutes=2.0)
    assert not budget.is_spent(0, 180.0)  # one step is always trained
    assert budget.is_spent(1, 180.0)
    assert (budget.share(1, 180.0), budget.seconds_left(1, 180.0, 2.0)) == (1.0, 0.0)
    assert (budget.share(1, 30.0), budget.seconds_left(1, 30.0, 2.0)) == (0.25, 90.0)
    both = Budget(steps=10, minutes=2.0)
    assert (both.share(5, 30.0), both.seconds_left(5, 30.0, 2.0)) == (0.5, 10.0)
    assert (both.share(12, 30.0), both.seconds_left(12, 30.0, 2.0)) == (1.0, 0.0)


def test_minutes_spent_on_preparation_leave_one_step(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    seen: list[Progress] = []
    task = loop.Task(
        model=Line(), batches=batches, config=Config(batch_size=4), run=tmp_path, meta={}, on_progress=seen.append,
        listen=lambda model, step: None,
    )  # fmt: skip
    state = loop.train(task, Budget(minutes=1.0, began=time.monotonic() - 90))
    assert state.step == 1
    assert state.elapsed >= 90
    assert [(progress.share_done, progress.seconds_left) for progress in seen if progress.loss] == [(1.0, 0.0)]
    after = [(progress.stage, progress.share_done) for progress in seen if progress.stage and progress.step]
    assert after == [("writing sample loops of step 1", 1.0)]  # which leaves the bar full


def test_a_run_with_nothing_left_to_do_is_shown_as_done(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    seen: list[Progress] = []
    task = loop.Task(
        model=Line(), batches=batches, config=Config(batch_size=4), run=tmp_path, meta={}, on_progress=seen.append,
        listen=lambda model, step: None,
    )  # fmt: skip
    for resumed in (None, lambda: checkpoint.load_latest(tmp_path)):
        seen.clear()
        loop.train(task, Budget(steps=2), resumed and resumed())
        assert [progress.share_done for progress in seen if progress.stage and progress.step] == [1.0]


def test_a_preparation_that_takes_most_of_the_minutes_is_told() -> None:
    (told,) = late_start(111.0, Budget(minutes=2.0))
    assert told.startswith("The preparation took 1.9 min of the requested 2 min, so few steps are left.")
    assert late_start(59.0, Budget(minutes=2.0)) == late_start(1e6, Budget(steps=3)) == []
