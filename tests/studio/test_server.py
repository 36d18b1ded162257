"""The server: what it answers, what it refuses, and that nothing is lost when a worker or the server dies."""

import asyncio
import concurrent.futures
import hashlib
import io
import json
import os
import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
import soundfile
from fastapi import HTTPException

import fourfloor as ff
from fourfloor.studio import streams
from fourfloor.studio.requests import Stream

from .conftest import Studio
from .looking import LIMIT_SECONDS, waited_for

TRAVERSALS = [
    f"{start}{step * depth}{target}"
    for start in ("", "/", "a-0/")
    for step in ("../", "..%2f", "%2e%2e/", "%2e%2e%2f", "..\\", "..%5c", "%252e%252e%252f")
    for depth in (1, 3, 8)
    for target in ("library.sqlite",)
]


def test_a_made_loop_is_the_file_that_the_api_makes(studio: Studio, tmp_path: Path) -> None:
    row = studio.client.get("/api/loops").json()[-1]  # the oldest: seed 3 or 4
    made = ff.load("warehouse").generate(bars=1, seed=int(row["seed"]))
    path = made.save(tmp_path / f"{row['title']}.wav", plain=True)
    sent = studio.client.get(f"/api/loops/{row['id']}/audio").content
    assert np.array_equal(soundfile.read(io.BytesIO(sent))[0], soundfile.read(path)[0])


def test_one_seed_asked_twice_at_once_gives_the_samples_it_gives_alone(studio: Studio) -> None:
    def ask(kind: str) -> str:
        return str(studio.wait(studio.ask(kind=kind, count=3, bars=1, seed="40")["id"])["id"])

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        jobs = list(pool.map(ask, ["generate", "generate"]))
    made = [[soundfile.read(studio.place / "loops" / f"{job}-{number}.wav")[0] for number in range(3)] for job in jobs]
    alone = ff.load("warehouse").generate(bars=1, seed=41).waveform.T
    assert all(np.array_equal(*pair) for pair in zip(*made, strict=True))
    assert np.abs(made[0][1] - alone).max() <= 2**-23  # as a file of 24 bits holds it


def test_loving_tagging_deleting_and_undoing(studio: Studio) -> None:
    loop = studio.client.get("/api/loops").json()[0]["id"]
    said = studio.client.patch(f"/api/loops/{loop}", json={"loved": True, "tags": [" <i>dub</i> "]}).json()
    assert (said["loved"], said["tags"]) == (1, ["<i>dub</i>"])
    assert studio.client.delete(f"/api/loops/{loop}").status_code == 200
    assert loop not in [row["id"] for row in studio.client.get("/api/loops").json()]
    assert studio.client.get(f"/api/loops/{loop}/audio").status_code == 200  # its file stays
    back = studio.client.post(f"/api/loops/{loop}/restore").json()
    assert (back["loved"], back["deleted_at"]) == (1, None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"bars": 3}, {"bpm": 500}, {"bpm": "nan"}, {"seed": "-1"}, {"seed": "9" * 30}, {"count": 0}, {"count": 10**9},
        {"model": "../warehouse"}, {"controls": {"density": 2}}, {"kind": "format"}, {"surprise": 1},
    ],
)  # fmt: skip
def test_a_wrong_request_is_one_line_and_no_job(studio: Studio, wrong: dict[str, object]) -> None:
    before = len(studio.client.get("/api/state").json()["jobs"])
    answer = studio.client.post("/api/jobs", json={"job": {"kind": "generate", **wrong}})
    assert answer.status_code == 422
    assert "\n" not in answer.json()["detail"]
    assert len(studio.client.get("/api/state").json()["jobs"]) == before


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200), ({"host": "evil.example"}, 403), ({"host": "127.0.0.1.evil.example"}, 403), ({"host": ""}, 403),
        ({"origin": "http://evil.example"}, 403), ({"origin": "null"}, 403), ({"cookie": "\"=;;=\x01"}, 200),
    ],
)  # fmt: skip
def test_other_names_and_other_pages_are_refused(studio: Studio, headers: dict[str, str], status: int) -> None:
    assert studio.client.get("/api/state", headers=headers).status_code == status


def test_the_pages_own_requests_are_answered(studio: Studio) -> None:
    origin = studio.address.rstrip("/")
    assert studio.client.get("/api/state", headers={"origin": origin}).status_code == 200


