"""Print how fast each stage is, as multiples of real time on one core, and what memory it takes: `make bench`.

Each stage runs in a process of its own with one thread (whole loops on all cores), so that its peak memory is its own.
Tracks are rendered by the producer, seeded, so the same work is measured everywhere; only ratios taken in one run mean
anything.
"""

import argparse
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.context import SpawnProcess
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"
SAMPLE_RATE = 44_100
BPM, BARS = 126.0, 4
TRACKS, TRACK_LOOPS, TRACK_REPEATS = 4, 3, 8  # four tracks of three minutes


def write_tracks(folder: Path) -> None:
    """Render tracks as OGG files."""
    import numpy as np
    import soundfile

    from fourfloor.producer import render_loop

    for track in range(TRACKS):
        loops = [render_loop(100 * track + part, bpm=BPM).waveform for part in range(TRACK_LOOPS)]
        waveform = np.concatenate([np.tile(loop, TRACK_REPEATS) for loop in loops], axis=1)
        with soundfile.SoundFile(folder / f"track{track}.ogg", "w", SAMPLE_RATE, 2) as file:
            for start in range(0, waveform.shape[1], SAMPLE_RATE):  # libsndfile crashes on a Vorbis write of minutes
                file.write(waveform[:, start : start + SAMPLE_RATE].T)


def measure_ingest(folder: Path, model: str) -> tuple[float, float]:
    """Ingest the tracks with one process: decode, tempo, cut, pick, features, write."""
    import soundfile

    from fourfloor.ingestion.folder import IngestConfig, ingest

    seconds = sum(soundfile.info(track).duration for track in folder.glob("*.ogg"))
    began = time.perf_counter()
    ingest([folder], folder.parent / "dataset", IngestConfig(jobs=1))
    return seconds, time.perf_counter() - began


def measure_encode(folder: Path, model: str) -> tuple[float, float]:
    """Turn loops into features and latents."""
    from fourfloor.loading import load_model
    from fourfloor.producer import render_loop
    from fourfloor.representations import latent

    codec = load_model(model).prior.codec
    loops = [render_loop(seed, bpm=BPM).waveform for seed in range(4)]
    return repeat(lambda i: codec.to_latents(latent.analyze(loops[i % 4], BPM, BARS)), 12)


def measure_decode(folder: Path, model: str) -> tuple[float, float]:
    """Turn latents into stereo loops."""
    from fourfloor import generation, loading
    from fourfloor.signal.beatgrid import loop_samples

    loaded = loading.load_model(model)
    decoder = loaded.decoder
    assert decoder is not None
    z = [generation.sample_latents(loaded.prior, generation.Request(bpm=BPM, seed=seed)) for seed in range(2)]
    samples = loop_samples(BPM, BARS, SAMPLE_RATE)
    return repeat(lambda i: generation.render(decoder, z[i % 2], BPM, samples, i), 6)


def measure_sample(folder: Path, model: str) -> tuple[float, float]:
    """Draw latents from the prior."""
    from fourfloor import generation, loading

    prior = loading.load_model(model).prior
    return repeat(lambda i: generation.sample_latents(prior, generation.Request(bpm=BPM, seed=i)), 6)


