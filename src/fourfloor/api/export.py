"""Runs go in, a small model folder without training state comes out."""

from dataclasses import replace
from pathlib import Path

from fourfloor import loading
from fourfloor.api.card import card, check_license
from fourfloor.api.outputs import refuse_dataset, refuse_existing
from fourfloor.errors import FourfloorError
from fourfloor.extras import needing_torch
from fourfloor.progress import OnProgress, ignore, silent
from fourfloor.saving import check_folder_name, save_file
from fourfloor.training import checkpoint
from fourfloor.workspace import Workspace, finish_interrupted, resolved


def export(
    prior: Path,
    decoder: str | None,
    out: Path,
    overwrite: bool = False,
    license_text: str | None = None,
    on_progress: OnProgress = ignore,
) -> int:
    """Write a model folder from a run and the decoder it needs, named or found; return its size in bytes.

    All of the model is in its place, or nothing. What generates without torch is checked by 32 loops beside the run's.
    FourfloorError in one line for what does not fit or cannot be written,
    and, without `overwrite`, where a model is there already. The model's CARD.md says under which license it is passed
    on: `license_text`, one line, or that none was stated.
    """
    from fourfloor.copies import fingerprints

    with needing_torch("Exporting"):
        from fourfloor import exporting

    check_license(license_text)
    check_folder_name(out)
    folder = resolved(out)
    _check_target(folder, overwrite)
    model = loading.load_model(str(prior), decoder)  # refuses what does not fit
    if not (prior / checkpoint.FOLDER).is_dir():  # a model folder, or one in the package
        raise FourfloorError(f"{prior}: is an exported model, not a training run; pass the prior's run folder")
    source = model.decoder.source if model.decoder else None
    fingerprints.load(prior).of(model.prior.meta["data_hash"], prior)
    with Workspace(folder, loading.POSSIBLE_FILES) as work:
        silent(on_progress)(0, 1, "tracing the networks")
        exporting.export(prior, source, work.new)
        fingerprints.copy(prior, work.new)
        made = loading.load_model(str(work.new))
        if made.prior.exported:
            from fourfloor.api.verifying import check_exported  # brings scipy, which a training may lack

            check_exported(replace(made, name=folder.name), replace(model, name=str(prior)), on_progress)
        save_file(
            work.new / loading.CARD_FILE, card(model, prior, folder.name, license_text).encode("utf-8", "replace")
        )
        size = sum(path.stat().st_size for path in work.new.iterdir())
        work.place()
    return size


def _check_target(folder: Path, overwrite: bool) -> None:
    """Refuse a folder that holds a run, a dataset or, unless asked to replace it, a model; leave other files alone."""
    finish_interrupted(folder, loading.POSSIBLE_FILES)
    if folder.exists() and not folder.is_dir():
        raise FourfloorError(f"{folder}: is not a folder; choose another --out")
    if (folder / checkpoint.FOLDER).is_dir():
        raise FourfloorError(f"{folder}: is a run; choose another --out")
    refuse_dataset(folder)
    if not overwrite:
        refuse_existing(folder, sorted(loading.MODEL_FILES))
