"""Synthetic music of known tempo, the audio files it is written to, and where the real tracks lie."""

import hashlib
import os
import random
import re
import shutil
import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import HealthCheck, settings

from fourfloor import recipes
from fourfloor.api import verifying
from fourfloor.ingestion.writing import DatasetWriter
from fourfloor.interfaces import show
from fourfloor.networks import Part, graphs

RECIPES = recipes.FOLDER
# What changes how rich and typer print, how large our cache is, and how many ranks a training has.
SETTINGS = (
    "CLICOLOR_FORCE", "COLUMNS", "FORCE_COLOR", "FOURFLOOR_CACHE_GB", "GITHUB_ACTIONS", "LINES", "NO_COLOR",
    "PY_COLORS", "RANK", "TERMINAL_WIDTH", "TORCHELASTIC_RUN_ID", "TTY_COMPATIBLE", "TYPER_USE_RICH", "WORLD_SIZE",
)  # fmt: skip
# The same examples in every run, however slow the machine is; `--hypothesis-profile=default` tries others.
settings.register_profile(
    "steady", derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("steady")
MUSIC = Path(__file__).resolve().parents[2] / "shared" / "music"
# name: extension, libsndfile's format and subtype, smallest step of a sample (None: lossy)
AUDIO_FORMATS = {
    "wav": (".wav", "WAV", "PCM_16", 2.0**-15),
    "flac": (".flac", "FLAC", "PCM_16", 2.0**-15),
    "ogg": (".ogg", "OGG", "VORBIS", None),
    "opus": (".opus", "OGG", "OPUS", None),
    "mp3": (".mp3", "MP3", "MPEG_LAYER_III", None),
    "aiff": (".aiff", "AIFF", "PCM_16", 2.0**-15),
}


@pytest.fixture(autouse=True, scope="session")
def quick_exports() -> Iterator[None]:
    """Trace each network once in a session, which takes seconds, and check an exported model by two loops."""
    traced: dict[str, tuple[bytes, list[str]]] = {}
    trace = graphs.graph

    def traced_once(
        part: Part, tensors: Mapping[str, np.ndarray], in_8_bits: frozenset[str]
    ) -> tuple[bytes, list[str]]:
        content = b"".join(name.encode() + value.tobytes() for name, value in sorted(tensors.items()))
        key = f"{part.outputs} {sorted(part.inputs)} {hashlib.sha256(content).hexdigest()}"
        if key not in traced:
            traced[key] = trace(part, tensors, in_8_bits)
        return traced[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(graphs, "graph", traced_once)
        patch.setattr(verifying, "LOOPS", 2)
        yield


@pytest.fixture(autouse=True, scope="session")
def no_progress_lines() -> Iterator[None]:
    """Let no command in this process print how far it is because the machine is slow: tests count its lines."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(show, "PLAIN_SECONDS", 3600.0)
        patch.setattr(show, "ANNOUNCE_SECONDS", 3600.0)
        yield


def without_progress(errors: str) -> str:
    """Return what a process printed without the lines that say how far it is."""
    return "".join(line for line in errors.splitlines(keepends=True) if not re.match(r"\d+ %  ", line))


def pytest_configure() -> None:
    """Take the signal of a closed terminal as usual, also where `nohup` started the tests: they send it.

    Settings of whoever runs the tests do not reach them. torch gets one thread: the tests run in a process for each
    core, and some fork, which its pool does not survive.
    """
    for name in SETTINGS:
        os.environ.pop(name, None)
    torch.set_num_threads(1)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Let a test, and the fixtures made for it, draw the same numbers whatever ran before it in the process."""
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)


def house_loop(bpm: float = 126.0, bars: int = 1, sample_rate: int = 44_100, seed: int = 0) -> np.ndarray:
    """Return a stereo loop: kick on the beat, clap on two and four, open hat off the beat, bass after the kick.

    Sounds ring over the end into the start, so the loop is seamless and has exactly the length of its bars.
    """
    rng = np.random.default_rng(seed)
    beat = 60.0 / bpm
    samples = round(bars * 4 * beat * sample_rate)
    loop = np.zeros((2, samples))
    time = np.arange(round(0.4 * sample_rate)) / sample_rate
    kick = np.exp(-time / 0.12) * np.sin(2 * np.pi * (50 * time + 6 * (1 - np.exp(-time / 0.03))))
    noise = np.diff(rng.standard_normal((2, len(time) + 1)))
    clap, hat = 0.15 * noise * np.exp(-time / 0.06), 0.1 * noise[::-1] * np.exp(-time / 0.03)
    root = 55.0 * 2 ** (rng.integers(0, 12) / 12)
    bass = 0.25 * np.exp(-time / 0.15) * np.sin(2 * np.pi * root * time)
    for index in range(bars * 4):
        _add_round(loop, kick * 0.6, index * beat * sample_rate)
        _add_round(loop, hat, (index + 0.5) * beat * sample_rate)
        _add_round(loop, bass, (index + 0.75) * beat * sample_rate)
        if index % 2:
            _add_round(loop, clap, index * beat * sample_rate)
    return (loop / max(1.0, np.abs(loop).max() / 0.9)).astype(np.float32)


def _add_round(loop: np.ndarray, sound: np.ndarray, position: float) -> None:
    places = (round(position) + np.arange(sound.shape[-1])) % loop.shape[1]
    np.add.at(loop.T, places, np.broadcast_to(sound, (2, len(places))).T)


def click_track(
    bpm: float = 126.0, seconds: float = 10.0, sample_rate: int = 44_100, first_beat: float = 0.0
) -> np.ndarray:
    """Return mono clicks `(1, samples)`, the first of each four louder; every click begins on its sample."""
    waveform = np.zeros((1, round(seconds * sample_rate)), np.float32)
    time = np.arange(round(0.01 * sample_rate)) / sample_rate
    click = np.sin(2 * np.pi * 2000 * time) * np.exp(-time / 0.002)
    for index, start in enumerate(np.arange(first_beat, seconds, 60.0 / bpm)):
        place = waveform[0, round(start * sample_rate) :][: len(click)]
        place += (0.9 if index % 4 == 0 else 0.5) * click[: len(place)]
    return waveform


@pytest.fixture
def make_house_loop() -> Callable[..., np.ndarray]:
    return house_loop


@pytest.fixture
def make_click_track() -> Callable[..., np.ndarray]:
    return click_track


@pytest.fixture
def write_audio(tmp_path: Path) -> Callable[..., Path]:
    """Write `(channels, samples)` as one of AUDIO_FORMATS (or any given subtype) and return the path."""

    def write(
        waveform: np.ndarray,
        kind: str = "wav",
        sample_rate: int = 44_100,
        name: str = "track",
        subtype: str | None = None,
        container: str | None = None,
    ) -> Path:
        extension, default_container, default_subtype, _ = AUDIO_FORMATS[kind]
        path = tmp_path / (name + extension)
        soundfile.write(
            path, waveform.T, sample_rate, subtype=subtype or default_subtype, format=container or default_container
        )
        return path

    return write


@pytest.fixture(scope="session")
def music_folder() -> Path:
    """Return the folder of real tracks; skip the test where it is absent."""
    if not (MUSIC / "tempo.csv").is_file():
        pytest.skip("the real tracks are not beside this checkout (../shared/music)")
    return MUSIC


@pytest.fixture(scope="session")
def dataset_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a dataset of 12 loops of four bars: six tracks at six tempi, two loops each, one track to validate."""
    out = tmp_path_factory.mktemp("datasets") / "house"
    with DatasetWriter(out, bars=4) as writer:
        for number, bpm in enumerate((96.0, 118.0, 124.0, 126.0, 128.0, 150.0)):
            split = "validation" if number == 5 else "train"
            track = writer.add_track(
                name=f"track {number}", path=f"{number}.wav", sha256=f"{number:064d}", bpm=bpm, split=split,
                style="house" if number % 2 else "techno",
            )  # fmt: skip
            previous = None
            for part in range(2):
                waveform = house_loop(bpm, 4, seed=2 * number + part)
                previous = writer.add_loop(waveform, track=track, bpm=bpm, follows=previous)
        writer.finish()
    return out


@pytest.fixture(scope="session")
def truth_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a dataset of three produced loops of four bars with stems and score, one of them to validate."""
    from fourfloor.producer import produce

    out = tmp_path_factory.mktemp("datasets") / "truth"
    produce(out, count=3, style="tech house", seed=77, truth=True)
    return out


TINY = {
    "decoder": ("--set", "model.width=16", "--set", "training.batch_size=2", "--set", "representation.crop_latents=16"),
    "prior": ("--set", "model.width=32", "--set", "model.depth=1", "--set", "training.batch_size=2"),
}


@pytest.fixture(scope="session")
def trained_runs(dataset_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Train a tiny decoder and a tiny prior for three steps through the real pipeline; return their run folders."""
    from fourfloor import api

    runs = tmp_path_factory.mktemp("runs")
    for name, options in TINY.items():
        request = api.TrainRequest(
            recipe=RECIPES / f"{name}.toml", data=[dataset_folder], run=runs / name, steps=3, overrides=options[1::2],
            device="cpu",
        )  # fmt: skip
        api.train(request)
    return {name: runs / name for name in TINY}


@pytest.fixture(scope="session")
def prior_without_controls(
    trained_runs: dict[str, Path], dataset_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Train a tiny prior that knows no controls, beside a decoder that fits; return its run folder."""
    from fourfloor import api

    runs = tmp_path_factory.mktemp("without")
    shutil.copytree(trained_runs["decoder"], runs / "decoder")
    request = api.TrainRequest(
        recipe=RECIPES / "prior.toml", data=[dataset_folder], run=runs / "plain", steps=1, device="cpu",
        overrides=(*TINY["prior"][1::2], "model.controls=false"),
    )  # fmt: skip
    api.train(request)
    return runs / "plain"


# Frames of the loops that other programs play: at a whole tempo, off any grid, and odd.
PLAYED_FRAMES = (336_000, 341_419, 333_333)


@pytest.fixture(scope="session")
def packed_loops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a pack of three loops of noise in steps of 16 bit, each with two stems and MIDI, in every format."""
    from fourfloor import audio
    from fourfloor.packs import PackLoop, pack
    from fourfloor.producer.midi import write_midi
    from fourfloor.producer.score import Event

    folder = tmp_path_factory.mktemp("played")
    beats = [*range(16), 0.75, 5.5, 13.25]
    kicks = [Event(instrument="kick", start=beat, duration=0.25, pitch=36, velocity=0.9) for beat in beats]
    basses = [Event(instrument="bass", start=beat + 0.5, duration=0.5, pitch=33, velocity=0.7) for beat in range(15)]
    loops = []
    for number, frames in enumerate(PLAYED_FRAMES):
        rng = np.random.default_rng(number)
        kick, bass = (rng.integers(-8192, 8192, (2, frames)).astype(np.float32) / 32_768 for _ in range(2))
        paths = {name: folder / f"{number}_{name}.wav" for name in ("mix", "kick", "bass")}
        for path, waveform in zip(paths.values(), (kick + bass, kick, bass), strict=True):
            audio.write_loop(path, waveform, None)
        bpm, notes = 16 * 60 * 44_100 / frames, folder / f"{number}.mid"
        write_midi(notes, kicks + basses, bpm, 4)
        stems = {name: paths[name] for name in ("kick", "bass")}
        key = ("Amin", "F#min", None)[number]
        loops.append(PackLoop(path=paths["mix"], bpm=bpm, bars=4, key=key, title="Nöise", stems=stems, midi=notes))
    out = folder / "played"
    pack(loops, out)
    return out


@pytest.fixture
def run(trained_runs: dict[str, Path], tmp_path: Path) -> Path:
    """Return a copy of the tiny prior's run, to be damaged."""
    return Path(shutil.copytree(trained_runs["prior"], tmp_path / "prior"))


@pytest.fixture
def track(make_house_loop: Callable[..., np.ndarray]) -> np.ndarray:
    """Six bars at 126 BPM, no two alike: another pitch in each."""
    bars = [make_house_loop(126.0, 1, 44_100, seed) for seed in range(6)]
    time = np.arange(bars[0].shape[1]) / 44_100
    tones = [0.1 * np.sin(2 * np.pi * 300 * 1.3**seed * time) for seed in range(6)]
    return np.concatenate([0.8 * bar + tone for bar, tone in zip(bars, tones, strict=True)], axis=1).astype(np.float32)