def measure_first(folder: Path, model: str) -> tuple[float, float]:
    """Make one loop by the command, from the start of its process to its end."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "fourfloor", "generate", "--model", model, "--count", "1", "--bpm", str(BPM)]
    subprocess.run([*command, "--out", str(folder / "loops")], check=True, capture_output=True)
    return BARS * 240 / BPM, time.perf_counter() - began


def measure_six(folder: Path, model: str) -> tuple[float, float]:
    """Make loops end to end: load, sample, decode, level, score, search for copies, write, read back."""
    return generate(folder, model, 6)


def measure_thirty_two(folder: Path, model: str) -> tuple[float, float]:
    """Make so many loops that loading hardly counts."""
    return generate(folder, model, 32)


def generate(folder: Path, model: str, count: int) -> tuple[float, float]:
    """Make loops on all cores and return the seconds of audio and those it took."""
    import fourfloor as ff

    made = ff.generate(folder / "loops", model=model, bpm=BPM, count=count)
    return made.audio_seconds, made.wall_seconds


def measure_stems(folder: Path, model: str) -> tuple[float, float]:
    """Split a produced loop into stems."""
    from fourfloor.editing.stems import separate
    from fourfloor.producer import render_loop

    loop = render_loop(0, bpm=BPM).waveform
    return repeat(lambda i: separate(loop, BARS), 6)


def measure_midi(folder: Path, model: str) -> tuple[float, float]:
    """Transcribe the drums and the bass of a produced loop."""
    from fourfloor.editing.midi import transcribe
    from fourfloor.producer import render_loop

    loop = render_loop(0, bpm=BPM).waveform
    return repeat(lambda i: transcribe(loop, BARS), 6)


def measure_rekit(folder: Path, model: str) -> tuple[float, float]:
    """Transcribe a produced loop and play it by a kit of one kick."""
    import numpy as np

    from fourfloor.editing.rekit import rekit
    from fourfloor.producer import Kit, render_loop

    loop = render_loop(0, bpm=BPM).waveform
    t = np.arange(SAMPLE_RATE // 4) / SAMPLE_RATE
    kit = Kit({"kick": [(np.sin(2 * np.pi * 55 * t) * np.exp(-12 * t)).astype(np.float32)]})
    return repeat(lambda i: rekit(loop, BARS, kit).waveform, 6)


def repeat(work: Callable[[int], object], times: int) -> tuple[float, float]:
    """Warm up once, then return the seconds of audio made and the seconds it took."""
    work(0)
    began = time.perf_counter()
    for number in range(times):
        work(number)
    return times * BARS * 240 / BPM, time.perf_counter() - began


STAGES: dict[str, Callable[[Path, str], tuple[float, float]]] = {
    "ingest": measure_ingest,
    "encode": measure_encode,
    "decode": measure_decode,
    "sample": measure_sample,
    "first loop": measure_first,
    "6 loops": measure_six,
    "32 loops": measure_thirty_two,
    "stems": measure_stems,
    "midi": measure_midi,
    "rekit": measure_rekit,
}


def run_stage(
    name: str, model: str, folder: Path, results: "multiprocessing.Queue[tuple[float, float, float]]"
) -> None:
    """Measure one stage in this process and report its peak memory in MB, children included."""
    import torch

    torch.set_num_threads(1)
    seconds, wall = STAGES[name](folder, model)
    import resource  # of Unix alone

    peaks = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    results.put((seconds, wall, max(peaks) / 1024))


def main() -> None:
    """Run the stages one after another and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="warehouse", help="a model in the package, a model folder or a run")
    model = parser.parse_args().model
    context = multiprocessing.get_context("spawn")
    print(f"{'stage':12} {'audio s':>8} {'wall s':>8} {'x real time':>12} {'peak MB':>8}")
    for name in STAGES:
        with tempfile.TemporaryDirectory() as folder:
            inner = Path(folder) / "music"
            inner.mkdir()
            if name == "ingest":  # in a process of its own, so that rendering counts in no stage's memory
                finished(context.Process(target=write_tracks, args=(inner,)), name)
            results = context.Queue()
            finished(context.Process(target=run_stage, args=(name, model, inner, results)), name)
            seconds, wall, peak = results.get()
        print(f"{name:12} {seconds:8.1f} {wall:8.2f} {seconds / wall:12.1f} {peak:8.0f}", flush=True)


def finished(process: SpawnProcess, name: str) -> None:
    """Run a process to its end."""
    process.start()
    process.join()
    if process.exitcode:
        sys.exit(f"{name}: failed with exit code {process.exitcode}")


if __name__ == "__main__":
    main()
