"""What the producer writes: datasets, WAV, stems and MIDI; and the kits it reads."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from fourfloor.audio import decode, read_tags
from fourfloor.errors import FourfloorError
from fourfloor.ingestion.catalogue import load
from fourfloor.producer import Event, load_kit, produce, render_loop
from fourfloor.producer.drums import hat, kick
from fourfloor.producer.kits import role_by_name, role_by_sound
from fourfloor.producer.midi import DRUMS, TICKS_PER_BEAT, midi_bytes, variable_length
from fourfloor.producer.writing import Order

RATE = 22_050
SMALL: dict[str, Any] = {"bars": 1, "sample_rate": RATE, "style": "minimal"}


class InterruptedRunError(Exception):
    """Stands for the user's Ctrl-C."""


def test_a_dataset_is_the_same_for_any_jobs_and_after_an_interruption(tmp_path: Path) -> None:
    whole = produce(tmp_path / "whole", count=4, seed=2, jobs=1, **SMALL)
    assert [track.style for track in whole.tracks] == ["minimal"] * 4
    assert {loop.track for loop in whole.loops} == {0, 1, 2, 3}
    assert whole.indices("validation") == [3]

    def interrupt(done: float, total: float, name: str) -> None:
        if done == 2:
            raise InterruptedRunError

    with pytest.raises(InterruptedRunError):
        produce(tmp_path / "parts", count=4, seed=2, jobs=2, on_progress=interrupt, **SMALL)
    assert not (tmp_path / "parts").exists()
    rendered = {path: path.stat().st_mtime_ns for path in (tmp_path / ".parts.fourfloor" / "scratch").glob("*.npz")}
    assert len(rendered) >= 2
    calls: list[int] = []
    resumed = produce(
        tmp_path / "parts", count=4, seed=2, jobs=2, on_progress=lambda done, *_: calls.append(done), **SMALL
    )
    assert calls[0] >= 2
    assert resumed.data_hash == whole.data_hash
    assert sorted(os.listdir(tmp_path)) == ["parts", "parts-files", "whole", "whole-files"]
    assert load(tmp_path / "parts").data_hash == whole.data_hash


def test_a_killed_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    control = produce(tmp_path / "whole", count=8, seed=3, jobs=1, **SMALL)
    arguments = f"{str(tmp_path / 'cut')!r}, count=8, seed=3, jobs=2, **{SMALL}"
    command = f"""
import os
from fourfloor.producer import produce
produce({arguments}, on_progress=lambda done, *_: done == 2 and os.kill(os.getpid(), {signal.SIGKILL}))
"""
    assert subprocess.run([sys.executable, "-c", command]).returncode == -signal.SIGKILL
    parts = tmp_path / ".cut.fourfloor" / "scratch"
    assert 2 <= len(list(parts.glob("*.npz"))) <= 8
    assert not (tmp_path / "cut").exists()
    calls: list[int] = []
    resumed = produce(
        tmp_path / "cut", count=8, seed=3, jobs=2, on_progress=lambda done, *_: calls.append(done), **SMALL
    )
    assert calls[0] >= 2
    assert resumed.data_hash == control.data_hash
    assert (tmp_path / "cut-files" / "events.jsonl").read_bytes() == (
        tmp_path / "whole-files" / "events.jsonl"
    ).read_bytes()


def test_a_dataset_holds_the_loops_that_seeds_render(tmp_path: Path) -> None:
    made = produce(tmp_path / "one", count=1, seed=7, jobs=1, stems=True, midi=True, wav=True, **SMALL)
    loop = render_loop(7_000_000, "minimal", 1, sample_rate=RATE)
    row = made.loops[0]
    assert (row.bpm, row.key) == (loop.bpm, loop.key)
    stored = made.waveform(0)
    gain = np.float32(10 ** (row.gain_db / 20))
    assert np.abs(stored - gain * loop.waveform).max() < 1 / 32_000
    files = sorted((tmp_path / "one-files").iterdir())
    wav = next(path for path in files if path.suffix == ".wav")
    tags = read_tags(wav)
    assert tags is not None
    assert (tags.bpm, tags.bars, tags.key) == (loop.bpm, 1, loop.key)
    assert np.abs(decode(wav, RATE) - loop.waveform).max() < 1e-6
    stems = {path.stem.rsplit("_", 1)[1] for path in next(path for path in files if path.is_dir()).iterdir()}
    assert stems == set(loop.stems)
    assert next(path for path in files if path.suffix == ".mid").read_bytes() == midi_bytes(loop.events, loop.bpm, 1)


