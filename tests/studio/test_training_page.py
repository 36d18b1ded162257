"""The page of a person's own tracks: from files to a tuned model, with a stop and a reload on the way."""

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from fourfloor.producer import render_loop

from .conftest import Studio
from .looking import LIMIT_SECONDS, faults, until

PATIENT = 3 * LIMIT_SECONDS * 1000  # on a loaded machine
EVIL = '<img src=x onerror="window.evil=1">.wav'


def track(first_seed: int, bpm: float) -> bytes:
    """Return a track of sixteen bars as FLAC."""
    loops = [render_loop(first_seed + number, "tech house", bpm=bpm).waveform for number in range(4)]
    waveform = np.concatenate(loops, axis=1)
    file = io.BytesIO()
    soundfile.write(file, 0.7 * waveform.T / np.abs(waveform).max(), 44_100, format="FLAC")
    return file.getvalue()


def test_tracks_become_a_model_that_is_in_the_menu(page: Any, studio: Studio, tmp_path: Path) -> None:
    page.click("[data-view=tracks]")
    page.get_by_role("button", name="Cut into loops").click()
    page.get_by_text("Drop tracks, choose some, or name a folder").wait_for()  # and no job
    files = {"one.flac": track(50, 126.0), "two.flac": track(60, 128.0), EVIL: b"RIFF no audio", "notes.txt": b"hello"}
    page.set_input_files(
        "#files", [{"name": name, "mimeType": "audio/x", "buffer": content} for name, content in files.items()]
    )
    page.get_by_text("notes.txt: is not an audio file").wait_for()
    page.locator("#drop[data-state^='3 of 4 files']").wait_for()
    page.fill("#ingest [name=name]", "mine")
    page.get_by_role("button", name="Cut into loops").click()
    page.locator("#report caption", has_text="from 2 of 3 files").wait_for(timeout=PATIENT)
    refused = page.locator("#report .refused")
    assert "onerror" in refused.text_content()
    assert "no audio that can be decoded" in refused.text_content()
    assert page.evaluate("window.evil") is None

    page.fill("#train [name=minutes]", "30")
    page.route("**/api/runs/mine", lambda route: route.fulfill(status=404))  # as it is before the first step
    with page.expect_response("**/api/runs/mine", timeout=PATIENT):
        page.get_by_role("button", name="Tune the model").click()
    page.locator("#training-jobs", has_text="step").wait_for(timeout=PATIENT)
    assert page.locator(".toast", has_text="refused").count() == 0
    page.unroute_all()
    page.reload()
    page.locator("#training-jobs progress").wait_for(timeout=PATIENT)
    until(page, "document.querySelectorAll('#curve polyline.loss').length === 1")
    assert page.locator("#report caption").count() == 1
    page.get_by_role("button", name="Stop and save").click()
    page.get_by_text("Tuning mine has stopped and is saved").wait_for(timeout=PATIENT)
    assert page.locator("#training-jobs li", has_text="Tuning").count() == 0

    steps = studio.client.get("/api/runs/mine").json()["curve"][-1]["step"]
    page.fill("#train [name=minutes]", "0.1")
    page.get_by_role("button", name="Go on tuning").click()
    page.locator(".toast", has_text="mine is in the menu").or_(
        page.locator(".toast", has_text="changed nothing")
    ).wait_for(timeout=PATIENT)
    assert studio.client.get("/api/runs/mine").json()["curve"][-1]["step"] >= steps
    page.locator("#told li", has_text="step").first.wait_for()
    page.locator("#sounds li").first.get_by_role("button").click()
    until(page, "fourfloor.transport?.tracks.size === 1")
    assert page.locator("#make [name=model] option").all_text_contents() == ["warehouse", "mine"]
    for theme in ("dark", "light"):
        page.emulate_media(color_scheme=theme)
        assert faults(page) == []
    page.click("[data-view=loops]")
    page.select_option("#make [name=model]", label="mine")
    page.fill("#make [name=count]", "1")
    page.select_option("#make [name=bars]", "1")
    page.click("#make button[type=submit]")
    page.locator(".card .name", has_text=re.compile(r"^mine \d+$")).wait_for(timeout=PATIENT)
