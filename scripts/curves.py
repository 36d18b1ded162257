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


def train(recipe: str, data: Path, run: Path, kept: Path, seconds: float) -> None:
    """Train a run to so many seconds of processor time in all, and stop it as Ctrl-C would; `kept` holds what it had.

    Where this program is stopped, the training saves, too.
    """
    resumed = ["--resume"] if (run / "run.json").exists() else []
    arguments = ["train", recipe, "--data", str(data), "--out", str(run), "--minutes", "10000", *resumed]
    quiet = ["--set", "training.listen_seconds=0"]
    before = taken = minutes_of(kept) * 60
    process = subprocess.Popen([sys.executable, "-m", "fourfloor", *arguments, *quiet], stdout=subprocess.DEVNULL)
    try:
        while process.poll() is None and taken < seconds:
            time.sleep(POLL_SECONDS)
            taken = before + processor_seconds(process.pid)
    finally:
        process.terminate()
        process.wait()
        save_file(kept, f"{taken / 60:.3f}\n".encode())
    if process.returncode not in (0, 128 + signal.SIGTERM, -signal.SIGTERM):
        raise SystemExit(f"curves.py: {' '.join(arguments)} ended with {process.returncode}")


def minutes_of(kept: Path) -> float:
    """Return how many minutes a run had."""
    return float(kept.read_text()) if kept.exists() else 0.0


def trained_to(recipe: str, data: Path, runs: Path, minutes: float) -> float:
    """Train a system until it has had its minutes; return how many it had."""
    run, kept = runs / Path(recipe).stem, runs / f"{Path(recipe).stem}.minutes"
    if minutes_of(kept) < NEAR * minutes:
        train(recipe, data, run, kept, 60 * minutes)
    return minutes_of(kept)


def points_of(systems: Sequence[str], runs: Path) -> list[dict[str, Any]]:
    """Return the kept points of systems, those of earlier calls among them, each system's by its minutes."""
    names = {Path(recipe).stem for recipe in systems}
    points = [json.loads(path.read_text()) for path in (runs / "points").glob("*.json")]
    points = [point for point in points if point["system"] in names]
    return sorted(points, key=lambda point: (point["system"], point["minutes"]))


def judge(recipe: str, options: argparse.Namespace, budget: float) -> None:
    """Train a system to a budget and judge it there, once; keep its point of the curves."""
    kept = options.runs / "points" / f"{Path(recipe).stem}-{budget:g}.json"
    if not kept.exists():
        minutes = trained_to(recipe, options.data, options.runs, budget)
        request = CompareRequest(
            recipes=[Path(recipe)], data=options.data, out=options.runs / "compared", runs=options.runs, minutes=0.01,
            n=options.n, music=False, overrides=["training.listen_seconds=0"], overwrite=True, cutoff_hz=4500.0,
        )  # fmt: skip
        comparison = compare(request)
        system = comparison.systems[0]
        point = {
            "system": Path(recipe).stem, "minutes": round(minutes, 2), "steps": [part.steps for part in system.parts],
            "parameters": sum(part.parameters for part in system.parts), "numbers": dict(system.numbers or {}),
            "verdict": dict(system.verdict), "diagnosis": list(system.diagnosis), "problem": system.problem,
            "failed": [gate.number for gate in system.gates.values() if gate.passes is False],
            "held_out": dict(comparison.rows["A"]), "machine": comparison.machine, "loops": options.n,
        }  # fmt: skip
        kept.parent.mkdir(parents=True, exist_ok=True)
        save_file(kept, json.dumps(point, indent=1).encode())
        print(kept.stem, point["verdict"], point["diagnosis"], flush=True)


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
    """Write held-out music and every point as a line of Markdown."""
    head = ["system", "core-minutes", "steps", *TEN, *(kind.replace("_", " ") for kind in KINDS), "diagnosis"]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    told = {True: "yes", False: "no", None: "undecided"}
    music = points[0]["held_out"]
    lines.append(f"| held-out music | | | {' | '.join(f'{music[name]:.2f}' for name in TEN)} |" + " |" * 4)
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


def summary(points: Sequence[Mapping[str, Any]]) -> str:
    """Say of each system when it first passed MUSIC, which gates it fails last, and which numbers still move.

    A number moves where its last value lies outside the 95 % interval of the point before.
    """
    lines = []
    for name in dict.fromkeys(point["system"] for point in points):
        own = [point for point in points if point["system"] == name]
        last = own[-1]
        first = next((point["minutes"] for point in own if point["verdict"]["music"]), None)
        failing = "does not pass MUSIC" if last["verdict"]["music"] is False else "is undecided on MUSIC"
        found = f"passes MUSIC at {first:.1f} core-minutes" if first else failing
        failed = ", ".join(last.get("failed", ())) or "none"
        told = f"trained for {last['minutes']:.1f} core-minutes; gates it fails there: {failed}"
        lines.append(f"- **{name}** {found}; {told}; still moving: {', '.join(moving(own)) or 'nothing'}.")
    return "\n".join(lines) + "\n"


def moving(own: Sequence[Mapping[str, Any]]) -> list[str]:
    """List the numbers of a system whose last value lies outside the interval of the point before."""
    if len(own) < 2:
        return ["not known from one point"]
    before, last = own[-2]["numbers"], own[-1]["numbers"]
    shared = [name for name in TEN if name in before and name in last]
    return [name for name in shared if not before[f"{name}_low"] <= last[name] <= before[f"{name}_high"]]


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
    save_file(out / "curves.md", "\n".join([heading(points), table(points), summary(points), *pictures, ""]).encode())


def heading(points: Sequence[Mapping[str, Any]]) -> str:
    """Say how the page was made and what it can and cannot tell."""
    most = max(point["minutes"] for point in points)
    asked = " ".join(f"--budget {budget:g}" for budget in BUDGETS if NEAR * budget <= most)
    return f"""# Learning curves of the historic systems

```sh
fourfloor ingest data/tracks --out data/music     # the tracks of `make music`
python scripts/curves.py --data data/music --runs runs/curves --out docs/results/curves {asked}
```

Each system is trained to one budget after the other, and {points[0]["loops"]} of its loops are judged at each as
`fourfloor compare` judges them. Minutes are processor time of the training alone, of one core of
{points[0]["machine"]["processor"]}.
The same command with more budgets goes on from the last one. Single seeds; nobody listened.
A gate counts as failed only where the whole 95 % interval lies outside its limits.

MUSIC asks for sound, tempo, a closed loop and related bars, not for a style: a system that passes it and fails the
style makes loops that are unlike this music. {unreached(points)}
"""


def unreached(points: Sequence[Mapping[str, Any]]) -> str:
    """Say which of the usual budgets no system reached, and which only some did."""
    most = [
        max(point["minutes"] for point in points if point["system"] == name) for name in {p["system"] for p in points}
    ]
    none = [f"{budget:g}" for budget in BUDGETS if max(most) < NEAR * budget]
    some = [f"{budget:g}" for budget in BUDGETS if min(most) < NEAR * budget <= max(most)]
    told = [f"Only some systems reached {', '.join(some)} minutes."] if some else []
    return " ".join([*told, *([f"No system reached {', '.join(none)} minutes yet."] if none else [])])


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
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    options.runs.mkdir(parents=True, exist_ok=True)
    for budget in sorted(options.budget or BUDGETS):
        for recipe in options.systems:
            judge(recipe, options, budget)
            report(points_of(options.systems, options.runs), options.out)


if __name__ == "__main__":
    main()