@pytest.mark.parametrize("path", TRAVERSALS)
def test_no_path_leads_out_of_the_library(studio: Studio, path: str) -> None:
    for place in (f"/api/loops/{path}/audio", f"/page/{path}", f"/api/runs/{path}", f"/api/packs/{path}"):
        address = urlsplit(studio.address)
        with socket.create_connection((address.hostname or "", address.port or 0), timeout=LIMIT_SECONDS) as raw:
            # Raw, because clients resolve dots before they send.
            raw.sendall(f"GET {place} HTTP/1.1\r\nHost: {address.netloc}\r\nConnection: close\r\n\r\n".encode())
            status = raw.makefile("rb").readline().split()[1]
        assert status in (b"404", b"422", b"405"), place


def test_a_header_of_ten_thousand_ranges_is_refused_at_once(studio: Studio) -> None:
    loop = studio.client.get("/api/loops").json()[0]["id"]
    ranges = "bytes=" + ",".join(f"{number}-{number}" for number in range(0, 6_000, 2))
    assert studio.client.get(f"/api/loops/{loop}/audio", headers={"range": ranges}).status_code == 416
    part = studio.client.get(f"/api/loops/{loop}/audio", headers={"range": "bytes=0-3"})
    assert (part.status_code, part.content) == (206, b"RIFF")


def test_the_page_is_kept_by_browsers_under_the_address_of_its_content_alone(studio: Studio) -> None:
    found = re.search(r'src="(/page/[0-9a-f]{16}/main\.js)"', studio.client.get("/").text)
    assert found
    kept, asked = studio.client.get(found[1]), studio.client.get("/page/main.js")
    assert "immutable" in kept.headers["cache-control"]
    assert asked.headers["cache-control"] == "no-cache"
    assert kept.content == asked.content
    assert found[1].rpartition("/")[0] in kept.text  # what it imports is kept as well
    assert studio.client.get(f"/page/{'0' * 16}/main.js").status_code == 404


def test_the_first_event_carries_the_state(studio: Studio) -> None:
    with studio.client.stream("GET", "/api/events") as events:
        lines = events.iter_lines()
        assert next(line for line in lines if line.startswith("event:")) == "event: ready"
        state = json.loads(next(lines).removeprefix("data:"))
    assert state == studio.client.get("/api/state").json()


def test_a_body_without_end_is_refused(studio: Studio) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(1000):
            yield b" " * 4096

    assert studio.client.post("/api/jobs", content=endless()).status_code == 413
    assert studio.client.post("/api/jobs", content=b" " * 70_000).status_code == 413


def test_what_others_may_do_with_the_page_is_said(studio: Studio) -> None:
    headers = studio.client.get("/").headers
    assert "'unsafe-inline'" not in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


def test_uploads_are_kept_by_harmless_names_and_garbage_is_named(studio: Studio) -> None:
    put = studio.client.put
    assert put("/api/uploads/drop/..%5C..%5Cevil%3A.wav", content=b"RIFF").json()["name"] == "_.._evil_.wav"
    assert put("/api/uploads/drop/notes.txt", content=b"hello").status_code == 422
    assert put("/api/uploads/drop/empty.wav", content=b"").status_code == 422
    assert sorted(path.name for path in (studio.place / "uploads" / "drop").iterdir()) == ["_.._evil_.wav"]
    job = studio.ask(kind="ingest", name="garbage", upload="drop")
    ended = studio.wait(job["id"])
    assert ended["state"] == "failed"
    assert "\n" not in ended["text"]
    assert "_.._evil_.wav: " in ended["text"]
    assert str(studio.place) not in ended["text"]  # who sent the file knows no folder of the library


def test_two_hundred_requests_at_once_meet_no_server_error(studio: Studio) -> None:
    def ask(number: int) -> int:
        with httpx.Client(base_url=studio.address, timeout=LIMIT_SECONDS) as client:
            answer = client.post("/api/jobs", json={"job": {"kind": "generate", "count": 64, "seed": str(number)}})
            if answer.status_code == 429:
                assert int(answer.headers["retry-after"]) > 0
            return int(answer.status_code)

    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        codes = list(pool.map(ask, range(200)))
    assert set(codes) <= {202, 429}
    assert codes.count(429) > 0
    live = [
        job["id"] for job in studio.client.get("/api/state").json()["jobs"] if job["state"] in ("waiting", "running")
    ]
    for job in live:
        studio.client.delete(f"/api/jobs/{job}")
    for job in live:
        studio.wait(job)


def test_streams_are_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "MOST", 0)
    with pytest.raises(HTTPException, match="stop one") as refused:
        asyncio.run(streams.Streams(tmp_path).open(Stream(model="warehouse", bpm=126.0, style=None)))
    assert refused.value.status_code == 429


