"""From a trained model to loops: exact length, closed, the same seed the same bytes."""

import importlib
import json
import os
import shutil
import subprocess
import sys
import threading
import wave
import weakref
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.linalg
from conftest import RECIPES
from PIL import Image

from fourfloor import api, audio, generation, loading
from fourfloor.api.parallel import AHEAD, in_parallel
from fourfloor.errors import FourfloorError
from fourfloor.generation import Request
from fourfloor.networks.stored import stored
from fourfloor.processes import core_count
from fourfloor.representations.controls import Controls
from fourfloor.representations.magnitude import SAMPLED, Rendering
from fourfloor.signal.beatgrid import loop_samples
from fourfloor.training.checkpoint import CheckpointError


@pytest.fixture(scope="session")
def model(trained_runs: dict[str, Path]) -> loading.LoopModel:
    return loading.load_model(str(trained_runs["prior"]))


@pytest.mark.parametrize(("bpm", "bars"), [(90.0, 1), (126.0, 4), (133.37, 2), (180.0, 8)])
def test_a_loop_is_exact_and_closed(model: loading.LoopModel, bpm: float, bars: int) -> None:
    loop = generation.make_loop(model, Request(bpm=bpm, bars=bars))
    assert loop.shape == (2, loop_samples(bpm, bars, 44_100))
    assert np.isfinite(loop).all()


def joint_excess(loop: np.ndarray, beats: int, order: int = 32) -> float:
    """Compare what linear prediction around the circle misses at the joint with what it misses at the other beats."""
    mono = loop.mean(axis=0, dtype=np.float64)
    spectrum = np.fft.rfft(mono)
    correlation = np.fft.irfft(np.abs(spectrum) ** 2, len(mono))[: order + 1]
    correlation[0] *= 1 + 1e-6
    weights = scipy.linalg.solve_toeplitz(correlation[:-1], correlation[1:])
    missed = np.fft.irfft(spectrum * np.fft.rfft(np.append(1, -weights), len(mono)), len(mono)) ** 2
    around = np.round(np.arange(beats) * len(mono) / beats).astype(int)[:, None] + np.arange(-2, order + 2)
    energy = missed[around % len(mono)].sum(axis=1)
    return float(energy[0] / np.median(energy[1:]))


