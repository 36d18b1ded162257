"""Tempo, key, texts and length, as libraries of tags and of audio read them."""

import shutil
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile
from playing import loops_of, module, program, run, waveform


@pytest.fixture(params=[0, 1, 2])
def loop(request: pytest.FixtureRequest, packed_loops: Path) -> dict:
    return {**loops_of(packed_loops)[request.param], "folder": packed_loops}


@pytest.fixture
def wav(loop: dict) -> Path:
    return loop["folder"] / "loops" / f"{loop['name']}.wav"


@pytest.fixture
def flac(loop: dict) -> Path:
    return loop["folder"] / "flac" / f"{loop['name']}.flac"


def initial_key(key: str | None) -> str | None:
    return key and key.replace("min", "m")


def test_mutagen_reads_tempo_key_and_title(loop: dict, wav: Path, flac: Path) -> None:
    mutagen = module("mutagen", "mutagen")
    file = mutagen.File(wav)
    assert float(str(file.tags["TBPM"])) == pytest.approx(loop["bpm"], abs=5e-4)
    assert str(file.tags["TIT2"]) == "Nöise"
    assert (str(file.tags["TKEY"]) if "TKEY" in file.tags else None) == initial_key(loop["key"])
    assert file.info.length * 44_100 == pytest.approx(loop["frames"])
    vorbis = mutagen.File(flac)
    assert float(vorbis["BPM"][0]) == pytest.approx(loop["bpm"], abs=5e-4)
    assert vorbis["TITLE"] == ["Nöise"]
    assert vorbis.info.total_samples == loop["frames"]


def test_taglib_reads_tempo_key_and_title(loop: dict, wav: Path, flac: Path) -> None:
    taglib = module("taglib", "pytaglib")
    for path in (wav, flac):
        with taglib.File(path) as file:
            assert float(file.tags["BPM"][0]) == pytest.approx(loop["bpm"], abs=5e-4)
            assert file.tags["TITLE"] == ["Nöise"]
    with taglib.File(wav) as file:
        assert file.tags.get("INITIALKEY", [None]) == [initial_key(loop["key"])]


def test_libsndfile_reads_tempo_beats_and_every_sample(loop: dict, wav: Path, flac: Path) -> None:
    with soundfile.SoundFile(wav) as file:
        said = file.extra_info
    assert "Beats     : 16" in said
    assert f"Tempo     : {loop['bpm']:.5f}"[:18] in said
    assert f"End : {loop['frames'] - 1}".replace(" ", "") in said.replace(" ", "")
    assert (soundfile.read(wav, dtype="int32")[0] == soundfile.read(flac, dtype="int32")[0]).all()


def test_older_readers_see_the_audio_and_stumble_over_nothing(loop: dict, wav: Path) -> None:
    from scipy.io import wavfile

    with wave.open(str(wav)) as file:
        assert (file.getnframes(), file.getnchannels(), file.getframerate()) == (loop["frames"], 2, 44_100)
    with pytest.warns(wavfile.WavFileWarning, match="not understood"):
        rate, samples = wavfile.read(wav)
    assert (rate, samples.shape) == (44_100, (loop["frames"], 2))
    assert (samples == soundfile.read(wav, dtype="int32")[0]).all()


def test_wavinfo_reads_loop_points_and_texts(loop: dict, wav: Path) -> None:
    found = module("wavinfo", "wavinfo").WavInfoReader(str(wav))
    assert found.data.frame_count == loop["frames"]
    sampler = found.smpl.to_dict()
    assert sampler["midi_note"] == 60
    assert (sampler["loops"][0]["start_samples"], sampler["loops"][0]["end_samples"]) == (0, loop["frames"] - 1)


def test_sox_reads_every_sample(loop: dict, wav: Path, tmp_path: Path) -> None:
    run([program("sox", "sox"), wav, "-b", 24, tmp_path / "out.wav"], tmp_path)
    assert (waveform(tmp_path / "out.wav") == waveform(wav)).all()


def test_ffmpeg_reads_every_sample_and_the_title(loop: dict, wav: Path, tmp_path: Path) -> None:
    ffmpeg = program("ffmpeg", "ffmpeg")
    run([ffmpeg, "-v", "error", "-i", wav, "-c:a", "pcm_s24le", tmp_path / "out.wav"], tmp_path)
    assert (waveform(tmp_path / "out.wav") == waveform(wav)).all()
    probed = run([shutil.which("ffprobe"), "-v", "error", "-show_entries", "format_tags", wav], tmp_path).stdout
    assert "TAG:title=Nöise" in probed


def test_flac_s_own_decoder_reads_every_sample(loop: dict, wav: Path, flac: Path, tmp_path: Path) -> None:
    run([program("flac", "flac"), "--silent", "--test", flac], tmp_path)
    run([program("flac", "flac"), "--silent", "--decode", "-o", tmp_path / "out.wav", flac], tmp_path)
    assert np.array_equal(waveform(tmp_path / "out.wav"), waveform(wav))


def test_pyrekordbox_reads_the_tempo(loop: dict) -> None:
    library = module("pyrekordbox", "pyrekordbox").RekordboxXml(loop["folder"] / "rekordbox.xml")
    track = next(track for track in library.get_tracks() if Path(track.Location).stem == loop["name"])
    assert track.AverageBpm == pytest.approx(loop["bpm"], abs=5e-3)
    assert (track.tempos[0].Inizio, track.tempos[0].Metro) == (0, "4/4")
    assert track.marks[0].End == pytest.approx(loop["frames"] / 44_100, abs=5e-4)
