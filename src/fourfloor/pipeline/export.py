"""Runs go in, a small model folder without training state comes out."""

from pathlib import Path

from fourfloor import loading
from fourfloor.pipeline.generate import make_folder


def export(prior: Path, decoder: Path | None, out: Path) -> int:
    """Write a model folder from a run, or a prior's and a decoder's; return its size in bytes."""
    from fourfloor import novelty

    model = loading.load_model(str(prior), str(decoder) if decoder else None)  # refuses what does not fit
    if model.decoder and not decoder:
        raise ValueError(f"{prior}: makes no sound without a decoder; name its run with --decoder")
    novelty.load_reference(prior)
    if out.resolve() in (prior.resolve(), decoder and decoder.resolve()):
        raise ValueError(f"{out}: is a run; choose another --out")
    make_folder(out)
    loading.export(prior, decoder, out)
    novelty.copy_reference(prior, out)
    loading.load_model(str(out))
    return sum(path.stat().st_size for path in out.iterdir())
