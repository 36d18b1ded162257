"""Tune the bundled model to five artists it never heard, and judge each tuned model on tracks it was not tuned to.

    make music-judge
    python scripts/artists.py --music data/judge --work runs/artists --out docs/results/artists

Each artist of artists.txt has tracks to tune on and tracks to judge by. One table comes out, as OUT.md and OUT.json:
the style distance of loops of the bundled model, of the tuned model, and of the tuning tracks themselves to the judged
tracks, diversity, copies and minutes of one core. A finished step is kept in WORK, so the same command goes on after
any end. Style space and envelope are those of the tuning tracks, as `fourfloor evaluate` takes them.
"""

import argparse
import json
import resource
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fourfloor import audio, loading
from fourfloor.api.draws import leveled
from fourfloor.copies.index import CopyIndex
from fourfloor.copies.passages import dataset_passages
from fourfloor.copies.policy import is_copy
from fourfloor.evaluation.numbers import Norms, ScoredSet, median, numbers_of, score_set, style_distance
from fourfloor.evaluation.scorecard import plain
from fourfloor.evaluation.sources import Sample, dataset_source
from fourfloor.generation import Request
from fourfloor.ingestion import catalogue
from fourfloor.saving import save_file
from fourfloor.signal.analysis import CUTOFF_HZ
from fourfloor.signal.beatgrid import playable_bpm

LIST = Path(__file__).with_name("artists.txt")
PAGE = """# Fine-tuning to five artists

`make music-judge` fetches the music, `make artists` tunes and judges. Each model is tuned to some
tracks of an artist and judged by other tracks of the same artist, with {n} loops each of the model
as it is and as tuned.

{table}
- **Style distance** to the judged tracks, with half of its 95 % interval where there are tracks
  enough for one. 0 would be indistinguishable. The third column is the distance of the tracks that
  the model was tuned to. Pairs within a track do not count, so with two judged tracks the distance
  is negative where these two differ from each other more than from the loops.
- **Diversity**: how varied the loops are, divided by how varied the tuning tracks are. At least 0.7
  is wanted.
- **Copies**: the share of loops that copy a tuning track; beside it, of the judged tracks.
- **Sane**: the share of loops whose noise, movement and peaks are usual in the tuning tracks.
- **Core-minutes**: processor time of fine-tuning, with its checks, for at most {steps} steps.

Where fine-tuning finds no step that is nearer to its own held-out loops, it keeps the model as it
was: then both columns are nearly equal. Intervals are wide, because few tracks are judged. Nobody
listened to these loops.
"""
MAX_LOOPS = 64  # of either set of tracks, the tracks in turn
KEPT = ("style", "style_low", "style_high", "diversity", "copies", "margin", "clarity_db", "sane", "repetition")


@dataclass(frozen=True, kw_only=True)
class Artist:
    """Whose tracks, by name without suffix: some to tune on, some to judge by."""

    name: str
    tuned: Sequence[str]
    judged: Sequence[str]
    options: Sequence[str] = ()  # of ingest


def read_artists(path: Path = LIST) -> list[Artist]:
    """Read lines of an artist's name, tracks to tune on, a bar, and tracks to judge by."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    artists = []
    for line in lines:
        (name, *tuned), judged = (part.split() for part in line.split("|"))
        given = [token for token in tuned if "=" in token]
        options = [f"--{token}" for token in given]
        artists.append(Artist(name=name, tuned=tuned[len(given) :], judged=judged, options=options))
    return artists


class Judge:
    """Judges loops by the tracks of one artist: those the model was tuned to, and those it was not."""

    def __init__(self, tuned: Path, judged: Path) -> None:
        self._searched = CopyIndex.of(dataset_passages(catalogue.load(tuned)), CUTOFF_HZ)
        self._tuned, held_out = self._scored(tuned, False), self._scored(judged, True)
        self._norms = Norms.of(self._tuned, held_out)
        self.bars = catalogue.load(judged).bars
        self.tempi = [playable_bpm(loop.bpm) for loop in catalogue.load(judged).loops]

    def _scored(self, data: Path, searched: bool) -> ScoredSet:
        loaded = catalogue.load(data)
        sources = [dataset_source(loaded, split) for split in ("train", "validation")]
        loops = [source[index] for source in sources for index in source.draw(MAX_LOOPS, 0)]
        return score_set(loops, CUTOFF_HZ, self._searched, len(loops) if searched else 0)

    def own(self) -> dict[str, float]:
        """Measure the tracks tuned to as if they were loops of a model, and the clarity of the judged tracks."""
        interval = style_distance(self._tuned, self._norms)
        clarity = median([tones.clarity_db for tones in self._norms.held_out.tones])
        copies = [is_copy(score) for score in self._norms.held_out.copy_scores]
        return {
            "style": interval.value, "style_low": interval.low, "style_high": interval.high,
            "clarity_db": clarity, "copies": sum(copies) / len(copies),
        }  # fmt: skip

    def numbers(self, loops: Iterator[Sample], count: int) -> dict[str, float]:
        """Judge loops of a model."""
        numbers = numbers_of(score_set(loops, CUTOFF_HZ, self._searched, count), self._norms, seed=0)
        return {name: numbers[name] for name in KEPT}


def sampled(name: str, bars: int, tempi: Sequence[float], count: int, seed: int) -> Iterator[Sample]:
    """Make loops of a model in any style, in the tempi given in turn."""
    model = loading.load_model(name)
    for number in range(count):
        request = Request(bpm=tempi[number * len(tempi) // count], bars=bars, seed=seed + number)
        yield Sample(
            waveform=leveled(model, request), sample_rate=audio.SAMPLE_RATE, bpm=request.bpm, bars=request.bars,
            track=f"loop {number}",
        )  # fmt: skip


def call(*arguments: object) -> float:
    """Run fourfloor; return the minutes of one core it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "fourfloor", *map(str, arguments)], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / 60