def test_a_loop_goes_on_over_its_joint_and_an_open_cut_does_not() -> None:
    bundled = loading.load_model()
    loops = [generation.make_loop(bundled, Request(bpm=126.0, bars=4, seed=seed)) for seed in range(3)]
    closed = [joint_excess(loop, 16) for loop in loops]
    opened = [joint_excess(loop[:, : -loop.shape[1] // 64], 16) for loop in loops]
    # Of twelve seeds the closed loops reach 3.6, cuts a sixth or a third of a beat short begin at 21.
    assert max(closed) < 9 < min(opened)


def test_the_seed_decides_every_sample(model: loading.LoopModel) -> None:
    first, again, other = (generation.make_loop(model, Request(bars=1, seed=seed)) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)


def test_a_style_has_noise_of_its_own_and_a_tempo_has_not(model: loading.LoopModel, monkeypatch: Any) -> None:
    family = model.prior.family
    monkeypatch.setattr(family, "sample", lambda networks, n, given, sampling, rng, bars: rng.standard_normal((n, 4)))
    asked = [Request(bars=1, seed=3, style=style, bpm=bpm) for style in (None, "house", "techno") for bpm in (120, 150)]
    drawn = [generation.sample(model.prior, request, 1) for request in asked]
    alike = np.array([[np.array_equal(a, b) for a in drawn] for b in drawn])
    np.testing.assert_array_equal(alike, np.kron(np.eye(3), np.ones((2, 2))))
    np.testing.assert_array_equal(drawn[0][0], np.random.default_rng([3, generation.SAMPLING]).standard_normal(4))


@pytest.mark.parametrize(
    ("asked", "measured", "attempts", "kept"),
    [
        (Controls(), [], 1, 0),
        (Controls(density=0.8), [0.65], 1, 0),
        (Controls(density=0.8), [0.5, 0.75, 0.8], 2, 1),
        (Controls(density=0.8), [0.3, 0.5, 0.4, 0.2, 0.8], 4, 1),
        (Controls(kick=False), [1, 1, 0], 3, 2),
        (Controls(kick=False), [1, 1, 1, 1], 4, 0),
        (Controls(density=0.8), [np.nan] * 4, 4, 3),
    ],
)
def test_latents_are_drawn_again_until_the_controls_are_as_asked_for(
    model: loading.LoopModel, monkeypatch: Any, asked: Controls, measured: list[float], attempts: int, kept: int
) -> None:
    tried = []

    def sample(prior: Any, request: Request, count: int, sampling: Any = None, attempt: int = 0) -> np.ndarray:
        tried.append(attempt)
        return np.full((1, 8, 2), attempt)

    def ranks_of(prior: Any, request: Request, z: np.ndarray) -> dict[str, float]:
        return dict.fromkeys(request.controls.asked, measured[int(z[0, 0])])

    monkeypatch.setattr(generation, "sample", sample)
    monkeypatch.setattr(generation, "_ranks_of", ranks_of)
    monkeypatch.setattr(type(model.prior.codec), "to_features", lambda codec, z: z)
    z = generation.sample_latents(model.prior, Request(bars=1, controls=asked))
    assert tried == list(range(attempts))
    assert z[0, 0] == kept


def test_latents_tell_the_controls_of_the_finished_loop() -> None:
    bundled = loading.load_model()
    wanted = [Request(bars=1, seed=4, controls=Controls(density=value, kick=value > 0.5)) for value in (0.1, 0.9)]
    drawn = [generation.sample_latents(bundled.prior, request) for request in wanted]
    for request, z in zip(wanted, drawn, strict=True):
        loop = generation.decode_latents(bundled, z, request.bpm, request.bars, request.seed)
        heard = generation.measured_controls(bundled, request, loop)
        assert generation._miss(bundled.prior, request, z) < 0.3
        assert heard["kick"] == request.controls.asked["kick"]
        assert abs(heard["density"] - request.controls.asked["density"]) < 0.35


def test_a_sampled_loop_is_rendered_in_tune_and_with_contrast() -> None:
    bundled, asked = loading.load_model(), Request(bars=1, seed=2)
    assert bundled.decoder is not None
    z = generation.sample_latents(bundled.prior, asked)
    as_drawn, in_tune, sampled = (
        generation.render(bundled.decoder, z, asked.bpm, loop_samples(asked.bpm, 1, 44_100), 2, rendering)
        for rendering in (Rendering(), Rendering(in_tune=True), SAMPLED)
    )
    made = generation.make_loop(bundled, asked)
    np.testing.assert_array_equal(made, sampled)
    assert np.abs(in_tune - as_drawn).max() > 0.01
    assert np.abs(sampled - in_tune).max() > 0.01


@pytest.mark.parametrize("name", ["data_hash", "vocabulary"])
def test_a_model_without_a_part_of_its_description_is_refused(
    trained_runs: dict[str, Path], tmp_path: Path, name: str
) -> None:
    api.export(trained_runs["prior"], str(trained_runs["decoder"]), tmp_path)
    path = tmp_path / loading.PRIOR_FILE
    meta = json.loads(path.read_text())
    for damaged in ({key: value for key, value in meta.items() if key != name}, {**meta, name: 7}):
        path.write_text(json.dumps(damaged))
        with pytest.raises(CheckpointError, match=r"train it again|is damaged"):
            loading.load_model(str(tmp_path))


def test_the_style_is_asked_for_by_name(model: loading.LoopModel) -> None:
    assert model.prior.vocabulary == ["house", "techno"]
    assert generation.style_number(model.prior, None) == 0
    assert generation.style_number(model.prior, "techno") == 2
    assert generation.style_number(model.prior, "TECH") == 2
    with pytest.raises(FourfloorError, match="style 'polka' is unknown: use one of house, techno"):
        generation.style_number(model.prior, "polka")


def make(run: Path, out: Path, **options: Any) -> dict[str, Any]:
    """Generate two loops of one bar with a run's model; return what `--json` prints."""
    asked: dict[str, Any] = {"model": run, "bars": 1, "count": 2, **options}
    return api.generate(out, **asked).to_json()


def test_generate_writes_what_it_says(trained_runs: dict[str, Path], tmp_path: Path) -> None:
    said = make(trained_runs["prior"], tmp_path / "a", bpm=128.0, sheet=True)
    assert list(said) == ["loops", "unchanged_from", "audio_seconds", "wall_seconds"]
    assert len(said["loops"]) == 2
    for row in said["loops"]:
        assert list(row) == [
            "file", "bpm", "bars", "frames", "sample_rate", "key", "seed", "seam", "bpm_measured", "copy_score",
            "nearest", "controls", "faults", "draws",
        ]  # fmt: skip
        assert "_128bpm_" in row["file"]
        with wave.open(row["file"]) as file:
            assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (44_100, 2, 3)
            assert file.getnframes() == row["frames"] == loop_samples(128.0, 1, 44_100)
        tags = audio.read_tags(row["file"])
        assert tags is not None
        assert (tags.bpm, tags.bars) == (128.0, 1)
        assert json.loads(tags.comment)["seed"] == row["seed"]
        assert audio.true_peak_db(audio.decode(row["file"]), 44_100) <= -0.99
        assert " @ " in row["nearest"]
    with Image.open(tmp_path / "a" / "spectrograms.png") as sheet:
        assert min(sheet.size) > 200
    again = make(trained_runs["prior"], tmp_path / "b", bpm=128.0)
    for first, second in zip(said["loops"], again["loops"], strict=True):
        assert Path(first["file"]).read_bytes() == Path(second["file"]).read_bytes()


def test_what_was_asked_for_is_measured_back(model: loading.LoopModel) -> None:
    waveform = generation.make_loop(model, Request(bars=1))
    asked = Request(bars=1, controls=Controls(density=0.25, kick=True))
    measured = generation.measured_controls(model, asked, waveform)
    assert set(measured) == {"density", "kick"}


def test_evaluate_keeps_no_loop_of_a_model_and_makes_it_again(
    trained_runs: dict[str, Path], dataset_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = importlib.import_module("fourfloor.api.evaluate")
    made: list[weakref.ref] = []

    def leveled(model: loading.LoopModel, request: Request) -> np.ndarray:
        waveform = np.full((2, 1000), float(request.seed), np.float32)
        made.append(weakref.ref(waveform))
        return waveform

    monkeypatch.setattr(module, "leveled", leveled)
    asked = module.EvaluateRequest(loops=str(trained_runs["prior"]), against=dataset_folder, n=200, seed=5)
    source = module._sampled(asked, asked.loops, loading.load_model(asked.loops))
    most, contents = 0, []
    for loop in source.stream(range(200)):
        contents.append(loop.content)
        most = max(most, sum(reference() is not None for reference in made))
    assert most <= AHEAD * len(os.sched_getaffinity(0)) + 3
    assert source[7].content == contents[7] == source[7].content
    assert len(set(contents)) == 200


def test_an_exported_model_makes_the_same_music(
    trained_runs: dict[str, Path], model: loading.LoopModel, tmp_path: Path
) -> None:
    size = api.export(trained_runs["prior"], str(trained_runs["decoder"]), tmp_path / "tiny")
    assert size == sum(path.stat().st_size for path in (tmp_path / "tiny").iterdir())
    exported = loading.load_model(str(tmp_path / "tiny"))
    first = generation.sample_latents(model.prior, Request(bars=1))
    second = generation.sample_latents(exported.prior, Request(bars=1))
    np.testing.assert_allclose(first, second, atol=0.05)  # weights in fewer bits
    make(tmp_path / "tiny", tmp_path / "loops")


def test_runs_are_exported_with_the_decoder_they_are_heard_with(
    trained_runs: dict[str, Path], dataset_folder: Path, tmp_path: Path
) -> None:
    runs = Path(shutil.copytree(trained_runs["prior"].parent, tmp_path / "runs"))
    api.export(runs / "prior", None, tmp_path / "beside")
    shutil.rmtree(runs / "decoder")
    with pytest.raises(ValueError, match="no decoder with its codec lies beside it; name one with --decoder"):
        api.export(runs / "prior", None, tmp_path / "none")
    assert not (tmp_path / "none").exists()
    api.train(
        api.TrainRequest(
            recipe=RECIPES / "adapt.toml", data=[dataset_folder], run=runs / "tuned", parent=str(tmp_path / "beside"),
            steps=1, overrides=("training.batch_size=2", "training.check_every=0"), device="cpu",
        )
    )  # fmt: skip
    api.export(runs / "tuned", str(tmp_path / "beside"), tmp_path / "tuned")
    for name in (loading.DECODER_FILE, "decoder.safetensors"):  # exported before, so copied
        assert (tmp_path / "tuned" / name).read_bytes() == (tmp_path / "beside" / name).read_bytes()


def test_eight_bit_rows_are_near_the_weights() -> None:
    matrix = np.random.default_rng(0).standard_normal((40, 300)) * np.logspace(-3, 1, 40)[:, None]
    values, scale = stored("weight", matrix).values()
    error = np.abs(values * scale[:, None] - matrix).max(axis=1) / np.abs(matrix).max(axis=1)
    assert values.dtype == np.int8
    assert error.max() <= 0.5 / 127 + 1e-6


def test_what_waits_is_not_made_when_no_one_takes_it() -> None:
    begun: list[int] = []
    ending = threading.Event()

    def make(number: int) -> int:
        begun.append(number)
        assert number == 0 or ending.wait(60)
        return number

    results = in_parallel(make, 1_000)
    assert next(results) == 0
    assert isinstance(results, Generator)
    threading.Timer(1.0, ending.set).start()  # what is being made is waited for
    results.close()
    assert len(begun) <= 1 + core_count()  # of more than four a core that were waiting


def test_loading_a_model_leaves_the_compiler_alone() -> None:
    code = "import sys, fourfloor.loading as l; l.load_model('warehouse'); sys.exit('torch._dynamo' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_bundled_name_may_be_written_in_any_case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    bundled = loading.bundled_folder("warehouse")
    assert [loading.folder_of(name) for name in ("warehouse", "Warehouse", "WAREHOUSE")] == [bundled] * 3
    (tmp_path / "Warehouse").mkdir()  # a folder of the user's has its own name
    (tmp_path / "warehouse").mkdir()
    assert loading.folder_of("Warehouse") == Path("Warehouse")
    assert loading.folder_of("warehouse") == bundled
    assert loading.folder_of("depot") == Path("depot")
