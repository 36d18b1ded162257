"""Measure this build beside an earlier one, and write docs/speed.md: `make bench`, or `make bench-peers`.

    python scripts/bench.py --against a1aadcf

Both builds are installed in environments of their own under build/bench, and run in turn, so that both meet the same
machine. The earlier build needs torch to generate: hundreds of MB are downloaded once, gigabytes where the index of
packages has builds with CUDA alone (PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu brings others).
"""

import argparse
import datetime
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benching import builds, report
from benching.builds import ROOT, Build
from benching.measure import measured, reported
from benching.peers import PACKAGES, PEERS

SAMPLE_RATE, BPM = 44_100, 126.0
TRACKS, TRACK_LOOPS, TRACK_REPEATS = 4, 3, 8  # four tracks of three minutes
Results = dict[str, list[dict[str, float]]]


def main() -> None:
    """Measure, print the page, and write it and its line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", default="a1aadcf", help="the commit to compare with")
    parser.add_argument("--runs", type=int, default=5, help="how often everything is measured")
    parser.add_argument("--loops", type=int, default=32, help="how many loops are made at once")
    parser.add_argument("--quick", action="store_true", help="one run, 16 loops, and nothing is written")
    parser.add_argument(
        "--peers", nargs="*", default=[], choices=[*PEERS], help="other models to build as well (1.3 GB)"
    )
    options = parser.parse_args()
    if options.quick:
        options.runs, options.loops = 1, 16
    load = os.getloadavg()[0]
    pair = {"before": builds.earlier_build(options.against), "now": builds.this_build()}
    results: dict[str, Results] = {"before": {}, "now": {}, "peers": {}}
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder), pair)
        for number in range(1, options.runs + 1):
            print(f"run {number} of {options.runs}", file=sys.stderr, flush=True)
            measure_pair(Path(folder), pair, options.loops, results)
            if options.peers:
                measure_peers(options.peers, results["peers"])
            found = facts(options, pair, results, number, load)
            (builds.FOLDER / "speed.md").write_text(report.page(found))
    print(report.page(found))
    if not options.quick:
        (ROOT / "docs" / "speed.md").write_text(report.page(found))
        with (ROOT / "docs" / "results" / "speed.jsonl").open("a") as lines:
            lines.write(report.line(found))


def facts(
    options: argparse.Namespace, pair: dict[str, Build], results: dict[str, Results], runs: int, load: float
) -> dict[str, Any]:
    """Return what the page and its line say after so many runs."""
    sizes = pair["before"].installed_mb, pair["now"].installed_mb
    rows = report.rows(results["before"], results["now"], options.loops, sizes)
    further = next(row.now for row in rows if row.name == "each further loop")
    return {
        "command": " ".join(["python scripts/bench.py", *sys.argv[1:]]), "commit": pair["now"].commit,
        "against": pair["before"].commit, "date": datetime.date.today().isoformat(), "machine": report.machine(),
        "load": round(load, 2), "runs": runs, "loops": options.loops, "rows": rows,
        "verbs": report.verb_speeds(results["now"]), "peers": report.peer_rows(results["peers"], further),
    }  # fmt: skip


def prepare(folder: Path, pair: dict[str, Build]) -> None:
    """Render the tracks to ingest, and let each build produce a dataset to train on."""
    write_tracks(folder / "tracks")
    for name, build in pair.items():
        out = folder / f"data-{name}"
        measured([build.trainer, "-m", "fourfloor", "produce", "--count", "24", "--seed", "0", "--out", out])


def write_tracks(folder: Path) -> None:
    """Render tracks as Ogg files."""
    import numpy as np
    import soundfile

    from fourfloor.producer import render_loop

    folder.mkdir()
    for track in range(TRACKS):
        loops = [render_loop(100 * track + part, bpm=BPM).waveform for part in range(TRACK_LOOPS)]
        waveform = np.concatenate([np.tile(loop, TRACK_REPEATS) for loop in loops], axis=1)
        with soundfile.SoundFile(folder / f"track{track}.ogg", "w", SAMPLE_RATE, 2) as file:
            for start in range(0, waveform.shape[1], SAMPLE_RATE):  # libsndfile crashes on a Vorbis write of minutes
                file.write(waveform[:, start : start + SAMPLE_RATE].T)


def measure_pair(folder: Path, pair: dict[str, Build], loops: int, results: dict[str, Results]) -> None:
    """Measure everything once in both builds, in turn."""
    for what in ("first", "loops", "ingest", "prior", "decoder"):
        for name, build in pair.items():
            results[name].setdefault(what, []).append(measure(what, folder, name, build, loops))
    results["now"].setdefault("verbs", []).append(reported(pair["now"].python, "verbs.py"))


def measure(what: str, folder: Path, name: str, build: Build, loops: int) -> dict[str, float]:
    """Measure one thing in one build; what it wrote is removed."""
    out = folder / "out"
    generate: list[str | Path] = ["generate", "--bpm", str(BPM), "--out", out]
    try:
        if what == "first":
            return measured([build.python, "-m", "fourfloor", *generate, "--count", "1"])
        if what == "loops":
            return reported(build.python, "hooked.py", *generate, "--count", str(loops))
        if what == "ingest":
            tracks = folder / "tracks"
            return measured([build.python, "-m", "fourfloor", "ingest", tracks, "--out", out, "--jobs", "1"])
        recipe, data = build.source / "recipes" / f"{what}.toml", folder / f"data-{name}"
        return reported(build.trainer, "hooked.py", "train", recipe, "--data", data, "--out", out, "--steps", "20")
    finally:
        shutil.rmtree(out, ignore_errors=True)


def measure_peers(names: Sequence[str], results: Results) -> None:
    """Measure one loop of each of some other models."""
    python = builds.environment(builds.FOLDER / "peers", PACKAGES)
    for name in names:
        results.setdefault(name, []).append(reported(python, "peers.py", name))


if __name__ == "__main__":
    main()
