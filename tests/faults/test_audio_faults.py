"""Broken, hostile and absurd files: each is read, read with a recorded repair, or refused in one line."""

import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import AUDIO_FORMATS, click_track, house_loop
from hostile_audio import ONE_THREAD, decode_in_child, mutated, refusal, wave_header

from fourfloor import audio
from fourfloor.audio.pieces import Pieces


def test_240_mutations_crash_hang_or_flood_nothing(tmp_path, write_audio):
    rng = random.Random(0)
    paths = []
    for kind in AUDIO_FORMATS:
        rate = 48_000 if kind == "opus" else 44_100
        original = write_audio(click_track(seconds=0.5, sample_rate=rate), kind, rate)
        for index in range(40):
            path = tmp_path / f"{index}{original.suffix}"
            path.write_bytes(mutated(original.read_bytes(), rng))
            paths.append(path)
    lines = [line for start in range(0, 240, 120) for line in decode_in_child(paths[start : start + 120])]
    assert len(lines) == 240
    for line in lines:
        assert line["peak"] <= 17.0  # never NaN; 16 and what resampling adds
        assert line["error"] or line["frames"] > 0
    assert 20 < sum(line["error"] is not None for line in lines) < 220


@pytest.mark.parametrize("kind", AUDIO_FORMATS)
def test_a_truncated_file_says_how_much_was_there(write_audio, kind):
    rate = 48_000 if kind == "opus" else 44_100
    noise = np.random.default_rng(0).uniform(-0.3, 0.3, (2, 2 * rate)).astype(np.float32)
    path = write_audio(noise, kind, rate)
    content = path.read_bytes()
    path.write_bytes(content[: round(len(content) * 0.65)])
    source = audio.AudioStream(path)
    seconds = sum(block.shape[1] for block in source) / 44_100
    assert 0.8 < seconds < 1.35
    assert len(source.repairs) == 1
    assert source.repairs[0].startswith(f"cut short: {seconds:.2f} s of ")
    if AUDIO_FORMATS[kind][1] != "OGG":  # an Ogg file claims only what its last page says
        assert source.repairs[0].endswith("of 2.00 s claimed")


@pytest.mark.parametrize("kind", ["flac", "ogg", "opus"])
def test_a_hole_in_the_middle_is_noticed(write_audio, kind):
    rate = 48_000 if kind == "opus" else 44_100
    noise = np.random.default_rng(0).uniform(-0.3, 0.3, (2, 2 * rate)).astype(np.float32)
    path = write_audio(noise, kind, rate)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 400] = bytes(400)
    path.write_bytes(content)
    source = audio.AudioStream(path)
    list(source)
    assert source.repairs
    assert source.repairs[0].startswith("cut short")


def test_an_mp3_that_is_longer_than_it_seems_says_so(tmp_path):
    """Without the tag of a variable bit rate, libmpg123 guesses the length from the first frames, and stops there:
    the stream is given a tag that counts its frames."""
    rng = np.random.default_rng(0)
    waveform = np.concatenate([np.zeros(10 * 44_100), rng.uniform(-0.5, 0.5, 10 * 44_100)])
    path = tmp_path / "song.mp3"
    soundfile.write(path, waveform, 44_100, bitrate_mode="VARIABLE")
    assert sum(block.shape[1] for block in audio.AudioStream(path)) == len(waveform)
    path.write_bytes(path.read_bytes().replace(b"Xing", b"junk", 1))
    source = audio.AudioStream(path)
    # 768 frames of 1152 samples: the former tag is a frame of silence now, and no tag says what the encoder added.
    assert sum(block.shape[1] for block in source) == pytest.approx(768 * 1152, abs=1152)
    assert source.repairs == []


