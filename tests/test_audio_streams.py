"""Headers without a true length, and several streams in one file: all that is there is read, and what was wrong is
said. The bytes that recorders, pipes, `cat` and radio recordings leave are written here."""

import os
import random
import struct
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import house_loop
from hostile_audio import decode_in_child, mutated

from fourfloor import audio
from fourfloor.audio import AudioError
from fourfloor.audio.lengths import UNFINISHED, WRONG

LOOP, OTHER = house_loop(126.0), house_loop(140.0, bars=2, seed=1)
JOINED = "2 streams one after the other in one file: all read"


def coded(tmp_path: Path, loop: np.ndarray, container: str, subtype: str | None = None, rate: int = 44_100) -> bytes:
    path = tmp_path / "coded"
    soundfile.write(path, loop.T, rate, format=container, subtype=subtype)
    return path.read_bytes()


def patched(content: bytes, place: int, new: bytes) -> bytes:
    return content[:place] + new + content[place + len(new) :]


def heard(tmp_path: Path, content: bytes) -> tuple[np.ndarray, list[str]]:
    """Return what is read of a file's bytes, and the repairs."""
    path = tmp_path / "song.xyz"  # the content decides, not the name
    path.write_bytes(content)
    source = audio.AudioStream(path)
    return np.concatenate(list(source), axis=1), source.repairs


def without_lengths(content: bytes, kind: str, size: int) -> bytes:
    """Return a file whose header was never finished: `size` stands where its lengths belong."""
    four, eight = struct.pack("<I", size), struct.pack("<q", -1 if size else 0)
    if kind in ("WAV", "RF64"):
        content = patched(content, 4, four if kind == "WAV" else b"\xff" * 4)
        if kind == "RF64":
            return patched(content, content.index(b"ds64") + 8, eight * 3)
        return patched(content, content.index(b"data") + 4, four)
    if kind == "AIFF":
        content = patched(patched(content, 4, four), content.index(b"COMM") + 10, bytes(4))
        return patched(content, content.index(b"SSND") + 4, four)
    if kind == "W64":
        return patched(patched(content, 16, eight), content.index(b"data\xf3\xac") + 16, eight)
    if kind == "CAF":
        return patched(content, content.index(b"data") + 4, eight)
    if kind == "AU":
        return patched(content, 8, four)
    return patched(content, 21, bytes([content[21] & 0xF0]) + bytes(4))


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF])
@pytest.mark.parametrize("kind", ["WAV", "RF64", "AIFF", "W64", "CAF", "AU", "FLAC"])
def test_an_unfinished_recording_is_read_to_its_end(tmp_path, kind, size):
    content = coded(tmp_path, LOOP, kind)
    whole, repairs = heard(tmp_path, content)
    assert (whole.shape, repairs) == (LOOP.shape, [])
    found, repairs = heard(tmp_path, without_lengths(content, kind, size))
    assert np.array_equal(found, whole)
    assert repairs == [UNFINISHED]


@pytest.mark.parametrize("kind", ["WAV", "AIFF", "W64", "CAF", "AU", "FLAC"])
def test_a_length_that_is_too_short_hides_nothing(tmp_path, kind):
    content = coded(tmp_path, LOOP, kind)
    whole, _ = heard(tmp_path, content)
    place, form = {
        "WAV": (content.find(b"data") + 4, "<I"), "AIFF": (content.find(b"SSND") + 4, ">I"),
        "W64": (content.find(b"data\xf3\xac") + 16, "<Q"), "CAF": (content.find(b"data") + 4, ">Q"),
        "AU": (8, ">I"), "FLAC": (22, ">I"),
    }[kind]  # fmt: skip
    found, repairs = heard(tmp_path, patched(content, place, struct.pack(form, 40_000)))
    assert np.array_equal(found, whole)
    longer = f"longer than it claims: {LOOP.shape[1] / 44_100:.2f} s, 0.91 s claimed; all read"
    assert repairs == [longer if kind == "FLAC" else WRONG]


@pytest.mark.parametrize("tail", [bytes(300_000), b"TAG" + bytes(125), b"APETAGEX" + bytes(3000)])
@pytest.mark.parametrize("kind", ["WAV", "AIFF", "W64", "CAF", "AU", "FLAC", "OGG", "MP3"])
def test_zeros_and_tags_behind_the_audio_are_not_sound(tmp_path, kind, tail):
    """File systems and recorders that reserve space leave zeros, taggers leave tags of any kind."""
    content = coded(tmp_path, LOOP, kind)
    whole, said = heard(tmp_path, content)
    found, repairs = heard(tmp_path, content + tail)
    assert np.array_equal(found, whole)
    assert repairs == said == []


