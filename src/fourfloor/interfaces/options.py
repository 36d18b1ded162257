"""Options that several commands share: each has one name, one help text and one type."""

from pathlib import Path
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output (docs/json.md).")]

# Datasets
DatasetOut = Annotated[Path, typer.Option("--out", help="Folder for the dataset.", show_default=False)]
OverwriteDataset = Annotated[bool, typer.Option("--overwrite", help="Replace an existing dataset.")]
LoopBars = Annotated[int, typer.Option("--bars", help="Length of each loop in bars: 1, 2, 4 or 8.")]
EngineName = Annotated[
    str, typer.Option("--engine", help="Where the work runs: local, or ray for many machines (docs/scale.md).")
]
Address = Annotated[
    str | None,
    typer.Option(help="With --engine ray: HOST:PORT of a running cluster, or auto.", show_default="starts Ray here"),
]

# Loops in files
OverwriteFiles = Annotated[bool, typer.Option("--overwrite", help="Replace existing files.")]
WavFolder = Annotated[Path, typer.Option("--out", help="Folder for the WAV files.")]
Tempo = Annotated[float, typer.Option("--bpm", help="Tempo in BPM, 90-180.")]

# Trainings
Device = Annotated[str, typer.Option("--device", help="Where to compute: auto, cpu or cuda.")]
