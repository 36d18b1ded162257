"""What is made of a loop of the library: its parts beside it, the music nearest to it, steps to another one."""

import io
from pathlib import Path
from typing import get_args

import httpx
import numpy as np
import pytest
import soundfile

from fourfloor.audio import AudioError, LoopTags, write_loop
from fourfloor.editing.rekit import BASSES
from fourfloor.producer import render_loop
from fourfloor.studio import own
from fourfloor.studio.changing import _training_music
from fourfloor.studio.requests import Rekit

from .conftest import Studio


def wave(answer: httpx.Response) -> np.ndarray:
    assert answer.status_code == 200, answer.text
    return np.asarray(soundfile.read(io.BytesIO(answer.content), dtype="int32")[0])


def tone(seconds: float, rate: int = 44_100, channels: int = 2, peak: float = 0.5) -> np.ndarray:
    time = np.arange(round(seconds * rate)) / rate
    return np.tile(peak * np.sin(2 * np.pi * 110 * time), (channels, 1)).T


def test_stems_and_notes_lie_beside_the_loop_and_are_known_to_every_page(studio: Studio) -> None:
    loop = studio.client.get("/api/loops").json()[-1]["id"]
    assert studio.client.get(f"/api/loops/{loop}/stems/kick").status_code == 404
    for kind in ("stems", "midi"):
        ended = studio.wait(studio.ask(kind=kind, loop=loop)["id"])
        assert ended["state"] == "done", ended
    stems = [wave(studio.client.get(f"/api/loops/{loop}/stems/{name}")) for name in ("kick", "drums", "bass", "music")]
    assert np.array_equal(sum(stems), wave(studio.client.get(f"/api/loops/{loop}/audio")))
    midi = studio.client.get(f"/api/loops/{loop}/midi")
    assert midi.content[:4] == b"MThd"
    row = next(row for row in studio.client.get("/api/loops").json() if row["id"] == loop)
    assert midi.headers["content-disposition"].endswith(f'filename="{row["title"]}.mid"')
    assert set(row["parts"]) >= {"stems", "midi"}
    assert sum(row["parts"]["midi"].values()) > 0
    assert studio.client.get(f"/api/loops/{loop}/stems/vocals").status_code == 422


def test_the_nearest_training_music_is_rendered_again(studio: Studio) -> None:
    row = studio.client.get("/api/loops").json()[-1]
    ended = studio.wait(studio.ask(kind="passage", loop=row["id"])["id"])
    track, _, place = row["nearest"].rpartition(" @ ")
    if not track.startswith("produced-"):
        assert track in ended["text"]
        return
    heard = wave(studio.client.get(f"/api/loops/{row['id']}/passage")).T / 2**31
    made = np.roll(render_loop(int(track.removeprefix("produced-"))).waveform, -round(float(place[:-2]) * 44_100), 1)
    assert heard.shape == made.shape
    gain = float((heard * made).sum() / (made * made).sum())
    assert np.abs(heard - gain * made).max() < 1e-5


def test_music_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="kenta/bgm1"):
        _training_music("kenta/bgm1.ogg", 3.0, "warehouse")


def test_a_loop_is_morphed_into_another_one_and_both_ends_are_left_out(studio: Studio) -> None:
    first, second = [row for row in studio.client.get("/api/loops").json() if row["verb"] == "generate"][-2:]
    job = studio.ask(kind="morph", loop=first["id"], other=second["id"], steps=3, seed="1")
    assert studio.wait(job["id"])["state"] == "done"
    made = [row for row in studio.client.get("/api/loops").json() if row["id"].startswith(job["id"])]
    assert len(made) == 3
    assert {row["parent"] for row in made} == {first["id"]}
    assert all(first["title"] in row["title"] for row in made)
    order = studio.client.get(f"/api/loops/{first['id']}/similar").json()
    assert order.index(made[0]["id"]) < order.index(second["id"])


