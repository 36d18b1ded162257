"""Generating needs no torch, and an exported model computes what the trained one does, with any number of threads."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from fourfloor import generation, header, loading
from fourfloor.api import verifying
from fourfloor.audio import LoopTags, write_loop
from fourfloor.editing import networks
from fourfloor.errors import FourfloorError
from fourfloor.generation import Request
from fourfloor.networks import Functions, sessions
from fourfloor.networks.stored import StoredArrays
from fourfloor.producer import render_loop
from fourfloor.representations import latent
from fourfloor.representations.controls import Controls
from fourfloor.training import checkpoint
from fourfloor.training.checkpoint import Checkpoint

PRIOR = loading.bundled_folder(loading.BUNDLED) / loading.PRIOR_FILE
DECODER = PRIOR.with_name(loading.DECODER_FILE)
ASKED = [Request(bars=1, seed=3), Request(bars=2, seed=4, controls=Controls(kick=False), style="dub techno", bpm=140.0)]


def without_torch(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command line where torch is not installed."""
    script = Path(__file__).with_name("without_torch.py")
    return subprocess.run([sys.executable, script, *map(str, arguments)], capture_output=True, text=True)


@pytest.mark.parametrize("chosen", [None, "0"])
def test_no_library_writes_into_the_home_folder_unless_the_user_chose_so(chosen: str | None, tmp_path: Path) -> None:
    surroundings = {key: value for key, value in os.environ.items() if key != "ORT_DISABLE_TELEMETRY"}
    surroundings |= {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    surroundings |= {"ORT_DISABLE_TELEMETRY": chosen} if chosen else {}
    script = "import os, fourfloor.networks.sessions; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    done = subprocess.run([sys.executable, "-c", script], env=surroundings, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == (chosen or "1")
    if not chosen:
        assert list(tmp_path.rglob("*")) == []


@pytest.fixture(scope="module")
def exported() -> loading.LoopModel:
    return loading.load_model()


@pytest.fixture(scope="module")
def with_torch() -> loading.LoopModel:
    return loading.LoopModel("torch", *(loading.load_with_torch(path) for path in (PRIOR, DECODER)))


def test_loops_are_generated_without_torch_and_are_the_same(exported: loading.LoopModel, tmp_path: Path) -> None:
    made = without_torch("generate", "--count", 1, "--bars", 1, "--seed", 3, "--out", tmp_path, "--json")
    assert made.returncode == 0, made.stderr
    (row,) = json.loads(made.stdout)["loops"]
    assert Path(row["file"]).stat().st_size > 400_000
    assert exported.prior.model is None


def test_a_loop_is_taken_apart_without_torch(tmp_path: Path) -> None:
    loop, kit = render_loop(0, bars=1), tmp_path / "kit"
    write_loop(tmp_path / "x.wav", loop.waveform, LoopTags(bpm=loop.bpm, bars=1, title="x", comment="{}"))
    kit.mkdir()
    soundfile.write(kit / "kick.wav", np.hanning(4000), 44_100)
    for verb in (["stems"], ["midi"], ["rekit", "--kit", kit]):
        made = without_torch(*verb, tmp_path / "x.wav", "--out", tmp_path / "made")
        assert made.returncode == 0, made.stderr


@pytest.mark.parametrize("name", ["separator", "transcriber"])
@pytest.mark.parametrize("bars", [1, 3])
def test_the_networks_of_the_editing_verbs_answer_what_torch_answers(name: str, bars: int) -> None:
    path = loading.bundled_folder(networks.FOLDER) / name / loading.PRIOR_FILE
    trained = loading.load_with_torch(path)
    shape = trained.networks.shape
    seen = shape["views"] * (shape["low_window"] + shape["bands"]) if name == "separator" else shape["seen"]
    x = np.random.default_rng(0).standard_normal((bars * 128, seen), np.float32)
    for ours, theirs in zip(networks.answer(name, x), trained.networks.functions["answer"](x=x[None]), strict=True):
        np.testing.assert_allclose(ours, theirs[0], atol=1e-4)


def test_generating_leaves_out_what_is_slow_to_import(tmp_path: Path) -> None:
    code = (
        "import sys; import fourfloor as ff; ff.generate(sys.argv[1], count=1, bars=1)\n"
        "print([name for name in ('torch', 'scipy.signal', 'scipy.stats', 'scipy.ndimage') if name in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code, tmp_path], text=True) == "[]\n"


def test_the_bundled_model_is_listed_without_torch() -> None:
    listed = without_torch("models", "--json")
    assert listed.returncode == 0, listed.stderr
    (bundled,) = json.loads(listed.stdout)["models"]
    assert bundled["parameters"] == 13_389_967


@pytest.mark.parametrize("command", [("train", "prior", "--data", "d", "--out", "r"), ("export", "r", "--out", "m")])
def test_training_without_torch_is_one_line_with_what_to_type(command: Sequence[str]) -> None:
    made = without_torch(*command)
    assert made.returncode == 2
    (line,) = made.stderr.strip().splitlines()
    assert "needs torch. Type: pip install 'fourfloor[train]'" in line
    assert "for 200 MB type first: pip install torch --index-url" in line


@pytest.mark.parametrize("asked", ASKED, ids=["plain", "asked"])
def test_an_exported_model_samples_what_torch_samples(
    exported: loading.LoopModel, with_torch: loading.LoopModel, asked: Request
) -> None:
    first, second = (generation.sample_latents(model.prior, asked) for model in (exported, with_torch))
    # The difference is 2-4 % with 8 bits in the products, and 60 % with another seed.
    assert np.linalg.norm(first - second) < 0.06 * np.linalg.norm(second)
    features = exported.prior.codec.to_features(second)
    mel = np.ascontiguousarray(features[:, latent.MEL])
    decoders = [model.decoder for model in (exported, with_torch) if model.decoder]
    decoded = [part.family.decode(part.networks, second, mel) for part in decoders]
    for ours, theirs in zip(*decoded, strict=True):
        assert np.abs(ours - theirs).mean() < 0.02  # nepers: 0.2 dB


@pytest.mark.parametrize("path", [PRIOR, DECODER], ids=["prior", "decoder"])
def test_one_and_two_threads_give_the_same_bits(path: Path) -> None:
    saved = checkpoint.load_exported(path)
    about, arrays = header.parse(saved.meta, path), StoredArrays(saved.part("ema"), saved.part("scales"))
    rng = np.random.default_rng(0)
    for name, given in about.graphs.items():
        inputs = example(name, rng)
        graph = saved.tensors[f"graphs/{name}"].tobytes()
        alone, beside = (sessions.function(graph, given, arrays, threads)(**inputs) for threads in (1, 2))
        assert all(np.array_equal(a, b) for a, b in zip(alone, beside, strict=True))


def test_a_loop_hardly_depends_on_what_the_processor_has(tmp_path: Path) -> None:
    """Vector instructions are taken from numpy and its OpenBLAS; ONNX Runtime and scipy choose theirs themselves."""
    simd = np.show_config(mode="dicts")["SIMD Extensions"]
    code = (
        "import sys; import numpy as np; import fourfloor as ff; "
        "np.save(sys.argv[1], ff.load('warehouse').generate(bars=1, seed=3, redraws=0).waveform)"
    )
    loops: list[np.ndarray] = []
    for features, core in (("", ""), (" ".join(simd.get("found", [])), "Haswell")):
        given = {"NPY_DISABLE_CPU_FEATURES": features, "OPENBLAS_CORETYPE": core}
        environment = {**os.environ, **{name: value for name, value in given.items() if value}}
        path = tmp_path / f"{len(loops)}.npy"
        subprocess.run([sys.executable, "-c", code, path], env=environment, check=True)
        loops.append(np.load(path))
    assert np.square(loops[0] - loops[1]).sum() < 1e-8 * np.square(loops[0]).sum()  # -80 dB; -135 was seen


def example(name: str, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return inputs of a loop of two bars."""
    x = rng.standard_normal((1, 64, latent.LATENT_DIM), np.float32)
    if name == "decode":
        return {"z": x, "mel": rng.standard_normal((1, 256, latent.N_MELS), np.float32)}
    one = np.ones(1, np.float32)
    given: dict[str, np.ndarray] = {"x": x, "t": one / 3, "bpm": 126 * one, "style": np.ones(1, np.int64)}
    return given if name == "bass" else given | {"controls": np.full((1, 5), np.nan, np.float32)}


def test_a_model_that_was_exported_before_there_were_graphs_needs_torch_alone(tmp_path: Path) -> None:
    saved = checkpoint.load_exported(PRIOR)
    tensors = {name: value for name, value in saved.tensors.items() if not name.startswith("graphs/")}
    meta = {name: value for name, value in saved.meta.items() if name not in ("graphs", "parameters")}
    checkpoint.write(tmp_path / "prior.json", saved.step, tensors, meta)
    assert loading.load_trained(tmp_path / "prior.json").model is not None


@pytest.mark.parametrize("damage", ["graph", "list", "shape"])
def test_graphs_that_do_not_fit_their_weights_are_one_line(tmp_path: Path, damage: str) -> None:
    saved = checkpoint.load_exported(DECODER)
    tensors, meta = dict(saved.tensors), dict(saved.meta)
    if damage == "graph":
        tensors["graphs/decode"] = tensors["graphs/decode"][:-500]
    elif damage == "list":
        meta["graphs"] = {"decode": meta["graphs"]["decode"][:-1]}
    else:
        tensors["ema/embed.weight"] = np.ascontiguousarray(tensors["ema/embed.weight"][:, :-1])
    checkpoint.write(tmp_path / "decoder.json", saved.step, tensors, meta)
    with pytest.raises(checkpoint.CheckpointError, match=r"decoder\.json: .*a graph that does not fit its weights"):
        loading.load_trained(tmp_path / "decoder.json")


def test_a_network_that_is_missing_or_of_another_shape_names_its_model(tmp_path: Path) -> None:
    saved = checkpoint.load_exported(PRIOR)
    renamed = {"velocity": saved.meta["graphs"]["velocity"]}, {"bass": saved.meta["graphs"]["velocity"]}
    for graphs in renamed:
        tensors = {**saved.tensors, "graphs/bass": saved.tensors["graphs/velocity"]}
        checkpoint.write(tmp_path / "prior.json", saved.step, tensors, {**saved.meta, "graphs": graphs})
        prior = loading.load_trained(tmp_path / "prior.json")
        with pytest.raises(FourfloorError, match=r"prior\.json: the network '(bass|velocity)' is missing"):
            generation.sample_latents(prior, Request(bars=1))


def test_damaged_graphs_are_refused_or_computed(capfd: pytest.CaptureFixture[str]) -> None:
    saved = checkpoint.load_exported(DECODER)
    arrays, names = StoredArrays(saved.part("ema"), saved.part("scales")), saved.meta["graphs"]["decode"]
    rng = np.random.default_rng(1)
    inputs, refused = example("decode", rng), 0
    for _ in range(40):
        graph = saved.tensors["graphs/decode"].copy()
        graph[rng.integers(len(graph), size=3)] = rng.integers(256, size=3)
        try:
            sessions.function(graph.tobytes(), names, arrays)(**inputs)
        except FourfloorError:
            refused += 1
    assert refused > 10
    assert capfd.readouterr().out == ""


def test_what_is_stored_comes_back_in_single_precision() -> None:
    saved = Checkpoint(0, {"ema/a": np.array([1.5, 2.0], np.float16), "ema/n": np.array(70_000)}, {})
    arrays = StoredArrays(saved.part("ema"), saved.part("scales"))
    assert (arrays["a"].dtype, arrays["n"].item()) == (np.float32, 70_000)
    for wrong in (np.array([np.nan], np.float32), np.array([1j]), np.array(["x"])):
        with pytest.raises(FourfloorError, match="weight a is of a wrong type or not finite"):
            StoredArrays({"a": wrong}, {})


def test_an_exported_model_whose_loops_differ_is_refused(
    exported: loading.LoopModel, with_torch: loading.LoopModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    verifying.check_exported(exported, with_torch)
    networks = with_torch.prior.networks

    def other(**inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        return tuple(0.5 * made for made in networks.functions["velocity"](**inputs))

    functions = Functions({**networks.functions, "velocity": other})
    wrong = replace(exported, prior=replace(exported.prior, exported=replace(networks, functions=functions)))
    with pytest.raises(FourfloorError, match=r"warehouse: its loops differ from those of torch \(.*not written"):
        verifying.check_exported(wrong, with_torch)
