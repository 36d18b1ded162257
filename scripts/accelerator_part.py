"""What scripts/accelerator.sh runs in Python, with fewer libraries than the command line needs.

    python scripts/accelerator_part.py loops tracks --count 6000 --jobs 16         data/music and data/produced
    python scripts/accelerator_part.py train prior --data DATASET --out runs/prior --minutes 5
    python scripts/accelerator_part.py reference FOLDER --data DATASET
    python scripts/accelerator_part.py export runs/prior --decoder runs/decoder --out made
    python scripts/accelerator_part.py trace made --out MODEL

`train` needs only torch, numpy, safetensors, einops, filelock and threadpoolctl. `reference` writes the fingerprints
for the copy search. It takes minutes of one core, so run it beside the training. `export` writes weights in 8 bits and
no graphs; `trace` makes the model of them, where the libraries are that write graphs.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import fourfloor


def main() -> None:
    """Do one part."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = parser.add_subparsers(dest="part", required=True)
    names = ("loops", "train", "reference", "export", "trace")
    loops, train, reference, export, trace = (parts.add_parser(name) for name in names)
    loops.add_argument("tracks", type=Path)
    loops.add_argument("--count", type=int, required=True)
    loops.add_argument("--jobs", type=int, required=True)
    train.add_argument("recipe")
    train.add_argument("--from", dest="base")
    train.add_argument("--minutes", type=float)
    train.add_argument("--steps", type=int)
    train.add_argument("--resume", action="store_true")
    train.add_argument("--set", dest="overrides", action="append", default=[])
    train.add_argument("--device", default="auto")
    reference.add_argument("folder", type=Path)
    export.add_argument("run", type=Path)
    export.add_argument("--decoder", type=Path)
    for part in (train, reference):
        part.add_argument("--data", type=Path, action="append", required=True)
    trace.add_argument("made", type=Path)
    for part in (train, export, trace):
        part.add_argument("--out", type=Path, required=True)
    options = vars(parser.parse_args())
    work: dict[str, Callable[..., None]] = {
        "loops": make_loops, "train": learn, "reference": write_reference, "export": write_weights,
        "trace": write_model,
    }  # fmt: skip
    work[options.pop("part")](**options)


def make_loops(tracks: Path, count: int, jobs: int) -> None:
    """Ingest the tracks and produce loops, unless that was done."""
    # Eleven of the 27 tracks are held out, as by scripts/model.sh.
    if not Path("data/music").is_dir():
        fourfloor.ingest(tracks, "data/music", jobs=jobs, validation_share=0.37)
    if not Path("data/produced").is_dir():
        fourfloor.produce("data/produced", count=count, jobs=jobs)


def learn(recipe: str, **options: object) -> None:
    """Train, and print what came of it."""
    print(fourfloor.train(recipe, on_note=print, **options).to_json())  # type: ignore[arg-type]


def write_reference(folder: Path, data: list[Path]) -> None:
    """Write the fingerprints of the training loops, and the usual range of their numbers."""
    from fourfloor.copies import fingerprints
    from fourfloor.dataset import Dataset
    from fourfloor.evaluation.scores import usual_range

    folder.mkdir(parents=True, exist_ok=True)
    fingerprints.write(folder, Dataset(data), usual_range)


def write_weights(run: Path, decoder: Path, out: Path) -> None:
    """Write what a model is sampled by, of what is trained by now, with the fingerprints of its training loops."""
    from fourfloor import exporting
    from fourfloor.copies import fingerprints

    out.mkdir(exist_ok=True)
    exporting.write_weights(run, decoder, out)
    fingerprints.copy(run, out)


def write_model(made: Path, out: Path) -> None:
    """Write the model folder of such weights, with the graphs that generate without torch."""
    from fourfloor import exporting, loading
    from fourfloor.api.card import card
    from fourfloor.copies import fingerprints

    out.mkdir(parents=True)
    exporting.export(made / loading.PRIOR_FILE, made / loading.DECODER_FILE, out)
    fingerprints.copy(made, out)
    told = card(loading.load_model(str(out)), made, out.name, None)
    (out / loading.CARD_FILE).write_text(told, encoding="utf-8")


if __name__ == "__main__":
    main()
