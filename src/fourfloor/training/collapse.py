"""Signs that a model has collapsed: a number of its losses that stays where training can no longer move it.

In: the named parts of the losses, step by step. Out: the names of what has collapsed, at most 100 steps after it did.
"""

from collections.abc import Mapping

STEADY = 50  # steps in a row that a number must stay below its limit
GRACE = 100  # steps before which nothing is called collapsed: an untrained critic tells nothing apart either

# The part of a loss, or of a level's as in perplexity_64: the limit of its size, and what it means to be below.
LIMITS: dict[str, tuple[float, str]] = {
    "wasserstein": (1e-3, "critic loss at 0: the critic no longer tells generated from real"),
    "critic": (1e-3, "critic loss at 0: the critic no longer tells generated from real"),
    "discriminator": (1e-3, "discriminator loss at 0: the generator gets no gradient"),
    "spread": (1e-2, "output variance at 0: the generator answers everything alike"),
    "kl": (1e-3, "KL at 0: the latents carry nothing"),
    "perplexity": (1.5, "codebook collapsed: a single code is in use"),
}


def follow(low_steps: dict[str, int], parts: Mapping[str, float], step: int) -> list[str]:
    """Count in `low_steps` for how many steps each part was too low; return what collapsed at this very step."""
    collapsed = []
    for name, value in parts.items():
        limit, meaning = LIMITS.get(name.partition("_")[0], (0.0, ""))
        if not limit:
            continue
        low_steps[name] = low_steps.get(name, 0) + 1 if abs(value) < limit else 0
        if is_collapsed(low_steps[name], step) and not is_collapsed(low_steps[name] - 1, step - 1):
            collapsed.append(f"collapse at step {step}: {name} {value:.2g}: {meaning}")
    return collapsed


def is_collapsed(low_steps: int, step: int) -> bool:
    """Return whether a part that was too low for so many steps, up to this one, has collapsed."""
    return low_steps >= STEADY and step >= GRACE
