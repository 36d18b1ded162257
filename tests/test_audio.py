"""Audio: what is read is what was written, at any rate and channel count; loops come out exact, level and tagged."""

from pathlib import Path

import numpy as np
import pytest
import soxr
from conftest import AUDIO_FORMATS, click_track, house_loop

from fourfloor import audio
from fourfloor.audio.files import OWN_FOLDERS


def stream(path: Path, **settings) -> np.ndarray:
    return np.concatenate(list(audio.AudioStream(path, **settings)), axis=1)


@pytest.mark.parametrize("kind", AUDIO_FORMATS)
def test_every_format_is_read(write_audio, kind):
    rate = 48_000 if kind == "opus" else 44_100
    loop = house_loop(sample_rate=rate)
    path = write_audio(loop, kind, rate)
    info = audio.probe(path)
    assert (info.sample_rate, info.channels, info.frames) == (rate, 2, loop.shape[1])
    decoded = audio.decode(path, sample_rate=rate)
    assert decoded.dtype == np.float32
    assert decoded.shape == loop.shape
    step = AUDIO_FORMATS[kind][3]
    if step:
        assert np.abs(decoded - loop).max() <= step
    else:  # a lossy codec keeps time and most of the energy
        assert np.linalg.norm(decoded - loop) < 0.3 * np.linalg.norm(loop)


@pytest.mark.parametrize(
    ("kind", "container", "subtype", "step"),
    [
        ("wav", "WAV", "PCM_U8", 2.0**-7), ("wav", "WAV", "PCM_24", 2.0**-23), ("wav", "WAV", "PCM_32", 2.0**-23),
        ("wav", "WAV", "FLOAT", 0.0), ("wav", "WAV", "DOUBLE", 2.0**-24), ("wav", "WAVEX", "PCM_24", 2.0**-23),
        ("wav", "RF64", "PCM_16", 2.0**-15), ("flac", "FLAC", "PCM_S8", 2.0**-7), ("flac", "FLAC", "PCM_24", 2.0**-23),
        ("aiff", "AIFF", "PCM_S8", 2.0**-7), ("aiff", "AIFF", "PCM_24", 2.0**-23), ("aiff", "AIFF", "FLOAT", 0.0),
    ],
)  # fmt: skip
def test_every_depth_is_read_within_one_step(write_audio, kind, container, subtype, step):
    noise = np.random.default_rng(1).uniform(-0.9, 0.9, (2, 5000)).astype(np.float32)
    decoded = audio.decode(write_audio(noise, kind, subtype=subtype, container=container))
    assert np.abs(decoded - noise).max() <= step


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 32_000, 48_000, 88_200, 96_000, 192_000])
def test_every_rate_becomes_the_asked_one(write_audio, rate):
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(2 * rate) / rate)
    decoded = audio.decode(write_audio(tone[None], sample_rate=rate, subtype="FLOAT"), channels=1)
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(88_200) / 44_100)
    assert decoded.shape == (1, 88_200)
    assert np.abs(decoded[0] - expected)[2000:-2000].max() < 1e-5


def test_a_stream_is_resampled_without_seams_and_repeats_itself(write_audio):
    noise = np.random.default_rng(2).uniform(-0.5, 0.5, (2, 300_000)).astype(np.float32)
    path = write_audio(noise, sample_rate=48_000, subtype="FLOAT")
    source = audio.AudioStream(path, block_seconds=0.7)
    first, second = list(source), list(source)
    assert {block.shape[1] for block in first[:-1]} == {round(0.7 * 44_100)}
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    whole = soxr.resample(noise.T, 48_000, 44_100).T
    joined = np.concatenate(first, axis=1)
    assert joined.shape == whole.shape
    assert np.abs(joined - whole).max() < 1e-5
    assert source.repairs == []


@pytest.mark.parametrize("block_seconds", [0.01, 0.5, 100.0])
def test_blocks_of_any_length_join_to_the_same_waveform(write_audio, block_seconds):
    noise = np.random.default_rng(3).uniform(-0.5, 0.5, (2, 70_001)).astype(np.float32)
    path = write_audio(noise, subtype="FLOAT")
    assert np.array_equal(stream(path, block_seconds=block_seconds), noise)


@pytest.mark.parametrize("channels", range(1, 10))
def test_any_channel_count_is_mixed(write_audio, channels):
    rng = np.random.default_rng(4)
    waveform = rng.uniform(-0.9, 0.9, (channels, 4000)).astype(np.float32)
    path = write_audio(waveform, subtype="FLOAT")
    stereo, mono = audio.decode(path), audio.decode(path, channels=1)
    assert stereo.shape == (2, 4000)
    assert mono.shape == (1, 4000)
    assert np.abs(stereo).max() <= 0.9
    if channels == 1:
        assert np.array_equal(stereo, np.repeat(waveform, 2, axis=0))
    if channels == 2:
        assert np.array_equal(stereo, waveform)
    assert np.allclose(stereo.mean(axis=0), mono[0], atol=1e-6)


