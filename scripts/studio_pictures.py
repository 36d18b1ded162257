"""Take the pictures of docs/studio.md: every view of the studio with loops, versions and a training in it.

    python scripts/studio_pictures.py docs/studio

starts a studio with an empty library, makes everything that is shown (five minutes on two cores), and writes WebP
files. It needs the extras `train` and `test`, and a chromium.
"""

import argparse
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import soundfile
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from fourfloor.producer import render_loop

WIDE, PHONE = (1280, 900), (375, 800)
QUALITY = 72


@contextmanager
def studio(*options: str) -> Iterator[str]:
    """Serve a library and yield the address."""
    command = [sys.executable, "-m", "fourfloor", "studio", "--no-open", "--port", "0", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        found = re.search(r"http://[^/\s]+/", process.stdout.readline())
        assert found
        yield found[0]
    finally:
        process.terminate()
        process.wait(30)


def do(client: httpx.Client, **job: Any) -> list[dict[str, Any]]:
    """Do a job and return the loops it made."""
    asked = client.post("/api/jobs", json={"job": job}).raise_for_status().json()["id"]
    while True:
        now = next(one for one in client.get("/api/state").json()["jobs"] if one["id"] == asked)
        if now["state"] == "failed":
            raise SystemExit(f"{job['kind']}: {now['text']}")
        if now["state"] == "done":
            return [row for row in client.get("/api/loops").json() if row["id"].startswith(asked)][::-1]
        time.sleep(0.2)


def fill(client: httpx.Client) -> dict[str, str]:
    """Make loops, parts, versions and a training; return the loops that the pictures are about."""
    for number, bpm in enumerate((124.0, 128.0)):
        loops = [render_loop(50 + 10 * number + step, "tech house", bpm=bpm).waveform for step in range(4)]
        file = io.BytesIO()
        soundfile.write(file, 0.5 * np.concatenate(loops, axis=1).T, 44_100, format="FLAC")
        client.put(f"/api/uploads/tracks/track {number + 1}.flac", content=file.getvalue()).raise_for_status()
    client.put("/api/uploads/tracks/cover.wav", content=b"RIFF, and nothing more").raise_for_status()
    do(client, kind="ingest", name="mine", upload="tracks")
    do(client, kind="train", name="mine", dataset="mine", minutes=1.5)
    made = do(client, kind="generate", count=4, bars=4, seed="30")
    made += do(client, kind="generate", count=2, bars=4, seed="40", style="deep house")
    first = made[-1]["id"]
    likes = do(client, kind="vary", loop=first, amount=0.3, count=2, seed="1")
    filled = do(client, kind="fill", loop=likes[0]["id"], first_beat=9, last_beat=16, seed="2")[0]["id"]
    do(client, kind="stems", loop=filled)
    do(client, kind="midi", loop=filled)
    client.patch(f"/api/loops/{filled}", json={"loved": True, "tags": ["for the set"]})
    client.patch(f"/api/loops/{made[0]['id']}", json={"loved": True})
    for place, row in zip((0, 1, 2, 3, 4, 8, 9, 10, 17), client.get("/api/loops").json(), strict=False):
        client.put(f"/api/grid/{place}", json={"loop": row["id"]})
    return {"filled": filled, "first": first}


def shoot(page: Page, out: Path, name: str) -> None:
    """Write what the page shows."""
    page.wait_for_timeout(900)
    picture = Image.open(io.BytesIO(page.screenshot()))
    picture.save(out / f"{name}.webp", quality=QUALITY, method=6)


def views(page: Page, address: str, loops: dict[str, str], out: Path, form: str) -> None:
    """Take the pictures of all views; `form` ends their names."""
    page.goto(address)
    page.wait_for_selector(".card")
    card = page.locator(f".card[data-id='{loops['filled']}']")
    card.get_by_role("button", name="Play", exact=False).first.click()
    shoot(page, out, f"loops{form}")
    card.locator(".more").click()
    shoot(page, out, f"menu{form}")
    page.keyboard.press("Escape")
    card.focus()
    page.keyboard.press("h")
    shoot(page, out, f"history{form}")
    page.keyboard.press("Escape")
    page.keyboard.press("2")
    for place in (1, 2):
        page.locator(f".pad[data-key='{place}']").click()
    page.wait_for_timeout(2500)
    shoot(page, out, f"grid{form}")
    page.keyboard.press("3")
    shoot(page, out, f"map{form}")
    page.keyboard.press("4")
    shoot(page, out, f"tracks{form}")
    page.locator("#watch").scroll_into_view_if_needed()
    shoot(page, out, f"training{form}")
    page.keyboard.press("?")
    shoot(page, out, f"keys{form}")


def main() -> None:
    """Take all pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder for the pictures")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder, studio("--library", folder) as address, sync_playwright() as driver:
        loops = fill(httpx.Client(base_url=address, timeout=60))
        options = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = driver.chromium.launch(executable_path=chromium, args=options)
        for size, form in ((WIDE, ""), (WIDE, "-light"), (PHONE, "-phone")):
            page = browser.new_page(viewport={"width": size[0], "height": size[1]})
            page.emulate_media(color_scheme="light" if form == "-light" else "dark")
            views(page, address, loops, out, form)
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