def test_events_are_in_a_file_beside_the_dataset(tmp_path: Path) -> None:
    made = produce(tmp_path / "two", count=2, seed=7, jobs=1, bars=1, sample_rate=RATE, style="acid house")
    rows = [json.loads(line) for line in (tmp_path / "two-files" / "events.jsonl").read_text().splitlines()]
    assert [row["loop"] for row in rows] == [0, 1]
    for row, stored, track in zip(rows, made.loops, made.tracks, strict=True):
        loop = render_loop(row["seed"], "acid house", 1, sample_rate=RATE)
        assert (row["bpm"], row["bars"], row["key"], row["style"]) == (stored.bpm, 1, stored.key, track.style)
        assert (row["key"], row["mode"]) == (loop.key, loop.mode)
        told = [
            (name, start, duration, pitch, velocity, bool(slide))
            for name, notes in row["events"].items()
            for start, duration, pitch, velocity, *slide in notes
        ]
        played = [
            (e.instrument, round(e.start, 4), round(e.duration, 4), e.pitch, round(e.velocity, 3), e.slide)
            for e in loop.events
        ]
        assert sorted(told) == sorted(played)


def read_midi(content: bytes) -> list[list[tuple[int, bytes]]]:
    """Read (tick, message) of every event, one list a track."""
    tracks, position = [], 14
    while position < len(content):
        assert content[position : position + 4] == b"MTrk"
        end = position + 8 + int.from_bytes(content[position + 4 : position + 8], "big")
        position, tick = position + 8, 0
        messages: list[tuple[int, bytes]] = []
        while position < end:
            delta = 0
            while content[position] & 0x80:
                delta, position = (delta << 7) | (content[position] & 0x7F), position + 1
            tick += (delta << 7) | content[position]
            size = 3 + content[position + 3] if content[position + 1] == 0xFF else 3
            messages.append((tick, content[position + 1 : position + 1 + size]))
            position += 1 + size
        tracks.append(messages)
    return tracks


def test_midi_tells_every_event_but_the_softer_of_two_at_once() -> None:
    loop = render_loop(9, "trance", bars=2, sample_rate=16_000)
    expected: dict[tuple[bool, str, int, int], int] = {}
    for event in loop.events:
        start = min(round(event.start * TICKS_PER_BEAT), 8 * TICKS_PER_BEAT - 1)
        drum = event.instrument in DRUMS
        place = (drum, "" if drum else event.instrument, start, round(event.pitch))
        expected[place] = max(expected.get(place, 1), round(127 * event.velocity))
    told = [
        (tick, m[1], m[2])
        for track in read_midi(midi_bytes(loop.events, loop.bpm, 2))
        for tick, m in track
        if m[0] >> 4 == 9
    ]
    assert sorted(told) == sorted((start, pitch, loud) for (_, _, start, pitch), loud in expected.items())


def test_midi_lasts_as_long_as_the_loop_for_readers_that_ignore_the_end_of_track() -> None:
    conductor, drums = read_midi(
        midi_bytes([Event(instrument="kick", start=0, duration=1, pitch=36, velocity=1)], 120, 2)
    )
    assert [(tick, message[:2]) for tick, message in conductor] == [
        (0, b"\xff\x51"), (0, b"\xff\x58"), (3840, b"\xff\x58"), (3840, b"\xff\x2f")]  # fmt: skip
    assert [(tick, message[0]) for tick, message in drums] == [(0, 0xFF), (0, 0x99), (480, 0x89), (3840, 0xFF)]
    assert drums[0][1] == b"\xff\x03\x04kick"


