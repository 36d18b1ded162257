"""Runs go in, a small model folder without training state comes out."""

from pathlib import Path

from fourfloor import loading
from fourfloor.errors import FourfloorError
from fourfloor.pipeline.generate import make_folder
from fourfloor.training import checkpoint


def export(prior: Path, decoder: str | None, out: Path) -> int:
    """Write a model folder from a run and the decoder it needs, named or found; return its size in bytes."""
    from fourfloor import novelty

    model = loading.load_model(str(prior), decoder)  # refuses what does not fit
    if not (prior / checkpoint.FOLDER).is_dir():  # a model folder, or one in the package
        raise FourfloorError(f"{prior}: is no run but a model already; name the run of a prior")
    source = model.decoder.source if model.decoder else None
    novelty.load_reference(prior)
    if out.resolve() in (prior.resolve(), source and source.resolve()):
        raise FourfloorError(f"{out}: is a run; choose another --out")
    make_folder(out)
    loading.export(prior, source, out)
    novelty.copy_reference(prior, out)
    loading.load_model(str(out))
    return sum(path.stat().st_size for path in out.iterdir())
