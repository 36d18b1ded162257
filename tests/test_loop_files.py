"""Files of loops: exact, tagged, the same bytes again."""

import json
import struct
import wave
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import click_track, house_loop

from fourfloor import audio

TAGS = audio.LoopTags(
    bpm=126.3, bars=2, title="Loop", key="F#min", comment=json.dumps({"seed": 7}), software="fourfloor 0"
)


def chunks(path: Path) -> dict[bytes, bytes]:
    """Read a RIFF file by the rules: word-aligned chunks up to exactly its end."""
    content = path.read_bytes()
    kind, size, form = struct.unpack_from("<4sI4s", content)
    assert (kind, size, form) == (b"RIFF", len(content) - 8, b"WAVE")
    found, position = {}, 12
    while position < len(content):
        assert position % 2 == 0
        name, size = struct.unpack_from("<4sI", content, position)
        found[name] = content[position + 8 : position + 8 + size]
        position += 8 + size + size % 2
    assert position == len(content)
    return found


@pytest.mark.parametrize("channels", [1, 2])
def test_a_loop_is_written_exactly(tmp_path, channels):
    loop = house_loop(126.3, 2)[:channels, :-1]  # an odd number of frames: in mono the data chunk is padded
    path = tmp_path / "loop.wav"
    audio.write_loop(path, loop, TAGS)
    read, rate = soundfile.read(path, dtype="float32", always_2d=True)
    assert rate == 44_100
    assert read.T.shape == loop.shape
    assert np.abs(read.T - loop).max() <= 2.0**-24
    assert soundfile.info(path).subtype == "PCM_24"
    with wave.open(str(path)) as plain:
        assert (plain.getnchannels(), plain.getsampwidth(), plain.getnframes()) == (channels, 3, loop.shape[1])
    assert [entry.name for entry in tmp_path.iterdir()] == ["loop.wav"]


def test_a_loop_carries_tempo_loop_points_and_text(tmp_path):
    loop = house_loop(126.3, 2)
    path = tmp_path / "loop.wav"
    audio.write_loop(path, loop, TAGS)
    found = chunks(path)
    assert struct.unpack("<IHHfIHHf", found[b"acid"]) == (2, 66, 0x8000, 0.0, 8, 4, 4, np.float32(126.3))
    sampler = struct.unpack("<15I", found[b"smpl"])
    assert sampler[2:4] == (round(1e9 / 44_100), 60)  # the unity note, whatever the key
    assert sampler[7] == 1
    assert sampler[10:13] == (0, 0, loop.shape[1] - 1)
    assert b"INAM\x05\0\0\0Loop\0\0" in found[b"LIST"]
    assert audio.read_tags(path) == TAGS
    with soundfile.SoundFile(path) as second:  # libsndfile reads the tempo too
        assert "126.3" in second.extra_info


def test_tempo_and_texts_stand_in_an_id3_tag_at_the_end(tmp_path):
    path = tmp_path / "loop.wav"
    audio.write_loop(path, house_loop(), replace(TAGS, title="Nächster Λoop"))
    content = path.read_bytes()
    tag = chunks(path)[b"id3 "]
    assert content.rstrip(b"\0").endswith(tag.rstrip(b"\0"))
    assert tag[:6] == b"ID3\x03\0\0"
    assert b"TBPM\0\0\0\x06\0\0" + b"\x00126.3" in tag
    assert b"TKEY\0\0\0\x04\0\0" + b"\0F#m" in tag
    assert b"\1\xff\xfe" + "Nächster Λoop".encode("utf-16-le") in tag
    assert b'COMM\0\0\0\x10\0\0\0eng\0{"seed": 7}' in tag
    frames, position = 0, 10
    while position < len(tag):
        position += 10 + int.from_bytes(tag[position + 4 : position + 8], "big")
        frames += 1
    assert (frames, position) == (5, len(tag))
    size = sum((byte & 0x7F) << shift for byte, shift in zip(tag[6:10], (21, 14, 7, 0), strict=True))
    assert size == len(tag) - 10


def test_without_tags_a_file_holds_audio_alone(tmp_path):
    audio.write_loop(tmp_path / "plain.wav", house_loop(), None)
    assert list(chunks(tmp_path / "plain.wav")) == [b"fmt ", b"data"]
    assert audio.read_tags(tmp_path / "plain.wav") is None


def test_same_loop_same_bytes_and_another_other_bytes(tmp_path):
    loop = house_loop()
    for name, waveform in (("a", loop), ("b", loop), ("c", loop * 0.5)):
        audio.write_loop(tmp_path / name, waveform, TAGS)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() != (tmp_path / "c").read_bytes()


def test_full_scale_silence_and_mono_as_stereo(tmp_path):
    edges = np.array([[1.0, -1.0, 0.0, 2.0**-23, 0.75]], np.float32)
    audio.write_loop(tmp_path / "edges.wav", edges, TAGS, channels=2)
    samples, _ = soundfile.read(tmp_path / "edges.wav", dtype="int32")
    assert (samples >> 8).T.tolist() == [[2**23 - 1, -(2**23), 0, 1, 3 << 21]] * 2


@pytest.mark.parametrize(
    ("waveform", "tags"),
    [
        (np.full((2, 9), 1.5), TAGS),
        (np.full((2, 9), np.nan), TAGS),
        (np.zeros((3, 9)), TAGS),
        (np.zeros((2, 0)), TAGS),
        (np.zeros(9), TAGS),
        (np.zeros((2, 9)), audio.LoopTags(bpm=0, bars=1)),
        (np.zeros((2, 9)), audio.LoopTags(bpm=126, bars=1, title="a\0b")),
    ],
)
def test_what_is_no_loop_is_not_written(tmp_path, waveform, tags):
    with pytest.raises(audio.AudioError) as caught:
        audio.write_loop(tmp_path / "loop.wav", waveform, tags)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("key", "note"), [("Amin", 69), ("C", 60), ("Cbmaj", 71), ("B#", 60), (None, None), ("?", None)]
)
def test_the_root_note_is_told_where_the_key_is_known(tmp_path, key, note):
    audio.write_loop(tmp_path / "loop.wav", np.zeros((2, 99)), audio.LoopTags(bpm=120, bars=1, key=key))
    flags, root = struct.unpack_from("<IH", chunks(tmp_path / "loop.wav")[b"acid"])
    assert (flags, root) == ((2, note) if note else (0, 60))
    tags = audio.read_tags(tmp_path / "loop.wav")
    assert tags is not None
    assert tags.key == key


def test_a_file_without_tempo_has_no_tags(write_audio):
    assert audio.read_tags(write_audio(click_track(seconds=0.1))) is None
    assert audio.read_tags(write_audio(click_track(seconds=0.1), "flac")) is None


@pytest.mark.music
def test_the_stems_of_a_loop_do_not_count_as_further_music(tmp_path):
    for name in ("x.wav", "x_stems/x_kick.wav", "y_stems/y_kick.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    found, left_out = audio.find_audio([tmp_path])
    assert [path.relative_to(tmp_path).as_posix() for path in found] == ["x.wav", "y_stems/y_kick.wav"]
    assert left_out == [
        (tmp_path / "x_stems", "holds the stems of a loop that is read itself; name the folder to read them")
    ]
    assert audio.find_audio([tmp_path / "x_stems"]) == ([tmp_path / "x_stems" / "x_kick.wav"], [])