def test_own_files_become_loops_and_the_others_are_named(studio: Studio) -> None:
    for name, content in {"good.wav": tone(2.0, 48_000, 1), "odd_126bpm.wav": tone(2.0), "noise.wav": None}.items():
        file = io.BytesIO()
        if content is None:
            file.write(b"RIFF no audio")
        else:
            soundfile.write(file, content, 48_000 if name == "good.wav" else 44_100, format="WAV")
        studio.client.put(f"/api/uploads/own/{name}", content=file.getvalue())
    ended = studio.wait(studio.ask(kind="import", upload="own")["id"])
    assert ended["state"] == "done"
    assert [one["file"] for one in ended["result"]["refused"]] == ["noise.wav", "odd_126bpm.wav"]
    assert "whole bars" in ended["result"]["refused"][1]["reason"]
    row = next(row for row in studio.client.get("/api/loops").json() if row["title"] == "good")
    assert (row["verb"], row["bpm"], row["bars"], row["frames"]) == ("import", 120.0, 1, 88_200)
    assert row["tags"] == ["was 48000 Hz", "was mono", "tempo by length"]
    assert not (studio.place / "uploads" / "own").exists()
    changed = studio.wait(studio.ask(kind="vary", loop=row["id"], amount=0.4, count=1)["id"])
    assert changed["state"] == "done"


def test_an_upload_of_garbage_alone_fails_with_its_reason(studio: Studio) -> None:
    studio.client.put("/api/uploads/bad/noise.wav", content=b"RIFF no audio")
    ended = studio.wait(studio.ask(kind="import", upload="bad")["id"])
    assert (ended["state"], ended["text"].startswith("noise.wav: ")) == ("failed", True)
    answer = studio.client.post("/api/jobs", json={"job": {"kind": "import", "upload": "nothing"}})
    assert answer.status_code == 422


@pytest.mark.parametrize(
    ("name", "seconds", "tag", "asked", "tempo"),
    [
        ("loop", 8 * 240 / 174, None, None, 174.0),
        ("loop", 4 * 240 / 126.5, None, None, 126.5),
        ("loop_90bpm", 4 * 240 / 90, None, None, 90.0),  # as long as 8 bars of 180 BPM
        ("loop_120bpm", 4 * 240 / 130, 130.0, None, 130.0),
        ("loop_120bpm", 4 * 240 / 130, None, 130.0, 130.0),
    ],
)
def test_the_tempo_is_asked_for_or_the_tags_or_the_names_or_the_lengths(
    tmp_path: Path, name: str, seconds: float, tag: float | None, asked: float | None, tempo: float
) -> None:
    path = tmp_path / f"{name}.wav"
    samples = tone(seconds).T.astype(np.float32)
    write_loop(path, samples, LoopTags(bpm=tag, bars=4, title="x", key="Amin") if tag else None)
    loop, _ = own.read(path, asked)
    assert loop.bpm == pytest.approx(tempo, abs=0.01)
    assert loop.key == ("Amin" if tag else None)


@pytest.mark.parametrize(("seconds", "says"), [(0.9, "whole bars"), (40.0, "8 bars"), (3 * 240 / 126, "1, 2, 4 or 8")])
def test_what_is_no_loop_is_said(tmp_path: Path, seconds: float, says: str) -> None:
    write_loop(tmp_path / "x.wav", tone(seconds).T.astype(np.float32), None)
    with pytest.raises(AudioError, match=says):
        own.read(tmp_path / "x.wav", 126.0 if seconds > 5 else None)


def test_a_loud_file_is_turned_down(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "x.wav", tone(2.0, peak=1.5), 44_100, subtype="FLOAT")
    loop, notes = own.read(tmp_path / "x.wav")
    assert np.abs(loop.waveform).max() == pytest.approx(1.0)
    assert notes == ["tempo by length", "turned down"]


def test_every_sound_of_the_bass_may_be_asked_for() -> None:
    assert get_args(Rekit.model_fields["bass"].annotation) == BASSES
