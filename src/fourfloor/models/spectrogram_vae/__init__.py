"""A variational autoencoder on magnitude spectrograms (Kingma and Welling 2014), with a choice of prior.

In: pictures `(batch, bins, frames)` in [-1, 1]. Out: pictures of the same shape. Strided convolutions lead to
`positions` latents of `latent_dim` numbers along time, transposed ones back. `error`, `kl_weight`, `free_bits` and
`prior` decide whether it lives: with a squared error far smaller than the KL every posterior becomes the prior, and the
decoder answers with the mean of all training data (posterior collapse: Bowman et al. 2016). The way out, in parts:
a decoder variance at its best value (Rybkin et al. 2021), free bits (Kingma et al. 2016), and latents that are drawn
from a flow fitted to the posteriors (Lipman et al. 2023; as in latent diffusion, Rombach et al. 2022).
"""

from fourfloor.models import in_network
from fourfloor.models.spectrogram_vae.config import Config, Sampling

__all__ = ["Config", "Model", "Sampling"]


__getattr__ = in_network(__name__)
