"""Headers that lie about what follows: refused by their claim, or read at little cost."""

import os
import random

import numpy as np
import pytest
from conftest import house_loop
from hostile_audio import decode_in_child, mutated, refusal, wave_header

from fourfloor import audio
from fourfloor.audio import lengths


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (wave_header(channels=0), ""),
        (wave_header(channels=1000), "1000 channels"),
        (wave_header(channels=33), "33 channels"),
        (wave_header(channels=65_535), ""),
        (wave_header(rate=0), ""),
        (wave_header(rate=1), "sample rate 1 Hz"),
        (wave_header(rate=2**31 - 1), "sample rate"),
        (wave_header(bits=0), ""),
        (wave_header(bits=65_535), ""),
        (wave_header(tag=0x1234), ""),
    ],
)  # fmt: skip
def test_a_lying_header_is_refused(tmp_path, header, reason):
    path = tmp_path / "song.wav"
    path.write_bytes(header + bytes(10_000))
    assert reason in refusal(path)


def test_header_lies_cost_little_memory(tmp_path):
    lies = [wave_header(channels=channels) for channels in (0, 1000, 65_535)] + [wave_header(data=0xFFFFFF00)]
    paths = [tmp_path / f"{index}.wav" for index in range(len(lies))]
    for path, lie in zip(paths, lies, strict=True):
        path.write_bytes(lie + bytes(88_200))
    lines = decode_in_child(paths, megabytes=64, seconds=2)
    assert [line["error"] is None for line in lines] == [False, False, False, True]
    assert lines[3]["repairs"] == ["cut short: 0.50 s of 24347.89 s claimed"]


def test_bombs_are_refused_by_their_claim(tmp_path, write_audio):
    """A FLAC of a few kilobytes may promise 2^36 frames; whole hours of high rates and many channels are too much."""
    bomb = bytearray(write_audio(np.zeros((2, 44_100), np.float32), "flac").read_bytes())
    bomb[21] |= 0x0F
    bomb[22:26] = b"\xff\xff\xff\xff"  # STREAMINFO: total samples
    paths = [tmp_path / "bomb.flac", tmp_path / "long.wav", tmp_path / "wide.wav"]
    paths[0].write_bytes(bomb)
    for path, header, size in (
        (paths[1], wave_header(channels=1, rate=4000, data=9 * 3600 * 8000), 9 * 3600 * 8000),
        (paths[2], wave_header(channels=32, rate=384_000, data=2**32 - 1024), 2**32 - 1024),
    ):
        path.write_bytes(header)
        os.truncate(path, 44 + size)  # a hole: no byte of it is on the disk
    lines = decode_in_child(paths, megabytes=64, seconds=2)
    assert ["beyond 4 h of 48 kHz stereo" in line["error"] for line in lines] == [True] * 3


def test_a_flac_of_unknown_length_is_read(tmp_path, write_audio):
    loop = house_loop()
    content = bytearray(write_audio(loop, "flac").read_bytes())
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    path = tmp_path / "piped.flac"
    path.write_bytes(content)
    source = audio.AudioStream(path)
    assert source.info.frames == 0
    assert sum(block.shape[1] for block in source) == loop.shape[1]
    assert source.repairs == [lengths.UNFINISHED]
    assert audio.decode(path).shape == loop.shape


def test_memory_does_not_grow_with_length(tmp_path):
    """Stereo at 48 kHz, resampled; three hours of it were measured once at 74 MB, as 10 minutes are here."""
    paths = [tmp_path / "short.wav", tmp_path / "long.wav"]
    minutes = (1, 10)
    for path, length in zip(paths, minutes, strict=True):
        path.write_bytes(wave_header(rate=48_000, data=length * 60 * 192_000))
        os.truncate(path, 44 + length * 60 * 192_000)
    short, long = decode_in_child(paths, seconds=60)
    assert [line["frames"] for line in (short, long)] == [length * 60 * 44_100 for length in minutes]
    assert long["peak_memory_mb"] < short["peak_memory_mb"] + 16
    assert long["peak_memory_mb"] < 400


def test_hostile_tags_are_read_without_harm(tmp_path):
    path = tmp_path / "loop.wav"
    audio.write_loop(path, house_loop(), audio.LoopTags(bpm=126, bars=1, title="x" * 50, comment="{}"))
    content = path.read_bytes()
    rng = random.Random(0)
    start = content.index(b"acid") - 8
    for _ in range(300):
        path.write_bytes(content[:start] + mutated(content[start:], rng))
        tags = audio.read_tags(path)
        assert tags is None or (0 < tags.bpm < 1000 and tags.bars >= 1)
    for text in (b"", b"RIFF", b"not a wav"):
        path.write_bytes(text)
        assert audio.read_tags(path) is None