def test_midi_holds_no_note_whose_pitch_sounds_already() -> None:
    notes = [("clap", 0, 2, 0.5), ("snare", 1, 2, 0.5), ("snare", 1, 3, 0.9), ("clap", 3, 9, 0.7), ("bass", 0, 4, 0.7)]
    events = [Event(instrument=i, start=s, duration=d, pitch=39, velocity=v) for i, s, d, v in notes]
    _, bass, clap, snare = read_midi(midi_bytes(events, 120, 1))
    told = [[(tick / 480, message[0] >> 4, message[2]) for tick, message in t[1:-1]] for t in (bass, clap, snare)]
    assert told == [[(0, 9, 89), (4, 8, 0)], [(0, 9, 64), (1, 8, 0), (3, 9, 89), (4, 8, 0)], [(1, 9, 114), (3, 8, 0)]]


def test_midi_numbers_follow_the_standard() -> None:
    assert [variable_length(n) for n in (0, 0x7F, 0x80, 0x3FFF, 0x4000)] == [
        b"\x00", b"\x7f", b"\x81\x00", b"\xff\x7f", b"\x81\x80\x00"]  # fmt: skip
    tempo = midi_bytes([Event(instrument="kick", start=0, duration=1, pitch=36, velocity=1)], 120, 1)
    assert b"\xff\x51\x03" + (500_000).to_bytes(3, "big") in tempo


@pytest.mark.parametrize(
    ("name", "role"),
    [("BD_808 01", "kick"), ("Kick-Hard", "kick"), ("drum_cymbal_open", "open"), ("hh closed", "hat"),
     ("ClosedHat3", "hat"), ("Clap 2", "clap"), ("SN_tight", "snare"), ("rimshot", "rim"), ("perc_bell", "percussion"),
     ("loop_amen", None), ("xyz", None)],
)  # fmt: skip
def test_names_tell_roles(name: str, role: str | None) -> None:
    assert role_by_name(name) == (role, role is not None or name == "loop_amen")


def test_sounds_tell_roles() -> None:
    rng = np.random.default_rng(0)
    assert role_by_sound(kick(rng, RATE, "909", 50), RATE) == "kick"
    assert role_by_sound(hat(rng, RATE, "noise", 0.04), RATE) == "hat"


