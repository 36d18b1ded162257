"""The loops that the verbs take: read with their tempo, or refused in one line."""

import shlex
from pathlib import Path

import numpy as np
import pytest
import soundfile
from test_editing import noise

import fourfloor as ff
from fourfloor.audio import LoopTags, read_tags, tempo_in_name, write_loop
from fourfloor.editing.source import check_source, read_source
from fourfloor.errors import FourfloorError
from fourfloor.interfaces.streaming import write_stream
from fourfloor.signal.beatgrid import loop_samples


def test_a_source_is_read_with_the_tempo_of_its_tags(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    write_loop(path, noise(127.3), LoopTags(bpm=127.3, bars=1, title="mine", key="Amin", comment="{}"))
    source = read_source(path)
    assert (source.bpm, source.bars, source.waveform.shape) == (127.3, 1, (2, loop_samples(127.3, 1, 44_100)))
    assert (source.tags.title, source.tags.key, source.tags.comment) == ("mine", "Amin", "{}")


def test_a_source_without_tags_has_the_tempo_of_its_name_or_the_one_given(tmp_path: Path) -> None:
    path = tmp_path / "loop_120bpm.flac"
    soundfile.write(path, noise(120, 2).T, 44_100)
    assert (read_source(path).bpm, read_source(path).bars, read_source(path).tags.bpm) == (120, 2, 120)
    bare = tmp_path / "loop.wav"
    soundfile.write(bare, noise(120, 2).T, 44_100)
    assert read_source(bare, bpm=120).bars == 2
    with pytest.raises(FourfloorError, match="pass --bpm"):
        read_source(bare)


def test_a_name_that_is_not_unicode_gets_a_title(tmp_path: Path) -> None:
    path = tmp_path / "caf\udce9 126bpm.wav"
    soundfile.write(tmp_path / "x.wav", noise().T, 44_100)
    (tmp_path / "x.wav").rename(path)
    source = read_source(path)
    assert source.tags.title == "caf\\udce9 126bpm"
    loop = ff.Loop(waveform=source.waveform, bpm=126, bars=1)
    saved = read_tags(loop.save(tmp_path / "caf\udce9.wav"))
    assert saved is not None
    assert saved.title == "caf\\udce9"


@pytest.mark.parametrize("name", ["loop.mp3", "loop.FLAC"])
def test_a_name_of_another_format_is_refused_before_the_work(name: str, tmp_path: Path) -> None:
    with pytest.raises(FourfloorError, match=r"loop\.\w+: fourfloor writes WAV; name it loop\.wav"):
        ff.Loop(waveform=noise(), bpm=126, bars=1).save(tmp_path / name)
    soundfile.write(tmp_path / "loop_126bpm.wav", noise().T, 44_100)
    with pytest.raises(FourfloorError, match="fourfloor writes WAV"):
        ff.arrange([tmp_path / "loop_126bpm.wav"], tmp_path / name, form="A")
    with pytest.raises(FourfloorError, match="fourfloor writes WAV"):
        write_stream(iter(()), str(tmp_path / name), "wav", 0.1, False)
    with pytest.raises(FourfloorError, match=r"--format raw writes samples without a header; name it loop\.raw"):
        write_stream(iter(()), str(tmp_path / name), "raw", 0.1, False)
    with pytest.raises(FourfloorError, match="a WAV file holds 405 minutes: pass fewer, or --format raw"):
        write_stream(iter(()), str(tmp_path / "day.wav"), "wav", 1440, False)
    assert [path.name for path in tmp_path.iterdir()] == ["loop_126bpm.wav"]


@pytest.mark.parametrize(
    ("made", "bpm", "said"),
    [
        ({"channels": 1}, 126, "is mono, a loop must be stereo"),
        ({"channels": 3}, 126, "has 3 channels"),
        ({"rate": 96_000}, 126, "has 96000 Hz, a loop must have 44100"),
        ({"extra": 100}, 126, "are 1.001 bars at 126 BPM"),
        ({"bpm": 70.0}, 70, "70 BPM is outside 90-180; pass --bpm 140"),
        ({"bpm": 30.0}, 30, "30 BPM is outside 90-180; use another loop"),
    ],
)
def test_what_is_no_loop_of_ours_is_refused_in_one_line(made: dict, bpm: float, said: str, tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    soundfile.write(path, noise(**made).T, made.get("rate", 44_100))
    with pytest.raises(FourfloorError) as error:
        check_source(path, bpm)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_the_command_that_converts_a_loop_can_be_typed_and_keeps_its_tempo(tmp_path: Path) -> None:
    path = tmp_path / "my loop 126bpm.wav"
    soundfile.write(path, noise(channels=1).T, 44_100)
    with pytest.raises(FourfloorError) as error:
        check_source(path)
    command = shlex.split(str(error.value).split("convert it: ")[1])
    assert command == ["sox", str(path), "-c", "2", str(tmp_path / "my loop 126bpm_stereo.wav")]
    assert tempo_in_name(Path(command[-1]).stem) == 126


@pytest.mark.parametrize("content", [b"", b"RIFF", b"text\n" * 100])
def test_what_is_no_audio_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x_126bpm.wav"
    path.write_bytes(content)
    with pytest.raises(FourfloorError, match=r"x_126bpm\.wav"):
        read_source(path)


def test_a_source_keeps_its_samples_and_its_offset_to_the_step(tmp_path: Path) -> None:
    path = tmp_path / "x_126bpm.wav"
    soundfile.write(path, 0.5 * noise().T + 0.02, 44_100, subtype="PCM_24")
    assert np.array_equal(read_source(path).waveform, soundfile.read(path, dtype="float32")[0].T)
    ff.pack([path], tmp_path / "pack", formats=["wav"])
    (packed,) = (tmp_path / "pack" / "loops").iterdir()
    assert np.array_equal(soundfile.read(packed, dtype="int32")[0], soundfile.read(path, dtype="int32")[0])


def test_a_source_with_samples_that_are_not_numbers_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x_126bpm.wav"
    waveform = noise()
    waveform[1, 5000] = np.nan
    soundfile.write(path, waveform.T, 44_100, subtype="FLOAT")
    with pytest.raises(FourfloorError, match="1 samples NaN"):
        read_source(path)
    with pytest.raises(FourfloorError, match="1 samples NaN"):
        ff.pack([path], tmp_path / "pack", formats=["wav"])


def test_a_source_beyond_full_scale_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x_126bpm.wav"
    soundfile.write(path, 20 * noise().T, 44_100, subtype="FLOAT")
    with pytest.raises(FourfloorError, match="above full scale"):
        read_source(path)


def test_a_source_that_cancels_in_mono_is_refused_with_the_command_that_mends_it(tmp_path: Path) -> None:
    path = tmp_path / "x_126bpm.wav"
    (left, _) = noise()
    soundfile.write(path, np.stack([left, -left]).T, 44_100)
    with pytest.raises(FourfloorError, match=r"cancel in mono; invert one channel: sox .*_inverted\.wav remix 1 2v-1"):
        read_source(path)
    with pytest.raises(FourfloorError, match="cancels in mono"):
        ff.Loop(waveform=np.stack([left, -left]), bpm=126, bars=1).stems()


@pytest.mark.parametrize(
    ("bars", "level", "said"),
    [
        (3, 0.1, r"x_126bpm\.wav: lasts 3 bars; cut it to 1, 2, 4 or 8 bars"),
        (1, 1e-5, r"x_126bpm\.wav: is silent"),
    ],
)
def test_what_a_model_cannot_take_in_is_refused_by_its_name(bars: int, level: float, said: str, tmp_path: Path) -> None:
    path = tmp_path / "x_126bpm.wav"
    soundfile.write(path, level * noise(126, bars).T + 0.1, 44_100, subtype="FLOAT")
    with pytest.raises(FourfloorError, match=said):
        ff.load("warehouse").vary(path)
