"""Codecs that are read, and those that are not: named, with the command that converts them."""

import numpy as np
import pytest
from test_audio_streams import JOINED, LOOP, OTHER, coded, heard, ogg_flac, without_lengths

from fourfloor import audio
from fourfloor.audio.lengths import UNFINISHED


def test_flac_in_ogg_is_read(tmp_path):
    one, two = (coded(tmp_path, loop, "FLAC") for loop in (LOOP, OTHER))
    whole, _ = heard(tmp_path, one)
    found, repairs = heard(tmp_path, ogg_flac(one))
    assert np.array_equal(found, whole)
    assert repairs == []
    found, repairs = heard(tmp_path, ogg_flac(one) + ogg_flac(two, 2))
    assert found.shape[1] == LOOP.shape[1] + OTHER.shape[1]
    assert repairs == [JOINED]
    content = ogg_flac(one)
    found, repairs = heard(tmp_path, content[: len(content) * 6 // 10])
    assert repairs == [f"cut short: {found.shape[1] / 44_100:.2f} s of {LOOP.shape[1] / 44_100:.2f} s claimed"]
    unknown = one[:21] + bytes([one[21] & 0xF0]) + bytes(4) + one[26:]
    assert heard(tmp_path, ogg_flac(unknown))[1] == []  # its last page says how long it is


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\0\0\0\x20ftypM4A " + bytes(99), "is MP4 (AAC or ALAC)"),
        (b"\x1aE\xdf\xa3" + bytes(99), "is Matroska or WebM"),
        (b"0&\xb2u\x8ef\xcf\x11" + bytes(99), "is Windows Media (WMA)"),
        (b"wvpk" + bytes(99), "is WavPack"),
        (b"MAC \x96\x0f" + bytes(99), "is Monkey's Audio (APE)"),
        (b"\xff\xf1\x50\x80" + bytes(99), "is AAC"),
    ],
)
def test_what_is_not_read_is_named_with_the_command_that_converts_it(tmp_path, content, reason):
    path = tmp_path / "my song.mp3"
    path.write_bytes(content)
    with pytest.raises(audio.AudioError) as caught:
        audio.probe(path)
    command = f"ffmpeg -i '{path}' -c:a pcm_s24le '{path.with_suffix('.wav')}'"
    assert caught.value.reason == f"{reason}, which fourfloor does not read; convert it: {command}"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\0\0\0\x20ftypM4P " + bytes(99), "is a protected file of iTunes"),
        (b"MThd" + bytes(99), "is a MIDI file"),
        (b"PK\x03\x04" + bytes(99), "is a ZIP archive; unpack it"),
        (b"<!DOCTYPE html>" + bytes(99), "is a web page"),
        (bytes(44) + b"\1\2\3\4" * 99, "begins with zeros where a header belongs"),
    ],
)
def test_what_is_no_sound_is_named(tmp_path, content, reason):
    path = tmp_path / "song.wav"
    path.write_bytes(content)
    with pytest.raises(audio.AudioError, match=reason):
        audio.probe(path)


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG", "AIFF"])
def test_a_tag_before_the_file_and_a_wrong_name_change_nothing(tmp_path, kind):
    content = coded(tmp_path, LOOP, kind)
    tag = b"ID3\4\0\0\0\0\x10\0" + bytes(2048)
    whole, _ = heard(tmp_path, content)
    found, repairs = heard(tmp_path, tag + content)
    assert np.array_equal(found, whole)
    assert repairs == []


@pytest.mark.parametrize("subtype", ["ULAW", "ALAW", "IMA_ADPCM", "MS_ADPCM", "DOUBLE"])
def test_wave_files_of_rarer_codecs_are_read(tmp_path, subtype):
    content = coded(tmp_path, LOOP, "WAV", subtype)
    found, repairs = heard(tmp_path, content)
    assert LOOP.shape[1] <= found.shape[1] < LOOP.shape[1] + 2048  # ADPCM comes in blocks
    assert np.linalg.norm(found[:, : LOOP.shape[1]] - LOOP) < 0.3 * np.linalg.norm(LOOP)
    assert repairs == []
    zeros = without_lengths(content, "WAV", 0)
    assert heard(tmp_path, zeros)[1] == [UNFINISHED]
    assert heard(tmp_path, zeros)[0].shape[1] == pytest.approx(found.shape[1], abs=2048)