def test_a_kit_changes_the_sound_and_not_the_music(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    one_shots = {
        "my kick.wav": np.sin(np.arange(4000) * 0.02) * np.exp(-np.arange(4000) / 900),
        "x.wav": rng.standard_normal(900),
    }
    for name, hit in one_shots.items():
        soundfile.write(tmp_path / name, 0.5 * hit / np.abs(hit).max(), RATE)
    kit = load_kit(tmp_path, RATE)
    assert set(kit.samples) >= {"kick"}
    plain, own = (render_loop(12, "peak-time techno", 1, sample_rate=RATE, kit=chosen) for chosen in (None, kit))
    assert plain.events == own.events
    first = next(event for event in own.events if event.instrument == "kick")
    start = round(first.start * own.waveform.shape[1] / 4)
    heard, wanted = own.stems["kick"][0, start : start + 3000], kit.samples["kick"][0][:3000]
    assert np.corrcoef(heard, wanted)[0, 1] > 0.99
    assert np.abs(np.corrcoef(plain.stems["kick"][0, start : start + 3000], wanted)[0, 1]) < 0.99


def test_a_kit_is_read_again_where_a_file_was_added_or_changed(tmp_path: Path) -> None:
    def write_hit(name: str, radians: float) -> None:
        hit = np.exp(-np.arange(3000) / 400) * np.sin(np.arange(3000) * radians)
        soundfile.write(tmp_path / name, hit, RATE)

    write_hit("kick.wav", 0.02)
    first = load_kit(tmp_path, RATE)
    assert load_kit(tmp_path, RATE) is first
    write_hit("snare.wav", 0.05)
    second = load_kit(tmp_path, RATE)
    assert set(second.samples) == {"kick", "snare"}
    write_hit("kick.wav", 0.03)
    assert len({first.content, second.content, load_kit(tmp_path, RATE).content}) == 3


def test_a_run_goes_on_only_with_loops_of_the_same_order(tmp_path: Path) -> None:
    order = Order(
        seed=0, style=None, bars=1, bpm=None, density=None, energy=None, sample_rate=RATE, kit=None, files=tmp_path,
        wav=False, stems=False, midi=False, truth=False,
    )  # fmt: skip
    other: dict[str, Any] = {
        "seed": 1, "style": "minimal", "bars": 2, "bpm": 120.0, "density": 0.5, "energy": 0.5, "sample_rate": 44_100,
        "wav": True, "stems": True, "midi": True, "truth": True,
    }  # fmt: skip
    changed = [replace(order, **{name: value}) for name, value in other.items()]
    prints = [order.fingerprint(""), order.fingerprint("kit"), *(one.fingerprint("") for one in changed)]
    assert len(set(prints)) == len(prints) == len(fields(Order))
    assert replace(order, files=tmp_path / "elsewhere", kit=tmp_path).fingerprint("") == order.fingerprint("")


def test_what_cannot_be_produced_is_refused_in_one_line(tmp_path: Path) -> None:
    for options, reason in (
        ({"count": 0}, "count 0"), ({"style": "polka"}, "is unknown"), ({"jobs": -1}, "jobs -1"),
        ({"kit": tmp_path}, "one-shots"), ({"validation_share": 1.0}, "validation_share 1"),
        ({"density": float("nan")}, "density is nan"), ({"energy": 7}, "energy 7.0 is outside 0-1"),
        ({"jobs": 257}, "jobs 257"), ({"sample_rate": 8000}, "sample_rate 8000 is outside 16000-192000"),
        ({"sample_rate": 10**9}, "sample_rate 1000000000 is outside 16000-192000"),
        ({"bars": 4.0}, "bars is 4.0: pass a whole number"), ({"seed": -1}, "seed -1 is outside"),
        ({"bars": 3}, "bars 3 is not one of 1, 2, 4, 8: choose one of them"), ({"style": 3}, "style is 3: pass a text"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=reason) as caught:
            produce(**{"count": 1, "out": tmp_path / "out", **options})  # type: ignore[arg-type]
        assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_plain_files_of_the_user_and_of_another_run_stay(tmp_path: Path) -> None:
    files = tmp_path / "x-files"
    files.mkdir()
    (files / "mine.wav").write_bytes(b"mine")
    for overwrite in (False, True):
        with pytest.raises(ValueError, match=r"x-files: holds mine\.wav, which produce did not write"):
            produce(tmp_path / "x", count=1, jobs=1, wav=True, overwrite=overwrite, **SMALL)
    (files / "mine.wav").unlink()
    produce(tmp_path / "x", count=2, jobs=1, wav=True, midi=True, **SMALL)
    before = {path.name: path.read_bytes() for path in files.iterdir()}
    assert len(before) == 5
    (tmp_path / "x" / "catalogue.json").rename(tmp_path / "moved.json")
    for name in ("audio.i16", "features.f16"):
        (tmp_path / "x" / name).unlink()
    with pytest.raises(ValueError, match="x-files: holds files of another run"):
        produce(tmp_path / "x", count=1, seed=1, jobs=1, wav=True, **SMALL)
    assert {path.name: path.read_bytes() for path in files.iterdir()} == before
    produce(tmp_path / "x", count=1, seed=1, jobs=1, wav=True, overwrite=True, **SMALL)
    assert len(list(files.iterdir())) == 2  # the files of the run that was replaced are gone with its events
    assert sorted(os.listdir(tmp_path)) == ["moved.json", "x", "x-files"]


def test_a_kit_may_have_names_of_any_encoding(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", 0.5 * np.sin(np.arange(4000) * 0.02), RATE)
    os.rename(tmp_path / "a.wav", os.fsencode(tmp_path) + b"/kick caf\xe9.wav")
    assert list(load_kit(tmp_path, RATE).samples) == ["kick"]


@pytest.mark.parametrize("bpm", [0, 85, 181, 300])
def test_a_tempo_that_no_model_generates_is_refused_before_the_work(bpm: float, tmp_path: Path) -> None:
    with pytest.raises(FourfloorError, match=rf"bpm {bpm} is outside 90-180"):
        produce(tmp_path / "d", count=2, bpm=bpm)
    assert list(tmp_path.iterdir()) == []