@pytest.mark.parametrize("rate", [44_100, 22_050, 8_000])
@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
def test_a_sound_mp3_needs_no_repair(tmp_path, rate, mode):
    path = tmp_path / "song.mp3"
    soundfile.write(path, house_loop(sample_rate=rate).T, rate, bitrate_mode=mode)
    content = path.read_bytes()
    tag = b"ID3\x04\0\0" + bytes([0, 0, 5, 3]) + bytes(5 * 128 + 3)
    path.write_bytes(tag + content + b"TAG" + bytes(125))  # ID3 version 2 before it, version 1 behind it
    source = audio.AudioStream(path, rate)
    assert sum(block.shape[1] for block in source) == house_loop(sample_rate=rate).shape[1]
    assert source.repairs == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"This is a letter, not a song.\n" * 9, "is not audio"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n", "git lfs pull"),
        (b"\x89PNG\r\n\x1a\n" + bytes(99), "is not audio"),
        (wave_header(data=0), "has a header but no audio"),
        (wave_header()[:20], "no audio that can be decoded"),
        (b"fLaC" + bytes(99), "no audio that can be decoded"),
        (b"OggS" + bytes(99), "no audio that can be decoded"),
        (b"ID3\x03\0\0\x7f\x7f\x7f\x7f" + bytes(99), "no audio that can be decoded"),
        (b"\xff\xfb" + bytes(9999), "no audio that can be decoded"),
    ],
)
def test_what_is_no_audio_is_refused(tmp_path, content, reason):
    path = tmp_path / "song.wav"
    path.write_bytes(content)
    assert reason in refusal(path)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that the system refuses to read")
def test_a_disk_that_fails_is_named_with_its_file():
    assert refusal(Path("/proc/self/mem")) == "cannot be read (Input/output error); check the file and its disk"


def test_a_disk_that_fails_amid_a_file_is_an_end(tmp_path):
    """libsndfile passes no exception on: an error would be printed as a traceback and lost."""
    content = b"0123456789"
    (tmp_path / "song.wav").write_bytes(content)
    descriptor = os.open(tmp_path / "song.wav", os.O_RDONLY)
    pieces = Pieces(descriptor, [(0, 5), (5, 10)])
    assert pieces.read(7) == content[:7]
    os.close(descriptor)
    assert pieces.read(3) == b""


def test_folders_fifos_and_missing_files_are_refused_at_once(tmp_path):
    fifo = tmp_path / "pipe.wav"
    os.mkfifo(fifo)
    assert "is a FIFO" in refusal(fifo)  # opening it the usual way would wait for ever
    assert "is a folder" in refusal(tmp_path)
    assert "No such file" in refusal(tmp_path / "missing.wav")
    assert "cannot be opened" in refusal(tmp_path / "nul\0.wav")
    (tmp_path / "loop.wav").symlink_to("loop.wav")
    assert "cannot be opened" in refusal(tmp_path / "loop.wav")


@pytest.mark.parametrize("name", ["new\nline", "tab\tbell\a", "caf\udce9", "a..\\..\\x", " ", "-rf", "ünïcödé 🎵"])
def test_any_name_is_read_and_shown_in_one_line(tmp_path, write_audio, name):
    path = tmp_path / (name + ".wav")
    write_audio(click_track(seconds=0.1)).rename(path)
    assert audio.decode(path).shape == (2, 4410)
    found, _ = audio.find_audio([tmp_path])
    assert found == [path]
    path.write_bytes(b"no audio")
    assert "is not audio" in refusal(path)


def test_a_folder_is_searched_in_order_without_loops_or_hidden_files(tmp_path, write_audio):
    song = write_audio(click_track(seconds=0.1)).read_bytes()
    for name in ("b.wav", "a/z.FLAC", "a/b.ogg", ".hidden.wav", ".git/x.wav", "a/notes.txt", "tune.m4a"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(song)
    tmp_path.joinpath("track.wav").unlink()
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "a" / "gone.wav").symlink_to("nowhere")
    (tmp_path / "a" / "self.wav").symlink_to("self.wav")
    os.mkfifo(tmp_path / "pipe")
    found, rejected = audio.find_audio([tmp_path, tmp_path / "a", tmp_path / "missing"])
    assert [str(path.relative_to(tmp_path)) for path in found] == ["a/b.ogg", "a/z.FLAC", "b.wav", "tune.m4a"]
    reasons = {path.name: reason for path, reason in rejected}
    assert list(reasons) == ["gone.wav", "self.wav", "pipe", "missing"]
    assert "FIFO" in reasons["pipe"]
    assert "No such file" in reasons["missing"]
    assert audio.find_audio([tmp_path / "a" / "notes.txt"])[0] == [tmp_path / "a" / "notes.txt"]