JSON = {"content-type": "application/json"}


def test_what_lies_beside_a_loop_may_be_gone_and_a_title_is_more_than_spaces(studio: Studio) -> None:
    ended = studio.wait(studio.ask(kind="generate", count=1, bars=1, seed="3")["id"])
    path = f"/api/loops/{ended['id']}-0"
    outline = studio.place / "loops" / f"{ended['id']}-0.json"
    outline.write_text("{")
    assert studio.client.get(f"{path}/outline").status_code == 404
    outline.unlink()
    assert studio.client.get(f"{path}/outline").status_code == 404
    assert studio.client.patch(path, json={"title": "  "}).status_code == 422
    assert studio.client.patch(path, json={"title": " it "}).json()["title"] == "it"
    assert studio.client.patch(path, content=b"[]").json()["detail"].startswith("the body: Input should be")
    assert studio.client.patch(path, content=b"{,", headers=JSON).json()["detail"] == "the body: JSON decode error"
    kit = studio.wait(studio.ask(kind="rekit", loop=f"{ended['id']}-0", kit="~nobody-of-this-name/kit")["id"])
    assert (kit["state"], "bug" in kit["text"]) == ("failed", False)


def test_a_worker_that_dies_fails_its_job_and_the_next_one_runs(studio: Studio) -> None:
    job = studio.ask(kind="generate", count=64, bars=1)
    waited_for(lambda: studio.job(job["id"])["done"])  # before, there may be no process to kill
    for number in studio.workers():
        os.kill(number, signal.SIGKILL)
    ended = studio.wait(job["id"])
    assert ended["state"] == "failed"
    assert "SIGKILL" in ended["text"]
    waited_for(studio.workers)  # another one loads the model before there is a job
    again = studio.ask(kind="generate", count=1, bars=1, seed="3")
    assert studio.wait(again["id"])["state"] == "done"


def test_a_canceled_job_keeps_the_loops_it_made(studio: Studio) -> None:
    job = studio.ask(kind="generate", count=64, bars=1)
    made = waited_for(
        lambda: [row for row in studio.client.get("/api/loops").json() if row["id"].startswith(job["id"])]
    )
    studio.client.delete(f"/api/jobs/{job['id']}")
    assert studio.wait(job["id"])["state"] == "canceled"
    assert made[0]["id"] in [row["id"] for row in studio.client.get("/api/loops").json()]


def test_a_killed_server_goes_on_with_its_jobs_and_makes_no_loop_twice(tmp_path: Path) -> None:
    first = Studio(tmp_path / "library")
    job = first.ask(kind="generate", count=3, bars=1, seed="20")
    waited_for(lambda: first.client.get("/api/loops").json())
    first.stop(signal.SIGKILL)
    before = {path.name: hashlib.sha256(path.read_bytes()).digest() for path in first.place.glob("loops/*-0.wav")}
    second = Studio(tmp_path / "library")
    try:
        assert second.wait(job["id"])["state"] == "done"
        assert [row["id"] for row in second.client.get("/api/loops").json()].count(f"{job['id']}-0") == 1
        assert len(second.client.get("/api/loops").json()) == 3
        assert {
            name: hashlib.sha256((second.place / "loops" / name).read_bytes()).digest() for name in before
        } == before
    finally:
        second.stop()


def test_another_machine_needs_the_token() -> None:
    from fourfloor.errors import FourfloorError
    from fourfloor.studio.serving import serve

    with pytest.raises(FourfloorError, match="--token"):
        serve(Path("unused"), port=0, host="0.0.0.0")


def test_a_taken_port_is_one_line(studio: Studio, tmp_path: Path) -> None:
    from fourfloor.errors import FourfloorError
    from fourfloor.studio.serving import serve

    with pytest.raises(FourfloorError, match="--port"):
        serve(tmp_path, port=urlsplit(studio.address).port or 0)


def test_a_library_whose_folder_is_gone_fails_the_job_in_one_line_and_goes_on_when_it_is_back(tmp_path: Path) -> None:
    running = Studio(tmp_path / "library")
    try:
        (running.place / "loops").rename(running.place / "elsewhere")
        ended = running.wait(running.ask(kind="generate", count=1, bars=1, seed="3")["id"])
        assert (ended["state"], "\n" in ended["text"]) == ("failed", False)
        assert "bug" not in ended["text"]
        (running.place / "elsewhere").rename(running.place / "loops")
        assert running.wait(running.ask(kind="generate", count=1, bars=1, seed="3")["id"])["state"] == "done"
    finally:
        running.stop()
