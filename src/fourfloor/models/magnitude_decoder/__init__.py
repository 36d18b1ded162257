"""The decoder: latents to the distribution of every log magnitude on the beat grid.

It predicts mean and deviation rather than one value, because latents do not determine noise: a regression
would dim and smear hats and cymbals. Trained with the Gaussian likelihood; no inverse STFT in training.
The mean starts from the log-mel envelope that the latents already hold, so the network learns only what it lacks.
Beside it, it says how tonal each semitone is: magnitudes tell a line from a hump, but not a sine from narrow noise.
"""

from dataclasses import dataclass

import numpy as np

from fourfloor.errors import FourfloorError
from fourfloor.models import in_network
from fourfloor.networks import Networks, of_shape
from fourfloor.representations.magnitude import mel_to_bins

__all__ = ["Config", "Model", "decode"]


@dataclass(frozen=True, kw_only=True)
class Config:
    """Size of the decoder and weight of its losses."""

    width: int = 224
    latent_depth: int = 4  # blocks at eight latents a beat
    frame_depth: int = 3  # blocks at 32 frames a beat
    l1_weight: float = 0.3
    tonal_weight: float = 0.0  # of the tonality's squared error; 0: all is noise
    edge_latents: int = 6  # at a crop's ends the wrapped context is wrong: they carry no loss

    def __post_init__(self) -> None:
        depths = (self.latent_depth, self.frame_depth)
        if not 8 <= self.width <= 4096 or not all(0 <= depth <= 64 for depth in depths):
            raise FourfloorError(f"width {self.width}, depths {depths}: choose width 8-4096 and depths 0-64")
        if not 0 <= self.tonal_weight <= 100:
            raise FourfloorError(f"tonal_weight {self.tonal_weight}: choose 0-100")


def decode(networks: Networks, z: np.ndarray, mel: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Return mean and log deviation of the log magnitudes of a loop, each `(frames, bins)`, and how tonal it is.

    Latents `(latents, latent_dim)` and their log-mel `(frames, N_MELS)` go in. The tonality is `(latents, tones)`, None
    where the model has learned none.
    """
    correction, log_sigma, *tonality = networks.functions["decode"](z=z[None], mel=mel[None])
    mean = of_shape(mel @ mel_to_bins() + correction[0], (len(mel), networks.shape["bins"]))
    tones = of_shape(tonality[0][0], (len(z), networks.shape["tones"])) if tonality else None
    return mean, of_shape(log_sigma[0], mean.shape), tones


__getattr__ = in_network(__name__)