def test_what_may_not_be_read_is_reported():
    script = """
import os, sys
from pathlib import Path
import soundfile
from fourfloor import audio
if os.geteuid() == 0:
    os.setuid(65534)
folder = Path(sys.argv[1])
found, rejected = audio.find_audio([folder])
print([path.name for path in found], [(path.name, reason) for path, reason in rejected])
for attempt in (lambda: audio.probe(folder / "mine.wav"), lambda: audio.read_tags(folder / "mine.wav"),
                lambda: audio.write_loop(folder / "new.wav", [[0.0]], audio.LoopTags(bpm=120, bars=1))):
    try:
        attempt()
    except audio.AudioError as error:
        print(error)
"""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "locked").mkdir(mode=0)
        (folder / "mine.wav").write_bytes(wave_header() + bytes(100))
        (folder / "mine.wav").chmod(0)
        folder.chmod(0o555)
        child = subprocess.run(
            [sys.executable, "-c", script, name],
            capture_output=True,
            text=True,
            env=os.environ | ONE_THREAD,
            check=True,
        )
        folder.chmod(0o755)
        assert sorted(entry.name for entry in folder.iterdir()) == ["locked", "mine.wav"]
    lines = child.stdout.splitlines()
    assert lines[0].startswith("['mine.wav'] [('locked', 'cannot be read (Permission denied)")
    assert len(lines) == 4
    for line in lines[1:]:
        assert "Permission denied" in line


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30, 1e300])
def test_few_bad_samples_are_silenced_and_many_refuse_the_file(tmp_path, value):
    waveform = np.full((44_100, 2), 0.01)
    waveform[1::2] *= -1
    waveform[1000:1010, 0] = value
    path = tmp_path / "song.wav"
    soundfile.write(path, waveform, 44_100, subtype="DOUBLE")
    source = audio.AudioStream(path)
    decoded = np.concatenate(list(source), axis=1)
    assert np.abs(decoded).max() < 0.011
    assert not decoded[0, 1000:1010].any()
    assert source.repairs == ["10 samples NaN or beyond +24 dBFS, silenced"]
    waveform[::2] = value
    soundfile.write(path, waveform, 44_100, subtype="DOUBLE")
    assert "NaN or beyond +24 dBFS" in refusal(path)


def test_a_float_file_may_be_hot(tmp_path):
    hot = 4 * house_loop()
    soundfile.write(tmp_path / "hot.wav", hot.T, 44_100, subtype="FLOAT")
    assert np.array_equal(audio.decode(tmp_path / "hot.wav"), hot)


def test_a_constant_offset_is_removed_and_recorded(write_audio):
    loop = np.tile(house_loop(), 8) * 0.5
    loop -= loop.mean(axis=1, keepdims=True)
    path = write_audio(loop + np.float32(0.1), subtype="FLOAT")
    source = audio.AudioStream(path)
    decoded = np.concatenate(list(source), axis=1)
    assert source.repairs == ["DC offset removed: +0.100, +0.100"]
    assert np.abs(decoded - loop).max() < 2e-3
    source = audio.AudioStream(write_audio(loop, subtype="FLOAT"))
    assert np.array_equal(np.concatenate(list(source), axis=1), loop)
    assert source.repairs == []


def test_silence_is_audio(write_audio):
    assert not audio.decode(write_audio(np.zeros((1, 44_100), np.float32))).any()


@pytest.mark.parametrize(
    "content",
    ["#EXTM3U\n{other}\n", "[playlist]\nFile1={other}\n", 'FILE "{other}" WAVE\n', "file://{other}\n", "{other}"],
)
@pytest.mark.parametrize("name", ["list.wav", "list.m3u", "list.sd2", "list"])
def test_no_other_file_is_opened(tmp_path, content, name):
    # Whoever opens a FIFO to read waits for a writer that never comes: the child's alarm would end it.
    other = tmp_path / "other.wav"
    folder = tmp_path / ".AppleDouble"
    folder.mkdir()
    for fifo in (other, tmp_path / f"._{name}", folder / name):
        os.mkfifo(fifo)
    path = tmp_path / name
    path.write_text(content.format(other=other))
    assert "is not audio" in refusal(path)


def test_an_error_crosses_a_process_border(tmp_path):
    import copy

    error = copy.copy(audio.AudioError(tmp_path / "a.wav", "is empty"))
    assert str(error) == f"{tmp_path / 'a.wav'}: is empty"