def test_empty_pages_cost_nothing(tmp_path):
    page = b"OggS\0" + bytes(22)
    begun = time.process_time()
    with pytest.raises(AudioError, match="more pages or streams than hours of music"):
        heard(tmp_path, coded(tmp_path, LOOP, "OGG") + 100_000 * page)
    assert time.process_time() - begun < 0.5  # 720,000 of them took a second


@pytest.mark.parametrize("kind", ["W64", "CAF", "AU"])
def test_rarer_containers_say_what_is_missing(tmp_path, kind):
    content = coded(tmp_path, LOOP, kind)
    found, repairs = heard(tmp_path, content[: len(content) * 6 // 10])
    seconds = LOOP.shape[1] / 44_100
    assert repairs == [f"cut short: {found.shape[1] / 44_100:.2f} s of {seconds:.2f} s claimed"]
    assert found.shape[1] / 44_100 == pytest.approx(0.6 * seconds, abs=0.02)


@pytest.mark.parametrize("after", [b"LIST\4\0\0\0INFO", b"ID3\4\0\0\0\0\0\0", b"TAG" + bytes(125), b"\1garbage" * 9])
def test_what_follows_the_audio_is_not_taken_for_audio(tmp_path, after):
    content = coded(tmp_path, LOOP, "WAV") + after
    found, repairs = heard(tmp_path, content)
    assert (found.shape, repairs) == (LOOP.shape, [])
    empty = content[: content.index(b"data")] + b"data\0\0\0\0" + b"LIST\4\0\0\0INFO"
    with pytest.raises(audio.AudioError, match="has a header but no audio"):
        heard(tmp_path, empty)


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, (4_500_000_000) % 2**32])
def test_a_wave_of_more_than_four_gigabytes_is_whole(tmp_path, size):
    """A 32-bit size wraps; libsndfile reads no more than 4 GiB where it is unknown."""
    path = tmp_path / "long.wav"
    head = coded(tmp_path, LOOP[:, :1], "WAV", "FLOAT", 96_000)
    head = head[: head.index(b"data") + 4] + struct.pack("<I", size)
    path.write_bytes(head)
    os.truncate(path, len(head) + 4_500_000_000)  # a hole: no byte of it is on the disk
    assert audio.probe(path).frames == 4_500_000_000 // 8