def test_a_center_is_in_the_middle_wherever_the_container_puts_it():
    alone = np.eye(6, dtype=np.float32)  # one frame a channel: left, right, center ... sounds alone
    wave_order, vorbis_order = audio.mix(alone, 2, "WAV"), audio.mix(alone, 2, "OGG")
    assert wave_order[2, 0] == wave_order[2, 1] > 0
    assert vorbis_order[1, 0] == vorbis_order[1, 1] > 0
    assert wave_order[0, 1] == wave_order[1, 0] == vorbis_order[2, 0] == 0
    assert not wave_order[3].any()
    assert not vorbis_order[5].any()


def test_decode_refuses_what_is_longer_than_asked(write_audio):
    path = write_audio(np.zeros((1, 88_200), np.float32))
    with pytest.raises(audio.AudioError, match="longer than 1 s"):
        audio.decode(path, max_seconds=1)


@pytest.mark.parametrize("settings", [{"sample_rate": 1}, {"channels": 3}, {"block_seconds": 0}])
def test_a_stream_refuses_settings_it_cannot_give(write_audio, settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        audio.AudioStream(write_audio(click_track(seconds=0.1)), **settings)


def test_resample_keeps_length_and_suppresses_aliases():
    rate = 44_100
    time = np.arange(rate) / rate
    waveform = np.stack([np.sin(2 * np.pi * 1000 * time), np.sin(2 * np.pi * 18_000 * time)]).astype(np.float32)
    down = audio.resample(waveform, rate, 10_000)
    assert down.shape == (2, 10_000)
    middle = down[:, 500:-500]
    assert np.sqrt(np.mean(middle[0] ** 2)) == pytest.approx(0.5**0.5, rel=1e-3)
    assert np.abs(middle[1]).max() < 1e-5
    assert np.array_equal(audio.resample(waveform, rate, rate), waveform)


def test_loudness_of_a_sine():
    tone = np.sin(2 * np.pi * 997 * np.arange(5 * 48_000) / 48_000)[None].astype(np.float32)
    # BS.1770-4, annex 1: a 0 dBFS sine near 1 kHz in one front channel reads -3.01 LKFS.
    assert audio.loudness_lufs(tone, 48_000) == pytest.approx(-3.01, abs=0.05)
    assert audio.loudness_lufs(np.repeat(tone, 2, axis=0), 48_000) == pytest.approx(0.0, abs=0.05)
    assert audio.loudness_lufs(tone[:, :4800], 48_000) == pytest.approx(-3.01, abs=0.3)
    assert audio.loudness_lufs(np.zeros((2, 48_000)), 48_000) == -np.inf


@pytest.mark.parametrize("rate", [44_100, 48_000])
@pytest.mark.parametrize(
    "steps", [((20, -23.0),), ((10, -36.0), (60, -23.0), (10, -36.0)), ((10, -72.0), (60, -23.0), (10, -72.0))]
)  # EBU Tech 3341, cases 1, 3 and 4 (shortened by its sections below the absolute gate)
def test_loudness_is_gated_as_the_broadcasters_test_signals_ask(rate, steps):
    tones = [10 ** (db / 20) * np.sin(2 * np.pi * 1000 * np.arange(seconds * rate) / rate) for seconds, db in steps]
    assert audio.loudness_lufs(np.tile(np.concatenate(tones), (2, 1)), rate) == pytest.approx(-23.0, abs=0.1)


def test_a_loop_is_as_loud_wherever_it_begins():
    loop = house_loop()
    assert audio.loudness_lufs(np.roll(loop, 12_345, axis=1), 44_100) == pytest.approx(
        audio.loudness_lufs(loop, 44_100), abs=0.05
    )


def test_true_peak_lies_between_the_samples():
    # A quarter of the rate, sampled at 45 degrees: no sample is above -3.01 dB of the peak of 0.5.
    tone = (0.5 * np.sin(np.pi / 2 * np.arange(44_100) + np.pi / 4) * np.hanning(44_100))[None].astype(np.float32)
    assert np.abs(tone).max() < 0.36
    assert audio.true_peak_db(tone, 44_100) == pytest.approx(-6.02, abs=0.05)
    long = np.concatenate([np.zeros((1, 300_000), np.float32), tone], axis=1)
    assert audio.true_peak_db(long, 44_100) == pytest.approx(-6.02, abs=0.05)
    assert audio.true_peak_db(np.zeros((1, 100)), 44_100) == -np.inf


@pytest.mark.parametrize("bars", [1, 2])
def test_a_loop_is_normalized_by_one_gain(bars):
    loop = 0.01 * house_loop(bars=bars)
    level = audio.normalize_loop(loop, 44_100)
    assert audio.true_peak_db(np.tile(level, 3), 44_100) <= -1.0
    assert audio.true_peak_db(level, 44_100) <= -1.0
    assert audio.loudness_lufs(np.tile(level, 8), 44_100) <= -13.9
    gain = level[:, 1000] / loop[:, 1000]
    assert np.allclose(level, loop * gain[0], atol=1e-6)


def test_the_target_is_reached_where_the_ceiling_allows():
    loop = 0.01 * house_loop()
    level = audio.normalize_loop(loop, 44_100, target_lufs=-30.0)
    assert audio.loudness_lufs(np.tile(level, 8), 44_100) == pytest.approx(-30.0, abs=0.2)
    step = np.tile(np.linspace(-0.5, 0.5, 44_100, dtype=np.float32), (2, 1))  # the highest peak is at its seam
    leveled = audio.normalize_loop(step, 44_100, target_lufs=0.0)
    assert audio.true_peak_db(np.tile(leveled, 3), 44_100) == pytest.approx(-1.01, abs=0.005)
    clicks = audio.normalize_loop(np.repeat(click_track(seconds=1.9), 2, axis=0), 44_100)
    assert audio.true_peak_db(clicks, 44_100) == pytest.approx(-1.01, abs=0.005)
    silence = np.zeros((2, 44_100), np.float32)
    assert np.array_equal(audio.normalize_loop(silence, 44_100), silence)


@pytest.mark.parametrize("waveform", [np.zeros(5), np.zeros((2, 0)), np.full((1, 5), np.nan)])
def test_levels_refuse_what_is_no_waveform(waveform):
    with pytest.raises(ValueError, match="waveform"):
        audio.normalize_loop(waveform, 44_100)


def test_real_tracks_come_out_whole(music_folder):
    paths, rejected = audio.find_audio([music_folder])
    assert len(paths) == 27
    assert rejected == []
    for path in paths[::9]:
        source = audio.AudioStream(path, channels=1)
        assert sum(block.shape[1] for block in source) == source.info.frames
        assert source.repairs == []


def test_channels_that_cancel_in_mono_are_told_and_turned_over(write_audio):
    loop = house_loop()
    for right, cancels in ((loop[1], False), (-loop[1], True), (-0.5 * loop[1], True), (np.roll(loop[1], 300), False)):
        path = write_audio(np.stack([loop[0], right]) + np.float32(0.01), subtype="FLOAT")
        source = audio.AudioStream(path)
        list(source)
        assert source.cancels is cancels
        assert source.repairs == (["left and right cancel in mono"] if cancels else [])
    path = write_audio(np.stack([loop[0], -loop[1]]), subtype="FLOAT")
    turned = audio.AudioStream(path, right_inverted=True)
    assert np.array_equal(np.concatenate(list(turned), axis=1), loop)
    assert turned.repairs == ["left and right cancel in mono: right channel inverted"]
    mono = audio.AudioStream(path, channels=1, right_inverted=True)
    assert np.allclose(np.concatenate(list(mono), axis=1)[0], loop.mean(axis=0), atol=1e-6)


@pytest.mark.parametrize(("silent", "name"), [(0, "left"), (1, "right")])
def test_a_silent_channel_and_folded_channels_are_told(write_audio, silent, name):
    loop = house_loop()
    loop[silent] = 0
    source = audio.AudioStream(write_audio(loop))
    list(source)
    assert source.repairs == [f"the {name} channel is silent"]
    source = audio.AudioStream(write_audio(np.tile(house_loop(), (3, 1))))
    list(source)
    assert source.repairs == ["6 channels folded to stereo"]
    source = audio.AudioStream(write_audio(np.zeros((2, 44_100), np.float32)))
    list(source)
    assert source.repairs == []


def test_files_of_many_faults_are_a_few_lines() -> None:
    words = [f"{first} {second} wrong" for first in "abcdef" for second in "ghijkl"]
    lines = audio.few_lines([(f"{number}.wav", word) for number, word in enumerate(words)])
    assert len(lines) == 20
    assert lines[-1] == "17 more files"
    assert audio.few_lines([("a", "b")] * 20) == ["a: b"] * 20


def test_folders_that_fourfloor_wrote_are_left_out(tmp_path: Path, dataset_folder: Path) -> None:
    for marks in OWN_FOLDERS:
        folder = tmp_path / marks[0].replace(".", "-") / "inner"
        (folder / "x").mkdir(parents=True)
        (folder / "x/a.wav").touch()
        (folder / marks[0]).touch()  # anybody may have a file of that name
        assert audio.find_audio([folder.parent]) == ([folder / "x/a.wav"], [])
        (folder / marks[1]).touch()
        assert audio.find_audio([folder.parent]) == ([], [(folder, OWN_FOLDERS[marks])])
        assert audio.find_audio([folder / "x"])[0] == [folder / "x/a.wav"]  # named itself, it is read
    assert audio.find_audio([dataset_folder])[1][0][1].startswith("is a dataset already")