def ingested(tracks: Sequence[str], music: Path, out: Path, *options: object) -> Path:
    """Make a dataset of some tracks, once."""
    if not (out / "catalogue.json").exists():
        files = [next(music.glob(f"{track}.*")) for track in tracks]
        call("ingest", *files, "--out", out, *options)
    return out


def judge_artist(artist: Artist, options: argparse.Namespace) -> dict[str, Any]:
    """Tune and judge, with every step kept; return one row of the table."""
    work = options.work / artist.name
    work.mkdir(parents=True, exist_ok=True)
    tuned = ingested(artist.tuned, options.music, work / "tuned", *artist.options)
    judged = ingested(artist.judged, options.music, work / "judged", "--validation-share", 0, *artist.options)
    run, kept = work / options.label, work / f"{options.label}.json"
    row = json.loads(kept.read_text()) if kept.exists() else {}

    def step(key: str, measure: Any) -> None:
        if key not in row:
            row[key] = plain(measure())
            save_file(kept, json.dumps(row, indent=1).encode())
            print(artist.name, key, row[key], flush=True)

    def train() -> float:
        started = ["--resume"] if (run / "run.json").exists() else []
        chosen = [part for value in options.set for part in ("--set", value)]
        source = ["--from", options.model, "--data", tuned, "--out", run]
        return call("train", options.recipe, *source, "--steps", options.steps, *chosen, *started)

    step("core_minutes", train)
    if missing := {"own", "before", "after"} - set(row):
        judge = Judge(tuned, judged)
        way = judge.bars, judge.tempi, options.n, options.seed
        measures = {
            "own": judge.own,
            "before": lambda: judge.numbers(sampled(options.model, *way), options.n),
            "after": lambda: judge.numbers(sampled(str(run), *way), options.n),
        }
        for key in sorted(missing):
            step(key, measures[key])
    return {"artist": artist.name, "tracks": [len(artist.tuned), len(artist.judged)], **row}


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Write the rows as Markdown."""
    lines = [
        "| artist | tracks, tuned + judged | as it is | tuned | the artist's own | diversity | copies | sane "
        "| clarity, dB | core-minutes |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        before, after, own = row["before"], row["after"], row["own"]
        lines.append(
            f"| {row['artist']} | {row['tracks'][0]} + {row['tracks'][1]} | {distance(before)} | {distance(after)} "
            f"| {distance(own)} | {before['diversity']:.2f} -> {after['diversity']:.2f} "
            f"| {before['copies']:.2f} -> {after['copies']:.2f} (own {own['copies']:.2f}) "
            f"| {before['sane']:.2f} -> {after['sane']:.2f} "
            f"| {before['clarity_db']:.1f} -> {after['clarity_db']:.1f} (own {own['clarity_db']:.1f}) "
            f"| {row['core_minutes']:.1f} |"
        )
    return "\n".join(lines) + "\n"


def distance(numbers: dict[str, float | None]) -> str:
    """Write a style distance with the half of its interval where it has one."""
    value, high = numbers["style"], numbers["style_high"]
    assert value is not None
    return f"{value:.1f} ± {high - value:.1f}" if high is not None else f"{value:.1f}"


def main() -> None:
    """Make the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--music", type=Path, required=True, help="the folder of `make music-judge`")
    parser.add_argument("--work", type=Path, required=True, help="folder for datasets, runs and finished steps")
    parser.add_argument("--out", type=Path, required=True, help="name of the table, without .md and .json")
    parser.add_argument("--artist", action="append", help="only this one; repeat it for several")
    parser.add_argument("--model", default=loading.BUNDLED)
    parser.add_argument("--recipe", default="adapt")
    parser.add_argument("--steps", type=int, default=75, help="of tuning, at most; minutes would depend on other work")
    parser.add_argument("--set", action="append", default=[], help="override a value of the recipe")
    parser.add_argument("--label", default="adapt", help="name of the runs, for another recipe or setting")
    parser.add_argument("--n", type=int, default=24, help="loops to judge of each model")
    parser.add_argument("--seed", type=int, default=60_000)
    options = parser.parse_args()
    chosen = [artist for artist in read_artists() if not options.artist or artist.name in options.artist]
    rows = []
    for artist in chosen:
        rows.append(judge_artist(artist, options))
        save_file(options.out.with_suffix(".json"), (json.dumps(rows, indent=1) + "\n").encode())
        page = PAGE.format(n=options.n, steps=options.steps, table=table(rows))
        save_file(options.out.with_suffix(".md"), page.encode())
    print(table(rows))


if __name__ == "__main__":
    main()
