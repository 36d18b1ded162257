"""Train the historic systems further and further, and plot what the scorecard says of each against minutes of one core.

    python scripts/curves.py --data data/compare --runs runs/curves --out docs/results/curves

Every system is trained to each budget in turn, going on from the one before; then 32 of its loops are scored as
`fourfloor compare` does. Minutes are processor time of the training alone, so other work on the machine does not
count. Every finished step is kept in the folder of the runs, and the same command goes on after any end, or with more
budgets. OUT gets curves.md, curves.json and one picture a number.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fourfloor.comparing.compare import CompareRequest, compare
from fourfloor.evaluation.numbers import TEN
from fourfloor.evaluation.verdict import KINDS
from fourfloor.saving import save_file

SYSTEMS = (
    "wavegan", "specgan", "jukebox", "spectrogram-gan", "spectrogram-vae", "seed/beats", "seed/autoencoder-5",
)  # fmt: skip
BUDGETS = (2.0, 5.0, 10.0, 20.0, 60.0, 180.0)
SHOWN = ("sane", "pulse", "independence", "tempo", "repetition", "seam", "style", "diversity", "margin", "clarity_db")
COLORS = ("#1b6ca8", "#c8553d", "#588157", "#8e5ea2", "#b07d2b", "#3a3a3a", "#d36ba6", "#5aa9a3")
POLL_SECONDS = 0.5
NEAR = 0.98  # of a budget: a few seconds of one more start would not change a loop
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 560, 260, 52, 150, 24, 34


def processor_seconds(pid: int) -> float:
    """Return the processor time of a process, its threads and the children it waited for (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def train(recipe: str, data: Path, run: Path, seconds: float) -> float:
    """Train a run for so many seconds of processor time, stop it as Ctrl-C would, and return what it took."""
    resumed = ["--resume"] if (run / "run.json").exists() else []
    arguments = ["train", recipe, "--data", str(data), "--out", str(run), "--minutes", "10000", *resumed]
    quiet = ["--set", "training.listen_seconds=0"]
    process = subprocess.Popen([sys.executable, "-m", "fourfloor", *arguments, *quiet], stdout=subprocess.DEVNULL)
    taken = 0.0
    try:
        while process.poll() is None:
            taken = processor_seconds(process.pid)
            if taken >= seconds:
                process.send_signal(signal.SIGTERM)
                process.wait()
                break
            time.sleep(POLL_SECONDS)
    finally:
        process.kill()
        process.wait()
    if process.returncode not in (0, 128 + signal.SIGTERM, -signal.SIGTERM):
        raise SystemExit(f"curves.py: {' '.join(arguments)} ended with {process.returncode}")
    return taken


def trained_to(recipe: str, data: Path, runs: Path, minutes: float) -> float:
    """Train a system until it has had its minutes; return how many it had."""
    run, kept = runs / Path(recipe).stem, runs / f"{Path(recipe).stem}.minutes"
    had = float(kept.read_text()) if kept.exists() else 0.0
    if had < NEAR * minutes:
        had += train(recipe, data, run, 60 * (minutes - had)) / 60
        save_file(kept, f"{had:.3f}\n".encode())
    return had


def judged(recipe: str, options: argparse.Namespace, budget: float) -> dict[str, Any]:
    """Train a system to a budget and judge it there, once; return its point of the curves."""
    kept = options.runs / "points" / f"{Path(recipe).stem}-{budget:g}.json"
    if not kept.exists():
        minutes = trained_to(recipe, options.data, options.runs, budget)
        request = CompareRequest(
            recipes=[Path(recipe)], data=options.data, out=options.runs / "compared", runs=options.runs, minutes=0.01,
            n=options.n, music=False, overrides=["training.listen_seconds=0"], overwrite=True, cutoff_hz=4500.0,
        )  # fmt: skip
        system = compare(request).systems[0]
        point = {
            "system": Path(recipe).stem, "minutes": round(minutes, 2), "steps": [part.steps for part in system.parts],
            "parameters": sum(part.parameters for part in system.parts), "numbers": dict(system.numbers or {}),
            "verdict": dict(system.verdict), "diagnosis": list(system.diagnosis), "problem": system.problem,
        }  # fmt: skip
        kept.parent.mkdir(parents=True, exist_ok=True)
        save_file(kept, json.dumps(point, indent=1).encode())
        print(kept.stem, point["verdict"], point["diagnosis"], flush=True)
    return dict(json.loads(kept.read_text()))


def plot(title: str, curves: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """Draw a number of every system against minutes, on a logarithmic axis, as SVG."""
    points = [point for curve in curves.values() for point in curve]
    times = np.log2([minutes for minutes, _ in points])
    values = np.array([value for _, value in points])
    spans = (float(np.ptp(times)) or 1.0), (float(np.ptp(values)) or 1.0)

    def place(minutes: float, value: float) -> str:
        x = LEFT + (WIDTH - LEFT - RIGHT) * (np.log2(minutes) - times.min()) / spans[0]
        y = HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (value - values.min()) / spans[1]
        return f"{x:.1f},{y:.1f}"

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif"'
        ' font-size="11">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="15" font-size="12">{title} against minutes of one core</text>',
        f'<text x="4" y="{TOP + 8}">{values.max():.3g}</text>',
        f'<text x="4" y="{HEIGHT - BOTTOM}">{values.min():.3g}</text>',
    ]
    for minutes in sorted({round(2**at) for at in times}):
        x = place(max(minutes, 2 ** times.min()), values.min()).partition(",")[0]
        lines.append(f'<text x="{x}" y="{HEIGHT - 14}" text-anchor="middle">{minutes:g}</text>')
    for number, (name, curve) in enumerate(curves.items()):
        color = COLORS[number % len(COLORS)]
        way = " ".join(place(*point) for point in curve)
        lines.append(f'<polyline points="{way}" fill="none" stroke="{color}" stroke-width="1.6"/>')
        lines += [
            f'<circle cx="{x}" cy="{y}" r="2.4" fill="{color}"/>' for x, y in (pair.split(",") for pair in way.split())
        ]
        y = TOP + 10 + 15 * number
        lines.append(f'<text x="{WIDTH - RIGHT + 12}" y="{y}" fill="{color}">{name}</text>')
    return "\n".join([*lines, "</svg>"]) + "\n"


def table(points: Sequence[Mapping[str, Any]]) -> str:
    """Write every point as a line of Markdown."""
    head = ["system", "core-minutes", "steps", *TEN, *(kind.replace("_", " ") for kind in KINDS), "diagnosis"]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    told = {True: "yes", False: "no", None: "undecided"}
    for point in points:
        numbers = point["numbers"]
        cells = [
            point["system"], f"{point['minutes']:.1f}", " + ".join(map(str, point["steps"])),
            *(f"{numbers[name]:.2f}" if name in numbers else "-" for name in TEN),
            *(told[point["verdict"][kind]] for kind in KINDS),
            ", ".join(point["diagnosis"]) or point["problem"] or "nothing recognized",
        ]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def passes(points: Sequence[Mapping[str, Any]]) -> str:
    """Say of each system at how many minutes it first passed MUSIC, and where it stopped."""
    lines = []
    for name in dict.fromkeys(point["system"] for point in points):
        own = [point for point in points if point["system"] == name]
        first = next((point["minutes"] for point in own if point["verdict"]["music"]), None)
        found = f"passes MUSIC at {first:.1f} core-minutes" if first else "does not pass MUSIC"
        lines.append(f"- {name}: {found}; trained for {own[-1]['minutes']:.1f}")
    return "\n".join(lines) + "\n"


def report(points: Sequence[dict[str, Any]], out: Path) -> None:
    """Write table, points and pictures."""
    out.mkdir(parents=True, exist_ok=True)
    save_file(out / "curves.json", (json.dumps(points, indent=1) + "\n").encode())
    pictures = []
    for name in SHOWN:
        curves = {
            system: [
                (point["minutes"], point["numbers"][name])
                for point in points
                if point["system"] == system and np.isfinite(point["numbers"].get(name) or np.nan)
            ]
            for system in dict.fromkeys(point["system"] for point in points)
        }
        if curves := {system: curve for system, curve in curves.items() if curve}:
            save_file(out / f"{name}.svg", plot(name.replace("_", " "), curves).encode())
            pictures.append(f"![{name} against minutes]({name}.svg)")
    save_file(out / "curves.md", "\n".join([table(points), passes(points), *pictures, ""]).encode())


def main() -> None:
    """Go from budget to budget; report after each point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("systems", nargs="*", default=SYSTEMS)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--budget", type=float, action="append", help="minutes of one core; repeat it for several")
    parser.add_argument("--n", type=int, default=32)
    options = parser.parse_args()
    options.runs.mkdir(parents=True, exist_ok=True)
    points: list[dict[str, Any]] = []
    for budget in sorted(options.budget or BUDGETS):
        for recipe in options.systems:
            points.append(judged(recipe, options, budget))
            report(sorted(points, key=lambda point: (point["system"], point["minutes"])), options.out)


if __name__ == "__main__":
    main()
