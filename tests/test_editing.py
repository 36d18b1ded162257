"""The verbs on a loop that is there: what they accept, and what they promise of the result."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from fourfloor.audio import LoopTags, write_loop
from fourfloor.editing.source import check_source, read_source
from fourfloor.errors import FourfloorError
from fourfloor.signal.beatgrid import loop_samples


def noise(bpm: float = 126.0, bars: int = 1, channels: int = 2, rate: int = 44_100, extra: int = 0) -> np.ndarray:
    samples = loop_samples(bpm, bars, rate) + extra
    return 0.1 * np.random.default_rng(0).standard_normal((channels, samples)).astype(np.float32).clip(-9, 9)


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


@pytest.mark.parametrize("content", [b"", b"RIFF", b"text\n" * 100])
def test_what_is_no_audio_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x_126bpm.wav"
    path.write_bytes(content)
    with pytest.raises(FourfloorError, match=r"x_126bpm\.wav"):
        read_source(path)


def test_a_source_beyond_full_scale_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x_126bpm.wav"
    soundfile.write(path, 20 * noise().T, 44_100, subtype="FLOAT")
    with pytest.raises(FourfloorError, match="above full scale"):
        read_source(path)