@pytest.mark.parametrize(
    ("container", "subtype", "rate"),
    [("OGG", "VORBIS", 44_100), ("OGG", "OPUS", 48_000), ("FLAC", None, 44_100), ("MP3", None, 44_100)],
)
def test_joined_streams_are_read_to_the_end(tmp_path, container, subtype, rate):
    one, two = (coded(tmp_path, loop, container, subtype, rate) for loop in (LOOP, OTHER))
    parts = [heard(tmp_path, content)[0] for content in (one, two)]
    found, repairs = heard(tmp_path, one + two)
    assert found.shape[1] == pytest.approx(sum(part.shape[1] for part in parts), abs=2)
    if rate == 44_100:  # resampled, the seam is filtered
        assert np.array_equal(found, np.concatenate(parts, axis=1))
    assert repairs == [JOINED]
    _, repairs = heard(tmp_path, one + two[: len(two) * 6 // 10])
    assert repairs[0].startswith("cut short in stream 2 of 2: ")


@pytest.mark.parametrize("container", ["WAV", "AIFF"])
def test_joined_files_with_a_length_in_the_header_are_read_to_the_end(tmp_path, container) -> None:
    both = [coded(tmp_path, loop, container, "PCM_16") for loop in (LOOP, OTHER)]
    read, repairs = heard(tmp_path, b"".join(both))
    alone = [heard(tmp_path, content)[0] for content in both]
    assert repairs == [JOINED]
    np.testing.assert_array_equal(read, np.concatenate(alone, axis=1))
    cut, repairs = heard(tmp_path, b"".join(both)[:-400_000])
    assert cut.shape[1] == read.shape[1] - 100_000
    assert repairs[0].startswith("cut short in stream 2 of 2: ")


@pytest.mark.parametrize(("container", "subtype"), [("OGG", "VORBIS"), ("OGG", "OPUS"), ("FLAC", None), ("MP3", None)])
def test_joined_streams_of_other_rates_and_channels_become_one(tmp_path, container, subtype):
    one = coded(tmp_path, LOOP, container, subtype, 48_000)
    two = coded(tmp_path, OTHER[:1], container, subtype, 24_000)
    found, repairs = heard(tmp_path, one + two)
    assert found.shape[1] / 44_100 == pytest.approx(LOOP.shape[1] / 48_000 + OTHER.shape[1] / 24_000, abs=0.001)
    assert np.array_equal(found[0, -40_000:], found[1, -40_000:])
    assert repairs == [JOINED]


def test_a_second_stream_that_cannot_be_read_is_named(tmp_path):
    one = coded(tmp_path, LOOP, "OGG", "VORBIS")
    film = ogg_page(b"\x80theora" + bytes(40), 2, 7) + ogg_page(bytes(900), 4, 7)
    found, repairs = heard(tmp_path, one + film)
    assert found.shape == LOOP.shape
    assert repairs == ["1 more streams in it cannot be read: left out"]


def test_mutated_streams_crash_hang_or_flood_nothing(tmp_path):
    """Beside the formats of test_audio_faults: rarer containers, joined streams, headers without lengths."""
    rng = random.Random(1)
    loops = LOOP[:, :20_000], OTHER[:, :20_000]
    whole = {kind: [coded(tmp_path, loop, kind) for loop in loops] for kind in ("WAV", "FLAC", "OGG", "MP3")}
    originals = [coded(tmp_path, loops[0], kind) for kind in ("RF64", "W64", "CAF", "AU")]
    originals += [
        without_lengths(content, kind, 0) for kind, content in zip(("RF64", "W64", "CAF"), originals, strict=False)
    ]
    originals += [b"".join(whole[kind]) for kind in ("FLAC", "OGG", "MP3")]
    originals += [without_lengths(whole["WAV"][0], "WAV", 0), ogg_flac(whole["FLAC"][0]), whole["MP3"][0][417:]]
    paths = []
    for number, original in enumerate(originals):
        for index in range(12):
            paths.append(tmp_path / f"{number}-{index}")
            paths[-1].write_bytes(mutated(original, rng))
    lines = decode_in_child(paths)
    for line in lines:
        assert line["peak"] <= 17.0
        assert line["error"] or line["frames"] > 0
    assert 10 < sum(line["error"] is not None for line in lines) < len(lines) - 10


def test_files_of_nothing_but_headers_cost_little(tmp_path):
    ogg, flac = coded(tmp_path, LOOP, "OGG", "VORBIS"), coded(tmp_path, LOOP, "FLAC")
    mp3 = [coded(tmp_path, loop, "MP3", None, rate)[500:6000] for loop, rate in ((LOOP, 44_100), (OTHER, 48_000))]
    first = ogg_page(b"\x01vorbis" + bytes(30), 2, 1)
    hostile = {
        "begins.ogg": (first + ogg_page(b"x", 0, 1)) * 5000,
        "misses.ogg": ogg + (ogg_page(b"", 0, 1) + b"x") * 10_000,
        "pages.oga": ogg_page(b"\x7fFLAC\1\0\0\1" + flac[:42], 2, 1) + ogg_page(b"x", 0, 1) * 410_000,
        "heads.flac": flac[:42] * 5000,
        "turns.mp3": b"".join(mp3) * 1500,
        "tags.mp3": b"ID3\4\0\0\0\0\0\0" * 100_000,
    }
    reasons = [
        "more pages or streams",
        "more pages or streams",
        "more pages of FLAC",
        "joins more than",
        "",
        "no audio",
    ]
    for name, content in hostile.items():
        (tmp_path / name).write_bytes(content)
    for kind, content in (("ogg", ogg), ("flac", flac), ("mp3", mp3[0])):
        (tmp_path / f"hole.{kind}").write_bytes(content)
        os.truncate(tmp_path / f"hole.{kind}", 2_900_000_000)  # no byte of it is on the disk
    lines = decode_in_child([tmp_path / name for name in hostile], megabytes=192, seconds=10)
    for line, reason in zip(lines, reasons, strict=True):
        assert reason in (line["error"] or ""), line
    lines = decode_in_child([tmp_path / f"hole.{kind}" for kind in ("ogg", "flac", "mp3")], seconds=5)
    assert [line["error"] for line in lines] == [None] * 3


def ogg_page(body: bytes, flags: int, serial: int, granule: int = 0) -> bytes:
    """Return one page with the body as a packet that may go on in the next; its checksum is not filled in."""
    lacing = [255] * (len(body) // 255) + ([len(body) % 255] if len(body) % 255 else [])
    head = struct.pack("<4sBBqIIIB", b"OggS", 0, flags, granule, serial, 0, 0, len(lacing))
    return head + bytes(lacing) + body


def ogg_flac(flac: bytes, serial: int = 1) -> bytes:
    """Put a FLAC file into Ogg pages, as `flac --ogg` does, but for where its packets end."""
    pages = [ogg_page(b"\x7fFLAC\1\0\0\1" + flac[:42], 2, serial)]
    rest = [flac[start : start + 60_000] for start in range(42, len(flac), 60_000)]
    pages += [ogg_page(part, 4 * (part is rest[-1]), serial, LOOP.shape[1]) for part in rest]
    return b"".join(pages)
