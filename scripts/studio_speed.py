"""Measure the studio's page in a browser: how soon it is ready, and how soon the first loop is heard.

    python scripts/studio_speed.py --runs 5

starts a studio with an empty library for each run, opens its page in a new browser profile and clicks on `Make loops`
at once: four loops of four bars. Then it opens the page again and clicks once more; the model is loaded by then. It
prints the median and the range of each time in seconds, the CPU-seconds of server and worker from the second click to
the first sound, and the load of the machine before and after. It needs the extras `studio` and `test`, a chromium, and
Linux.
"""

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

SECONDS_TO_REST = 8  # for the worker to make the other loops
# Ready is a page that has shown the library: then every button works.
READY = """
() => new Promise((resolve) => {
  const shown = () => document.getElementById("count")?.textContent;
  const look = () => (shown() ? resolve(performance.now() / 1000) : setTimeout(look, 2));
  look();
})
"""
# The clock starts with the click and stops when the first loop is heard: a place of the transport is one that is heard.
HEARD = """
() => new Promise((resolve) => {
  const marks = {}, began = performance.now();
  const mark = (name, at = performance.now()) => (marks[name] ??= (at - began) / 1000);
  const seen = new PerformanceObserver((list) => {
    for (const { name, responseEnd } of list.getEntries()) {
      if (name.endsWith('/api/jobs')) mark('the job is accepted', responseEnd);
      if (name.endsWith('/audio')) mark('its audio is here', responseEnd);
    }
  });
  seen.observe({ type: 'resource' });
  const before = document.querySelectorAll('.card').length;
  document.querySelector('#make button[type=submit]').click();
  const look = () => {
    if (document.querySelectorAll('.card').length > before) mark('a loop is done');
    const { transport } = fourfloor;
    const [name] = transport?.tracks.keys() ?? [];
    if (!name || transport.place(name) === null) return setTimeout(look, 10);
    mark('it is heard');
    seen.disconnect();
    resolve(marks);
  };
  look();
})
"""


@contextmanager
def studio() -> Iterator[tuple[str, int]]:
    """Serve an empty library; yield the address and the server's process number."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "fourfloor", "studio", "--no-open", "--port", "0", "--library", folder]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            found = re.search(r"http://[^/\s]+/", process.stdout.readline())
            assert found
            yield found[0], process.pid
        finally:
            process.terminate()
            process.wait(30)


def cpu_seconds(process: int) -> float:
    """Return the CPU-seconds of a process and of its children so far."""
    tasks = Path(f"/proc/{process}/task").glob("*/children")
    own = [
        Path(f"/proc/{number}/stat") for number in (process, *(n for path in tasks for n in path.read_text().split()))
    ]
    fields = [path.read_text().rpartition(")")[2].split() for path in own]
    return sum(int(one[11]) + int(one[12]) for one in fields) / os.sysconf("SC_CLK_TCK")


def visit(page: Page, address: str) -> float:
    """Open the address and return the seconds until the page is ready."""
    page.goto("about:blank")
    page.goto(address, wait_until="commit")
    return float(page.evaluate(READY))


def measure(browser: Browser) -> dict[str, float]:
    """Return the seconds of one run."""
    with studio() as (address, process):
        page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        first = visit(page, address)
        cold = page.evaluate(HEARD)["it is heard"]
        page.wait_for_timeout(1000 * SECONDS_TO_REST)
        again = visit(page, address)
        page.wait_for_timeout(1000)
        spent = cpu_seconds(process)
        marks: dict[str, float] = page.evaluate(HEARD)
        spent = cpu_seconds(process) - spent
        page.context.close()
    return {
        "ready, first visit": first, "ready, next visit": again, "heard, first click": cold,
        **{f"next click: {name}": seconds for name, seconds in marks.items()}, "CPU-seconds": spent,
    }  # fmt: skip


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    times: dict[str, list[float]] = defaultdict(list)
    load = os.getloadavg()[0]
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=options)
        for _ in range(runs):
            for name, seconds in measure(browser).items():
                times[name].append(seconds)
        browser.close()
    print(f"load {load:.1f} before, {os.getloadavg()[0]:.1f} after; {runs} runs")
    for name, values in times.items():
        print(f"{name:32} {statistics.median(values):5.2f} s  ({min(values):.2f} to {max(values):.2f})")


if __name__ == "__main__":
    main()
