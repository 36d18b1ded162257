"""A studio that runs as `fourfloor studio` does, with two loops in its library, and a browser on it."""

import contextlib
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import sync_playwright

from .looking import LIMIT_SECONDS, waited_for

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
NO_BROWSER = "no browser for tests: apt-get install chromium"


class Studio:
    """A running studio: its process, its address, its library, and a client."""

    def __init__(self, library: Path, port: str = "0", options: Sequence[str] = ()) -> None:
        self.place = library
        command = [sys.executable, "-m", "fourfloor", "studio", "--no-open", "--port", port, "--library", str(library)]
        self.process = subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        found = re.search(r"http://[^/\s]+/", self.process.stdout.readline())
        assert found
        self.address = found[0]
        # The server closes an idle connection after 5 s; it is not to do so while the client begins to use it again.
        limits = httpx.Limits(keepalive_expiry=1)
        self.client = httpx.Client(base_url=self.address, timeout=LIMIT_SECONDS, limits=limits)

    def ask(self, **job: Any) -> dict[str, Any]:
        """Ask for a job."""
        answer = self.client.post("/api/jobs", json={"job": job})
        assert answer.status_code == 202, answer.text
        return dict(answer.json())

    def job(self, number: str) -> dict[str, Any]:
        """Return a job as it stands."""
        return dict(next(job for job in self.client.get("/api/state").json()["jobs"] if job["id"] == number))

    def wait(self, number: str, *states: str) -> dict[str, Any]:
        """Wait until a job has one of the states, by default until it has ended."""
        wanted = states or ("done", "failed", "canceled")
        return waited_for(lambda: next((job for job in [self.job(number)] if job["state"] in wanted), {}))

    def rest(self) -> None:
        """Wait until no job waits or runs, empty the clip grid and restore all loops."""
        live = ("waiting", "running")
        waited_for(lambda: not any(job["state"] in live for job in self.client.get("/api/state").json()["jobs"]))
        for place in self.client.get("/api/state").json()["grid"]:
            self.client.put(f"/api/grid/{place}", json={"loop": None}).raise_for_status()
        for row in self.client.get("/api/loops?deleted=true").json():
            self.client.post(f"/api/loops/{row['id']}/restore").raise_for_status()

    def workers(self) -> list[int]:
        """List the process numbers of the server's living children."""
        found = []
        for path in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):  # it has ended
                state, parent = path.read_text().rpartition(")")[2].split()[:2]
                if int(parent) == self.process.pid and state != "Z":
                    found.append(int(path.parent.name))
        return found

    def commands(self) -> dict[int, bytes]:
        """Return the command lines of the server's children by their process numbers."""
        found = {}
        for number in self.workers():
            with contextlib.suppress(OSError):  # it has ended
                found[number] = Path(f"/proc/{number}/cmdline").read_bytes()
        return found

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Stop the server as a terminal does."""
        self.client.close()
        self.process.send_signal(number)
        self.process.wait(LIMIT_SECONDS)


@pytest.fixture(scope="session")
def running_studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    running = Studio(tmp_path_factory.mktemp("studio") / "library")
    try:
        made = running.ask(kind="generate", count=2, bars=1, seed="3")
        assert running.wait(made["id"])["state"] == "done"
        yield running
    finally:
        running.stop()


@pytest.fixture
def studio(running_studio: Studio) -> Studio:
    """Return the studio at rest: what another test has begun would change loops, jobs and clips meanwhile."""
    running_studio.rest()
    return running_studio


@pytest.fixture
def two(studio: Studio) -> Iterator[list[str]]:
    """Two loops as they were made: no tags, not loved, not deleted."""
    made = [row["id"] for row in studio.client.get("/api/loops").json() if row["verb"] == "generate"][-2:]
    yield made
    for name in made:
        studio.client.post(f"/api/loops/{name}/restore")
        studio.client.patch(f"/api/loops/{name}", json={"tags": [], "loved": False})


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if BROWSER is None:
        pytest.skip(NO_BROWSER)
    with sync_playwright() as driver:
        # Neither root nor most containers may set up its sandbox; the pages are our own.
        opened = driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def empty_page(browser: Any) -> Iterator[Any]:
    """Open a page that waits as long as a loaded machine takes, and let no error of its scripts pass."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(LIMIT_SECONDS * 1000)
    opened = context.new_page()
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    yield opened
    context.close()
    assert problems == []


@pytest.fixture
def page(empty_page: Any, studio: Studio) -> Any:
    empty_page.goto(studio.address)
    empty_page.wait_for_selector(".card")
    return empty_page
