"""Jobs whose library or folder fails: each ends in one line, and the next one is done."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fourfloor.errors import FourfloorError
from fourfloor.studio import worker
from fourfloor.studio.collection import Library
from fourfloor.studio.jobs import Jobs
from fourfloor.studio.worker import Worker

from .looking import LIMIT_SECONDS, waited_for

FULL = "the library cannot be used (database or disk is full)"
# A worker that makes two loops a job, and names them after it.
TALKER = """
import json, sys
for line in sys.stdin:
    job = json.loads(line)
    for number in range(2) if job["kind"] != "warm" else ():
        print(json.dumps({"event": "loop", "id": f"{job['id']}-{number}", "title": "x"}), flush=True)
    if job["kind"] != "warm":
        print(json.dumps({"event": "done"}), flush=True)
"""


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    start = worker.subprocess.Popen

    def talker(command: list[str], **options: Any) -> Any:
        return start([command[0], "-c", TALKER], **options)

    monkeypatch.setattr(worker.subprocess, "Popen", talker)
    (tmp_path / "library").mkdir()
    opened = Library(tmp_path / "library")
    yield opened
    opened.close()


@pytest.fixture
def told() -> dict[str, dict[str, Any]]:
    return {}


@pytest.fixture
def queue(library: Library, told: dict[str, dict[str, Any]]) -> Iterator[Jobs]:
    def take(kind: str, content: dict[str, Any]) -> None:
        if kind == "job":
            told[content["id"]] = content

    made = Jobs(library, take)
    yield made
    made.close()


def ended(queue: Jobs, told: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Ask for a job and wait for its end, as pages are told of it."""
    number = queue.add("generate", {})["id"]
    return waited_for(lambda: told[number] if told[number]["state"] in ("done", "failed") else {})


def refuse(monkeypatch: pytest.MonkeyPatch, library: Library, name: str, times: int) -> None:
    """Let a method of the library fail for the next few times, as on a full disk."""
    works, left = getattr(library, name), iter(range(times))

    def method(*values: Any) -> Any:
        if next(left, None) is not None:
            raise FourfloorError(FULL)
        return works(*values)

    monkeypatch.setattr(library, name, method)


def test_a_loop_that_cannot_be_kept_fails_its_job_and_no_other(
    queue: Jobs, library: Library, told: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch, library, "add_loop", 1)
    first = ended(queue, told)
    assert (first["state"], first["text"]) == ("failed", FULL)
    for _ in range(2):
        job = ended(queue, told)
        assert job["state"] == "done"
        made = [row["id"] for row in library.loops() if row["id"].startswith(job["id"])]
        assert len(made) == 2  # all of its own, none missing because another job's end came first


def test_a_library_that_cannot_be_written_ends_no_lane(
    queue: Jobs, library: Library, told: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    number = queue.add("generate", {})["id"]
    waited_for(lambda: told[number]["state"] == "done")
    works = library.save_job
    monkeypatch.setattr(library, "save_job", lambda job: works(job) if job["state"] == "waiting" else refused())

    def refused() -> None:
        raise FourfloorError(FULL)

    assert ended(queue, told)["text"] == FULL
    monkeypatch.setattr(library, "save_job", works)
    assert ended(queue, told)["state"] == "done"


def test_a_job_that_ends_while_the_disk_is_full_has_ended_for_every_page_and_is_saved_once_there_is_room(
    queue: Jobs, library: Library, told: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    works = library.save_job

    def full(job: dict[str, Any]) -> None:
        if job["state"] == "waiting":
            return works(job)
        raise FourfloorError(FULL)

    monkeypatch.setattr(library, "save_job", full)
    job = ended(queue, told)
    assert (job["state"], job["text"]) == ("failed", FULL)
    assert library.jobs()[-1]["state"] == "waiting"
    assert waited_for(lambda: queue.latest()[-1]["state"] == "failed")  # a page that opens now
    monkeypatch.setattr(library, "save_job", works)
    assert queue.latest()[-1] == library.jobs()[-1] == job


def test_jobs_are_canceled_on_a_full_disk(
    queue: Jobs, library: Library, told: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, left = threading.Event(), threading.Event()
    monkeypatch.setattr(queue._workers["loops"], "stop", left.set)

    def slow(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
        begun.set()
        left.wait(LIMIT_SECONDS)
        yield from ()

    monkeypatch.setattr(queue._workers["loops"], "do", slow)
    running, waiting = (queue.add("generate", {})["id"] for _ in range(2))
    begun.wait(LIMIT_SECONDS)
    refuse(monkeypatch, library, "save_job", 1000)
    for number in (waiting, running):
        queue.cancel(number)
    waited_for(lambda: {told[number]["state"] for number in (waiting, running)} == {"canceled"})
    assert {job["state"] for job in queue.latest()} == {"canceled"}


def test_a_job_that_cannot_be_written_down_is_refused_and_shown_nowhere(
    queue: Jobs, library: Library, told: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch, library, "save_job", 1)
    with pytest.raises(FourfloorError, match="disk is full"):
        queue.add("generate", {})
    assert told == {}


def test_a_folder_that_was_moved_fails_its_jobs_until_it_is_back(
    queue: Jobs, library: Library, told: dict[str, dict[str, Any]]
) -> None:
    elsewhere = library.folder.with_name("elsewhere")
    library.folder.rename(elsewhere)
    assert "no worker process can start there" in ended(queue, told)["text"]
    queue.warm()  # for a page that opens: nothing to say
    elsewhere.rename(library.folder)
    assert ended(queue, told)["state"] == "done"


def test_a_worker_whose_job_is_left_says_nothing_of_it_to_the_next_one(library: Library) -> None:
    made = Worker(library.folder, "loops")
    left = made.do({"id": "a", "kind": "generate"})
    assert next(left)["id"] == "a-0"
    left.close()
    assert [message["id"] for message in made.do({"id": "b", "kind": "generate"})] == ["b-0", "b-1"]
    made.end()
