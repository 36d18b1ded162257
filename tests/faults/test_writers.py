"""What we write, other libraries read: any legal loop, score and dataset, written and read back by code not ours."""

import io
import json
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import mido
import mutagen.wave
import numpy as np
import pretty_midi
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.io import wavfile

from fourfloor.audio.files import AudioError
from fourfloor.audio.writing import LoopTags, read_tags, wave_bytes, write_loop
from fourfloor.ingestion.catalogue import load
from fourfloor.ingestion.writing import DatasetWriter
from fourfloor.producer.midi import DRUMS, midi_bytes
from fourfloor.producer.score import Event
from fourfloor.signal.beatgrid import loop_samples

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
LINE = st.text(st.characters().filter(str.isprintable), max_size=30)  # what a terminal shows as it is
TAGS = st.builds(
    LoopTags, bpm=st.floats(1, 999, width=32), bars=st.integers(1, 64), title=TEXT, comment=TEXT, software=TEXT,
    key=st.none() | st.sampled_from(["Amin", "F#maj", "Bbmin", "C"]),
)  # fmt: skip
RATES = st.sampled_from([8_000, 22_050, 44_100, 48_000, 96_000, 192_000]) | st.integers(1_000, 768_000)
ONE_FOLDER = settings(
    max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def some_audio(channels: int, samples: int, seed: int) -> np.ndarray:
    """Return noise at full level, with the extremes -1 and 1 in it."""
    waveform = np.random.default_rng(seed).uniform(-1, 1, (channels, samples)).astype(np.float32)
    waveform[:, 0], waveform[:, -1] = -1, 1
    return waveform


@ONE_FOLDER
@given(tags=TAGS, rate=RATES, channels=st.integers(1, 2), samples=st.integers(1, 400), seed=st.integers(0, 99))
def test_any_loop_is_read_back_by_three_libraries(
    tmp_path: Path, tags: LoopTags, rate: int, channels: int, samples: int, seed: int
) -> None:
    path, waveform = tmp_path / "loop.wav", some_audio(channels, samples, seed)
    write_loop(path, waveform, tags, rate)

    heard, read_rate = soundfile.read(path, dtype="int32", always_2d=True)
    assert (heard.shape, read_rate) == ((samples, channels), rate)
    wanted = np.minimum(np.rint(waveform.T.astype(np.float64) * 2**23), 2**23 - 1)
    np.testing.assert_array_equal(heard >> 8, wanted)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", wavfile.WavFileWarning)  # of chunks that it skips
        other_rate, other = wavfile.read(path)
    assert other_rate == rate
    np.testing.assert_array_equal(other.reshape(samples, channels), heard)

    seen: Any = mutagen.wave.WAVE(path)
    assert (seen.info.channels, seen.info.sample_rate, seen.info.bits_per_sample) == (channels, rate, 24)
    assert float(str(seen.tags["TBPM"])) == pytest.approx(tags.bpm, rel=1e-5)
    for name, text in (("TIT2", tags.title), ("TSSE", tags.software)):
        assert (str(seen.tags[name]) if name in seen.tags else "") == text
    comments = seen.tags.getall("COMM")
    assert (str(comments[0]) if comments else "") == tags.comment

    ours = read_tags(path)
    assert ours is not None
    assert np.float32(ours.bpm) == np.float32(tags.bpm)
    assert replace(ours, bpm=tags.bpm) == tags
    assert path.read_bytes() == wave_bytes(path, waveform, tags, rate)


@pytest.mark.parametrize("text", ["\0", "a\0b", "\ud800"])
def test_a_tag_that_no_file_can_hold_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    for field in ("title", "comment", "software"):
        with pytest.raises(AudioError, match="a tag holds"):
            write_loop(tmp_path / "loop.wav", some_audio(1, 9, 0), LoopTags(bpm=120, bars=1, **{field: text}))
    assert list(tmp_path.iterdir()) == []


def events(bars: int) -> st.SearchStrategy[list[Event]]:
    beats = 4.0 * bars
    return st.lists(
        st.builds(
            Event, instrument=st.sampled_from([*DRUMS, "bass", "chord", "lead", "pad", "stab"]),
            start=st.floats(0, beats, exclude_max=True), duration=st.floats(0, 2 * beats),
            pitch=st.sampled_from([0.0, 36.0, 37.0, 127.0]), velocity=st.floats(0.01, 1),
        ),
        max_size=30,
    )  # fmt: skip


@settings(max_examples=80)
@given(data=st.data(), bpm=st.floats(90, 180), bars=st.sampled_from([1, 2, 4, 8]))
def test_any_score_is_read_back_by_two_libraries(data: st.DataObject, bpm: float, bars: int) -> None:
    score = data.draw(events(bars))
    content = midi_bytes(score, bpm, bars)
    file = mido.MidiFile(file=io.BytesIO(content), clip=False)
    end = 4 * bars * file.ticks_per_beat
    assert file.type == 1
    assert {sum(message.time for message in track) for track in file.tracks} == {end}
    tempi = [message.tempo for track in file.tracks for message in track if message.type == "set_tempo"]
    assert tempi == [round(60e6 / bpm)]
    read: set[tuple[int, int]] = set()  # where and what; of two at one place and pitch, one is kept
    for track in file.tracks:
        now, sounding = 0, {}
        for message in track:
            now += message.time
            if message.type == "note_on" and message.velocity:
                assert (message.channel, message.note) not in sounding
                sounding[message.channel, message.note] = now
                read.add((now, message.note))
            elif message.type in ("note_off", "note_on"):
                assert sounding.pop((message.channel, message.note)) < now
        assert not sounding
    wanted = {(min(round(event.start * 480), end - 1), round(event.pitch)) for event in score}
    assert read == wanted

    other = pretty_midi.PrettyMIDI(io.BytesIO(content))
    assert other.get_end_time() == pytest.approx(240 * bars / bpm, rel=1e-5)
    heard = {(note.start, note.pitch) for instrument in other.instruments for note in instrument.notes}
    assert {pitch for _, pitch in heard} == {pitch for _, pitch in wanted}
    assert len(heard) == len(wanted)
    drums = {instrument.is_drum for instrument in other.instruments}
    assert drums == {event.instrument in DRUMS for event in score}


@ONE_FOLDER
@given(
    name=LINE, style=LINE, bpm=st.floats(90, 180), rate=st.sampled_from([8_000, 22_050, 44_100]),
    channels=st.integers(1, 2), confidence=st.floats(0, 1), drift=st.floats(0, 1e4), repairs=st.lists(LINE, max_size=3),
    seed=st.integers(0, 99),
)  # fmt: skip
def test_any_catalogue_is_read_back_by_plain_json_and_numpy(
    tmp_path: Path, name: str, style: str, bpm: float, rate: int, channels: int, confidence: float, drift: float,
    repairs: list[str], seed: int,
) -> None:  # fmt: skip
    out = tmp_path / "data"
    loop = np.random.default_rng(seed).uniform(-1, 1, (channels, loop_samples(bpm, 1, rate))).astype(np.float32)
    with DatasetWriter(out, bars=1, sample_rate=rate, channels=channels, overwrite=True) as writer:
        track = writer.add_track(
            name=name, path=f"{name}.wav", sha256="a" * 64, bpm=bpm, confidence=confidence, style=style,
            repairs=repairs, drift_ms=drift,
        )  # fmt: skip
        writer.add_loop(loop, track=track, bpm=bpm, features=np.zeros((1, 1), np.float16))
        written = writer.finish()
    content = json.loads((out / "catalogue.json").read_bytes())
    row = content["tracks"][0]
    assert (row["name"], row["style"], row["bpm"], row["confidence"]) == (name, style, bpm, confidence)
    assert (row["repairs"], row["drift_ms"]) == (repairs, drift)
    samples = np.fromfile(out / "audio.i16", dtype="<i2").reshape(-1, channels)
    np.testing.assert_allclose(samples.T / 32767, loop, atol=0.5 / 32767 + 1e-7)
    assert load(out) == written
