"""MP3 files that begin anywhere, with a wrong tag of their length or damaged frames: all that is there is read."""

import random

import numpy as np
import pytest
import soundfile
from test_audio_streams import LOOP, OTHER, coded, heard

from fourfloor import audio
from fourfloor.audio import AudioError


@pytest.mark.parametrize("before", [b"\1" * 300, bytes(5000), b"ID3\4\0\0\0\0\1\0" + bytes(99)])
def test_an_mp3_that_begins_in_the_middle_of_a_frame_is_read(tmp_path, before):
    content = coded(tmp_path, OTHER, "MP3")
    found, repairs = heard(tmp_path, before + content[content.index(b"\xff\xfb", 4) :])
    assert found.shape[1] == pytest.approx(OTHER.shape[1], abs=3 * 1152)
    assert repairs == []


@pytest.mark.parametrize("tag", [b"", b"APETAGEX" + bytes(300_000), b"TAG" + bytes(125)])
def test_an_mp3_without_a_tag_of_its_length_is_whole(tmp_path, tag):
    """A variable bit rate that grows: libmpg123 guesses the length from the first, small frames and the file's size."""
    quiet = np.concatenate([np.zeros((2, 4 * 44_100), np.float32), np.tile(LOOP, 3)], axis=1)
    path = tmp_path / "coded"
    soundfile.write(path, quiet.T, 44_100, format="MP3", bitrate_mode="VARIABLE")
    content = path.read_bytes()
    size = 417 if content[2] & 2 == 0 else 418  # the frame with the tag: 128 kb/s at 44.1 kHz
    assert b"Info" in content[:size] or b"Xing" in content[:size]
    start = content.index(b"\xff\xfb", 4)
    found, repairs = heard(tmp_path, content[start:] + tag)
    assert found.shape[1] / 44_100 == pytest.approx(quiet.shape[1] / 44_100, abs=0.06)
    assert repairs == []
    _, repairs = heard(tmp_path, content[start:-100])
    assert repairs == [f"cut short: {(found.shape[1] - 1152) / 44_100:.2f} s, without its end"]


@pytest.mark.parametrize("frames", [20, 5_000_000])
def test_an_mp3_whose_tag_is_far_from_its_length_is_read_whole(tmp_path, frames):
    content = bytearray(coded(tmp_path, np.tile(LOOP, 3), "MP3"))
    place = max(content.find(b"Info"), content.find(b"Xing")) + 8
    content[place : place + 4] = frames.to_bytes(4, "big")
    found, repairs = heard(tmp_path, bytes(content))
    assert found.shape[1] == pytest.approx(3 * LOOP.shape[1], abs=2 * 1152)
    assert [repair.partition(" s of ")[0] for repair in repairs] == [f"the tag claims {frames * 1152 / 44_100:.2f}"]


@pytest.mark.parametrize("tagged", [True, False])
def test_damaged_frames_of_an_mp3_are_silenced_and_the_rest_is_read_in_its_place(tmp_path, tagged):
    """libmpg123 stops at the second or third of them and lost the rest, which players play."""
    soundfile.write(
        tmp_path / "coded", np.tile(LOOP, 4).T, 44_100, format="MP3", bitrate_mode="CONSTANT", compression_level=0.5
    )
    content = bytearray((tmp_path / "coded").read_bytes())
    content = content if tagged else content[content.index(b"\xff\xfb", 4) :]
    whole, _ = heard(tmp_path, bytes(content))
    places = range(9000, len(content) - 9000, 9000)
    for place in places:
        content[place : place + 1500] = random.Random(place).randbytes(1500)
    found, repairs = heard(tmp_path, bytes(content))
    assert found.shape[1] == pytest.approx(whole.shape[1], abs=2 * 1152)
    assert repairs[0].startswith(f"damaged in {len(places)} places: ")
    lost = float(repairs[0].split()[4])
    assert len(places) * 1152 / 44_100 < lost < 8 * len(places) * 1152 / 44_100
    assert np.abs(found).max() < 2 * np.abs(whole).max()
    with pytest.raises(AudioError, match="damaged in"):
        audio.decode(tmp_path / "song.xyz", exact=True)
