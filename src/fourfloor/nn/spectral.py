"""How far two waveforms are apart in their magnitudes, whatever their phases (Dhariwal et al. 2020, section 3)."""

import torch
from torch import Tensor

N_FFTS = (1024, 256, 64)  # hops of a quarter; the paper's 2048, 1024 and 512 are for 44.1 kHz


def spectral_loss(x: Tensor, rebuilt: Tensor) -> Tensor:
    """Return how far magnitudes are apart, as a share of x's norm, mean over window lengths; 0 for equal signals."""
    losses = []
    for n_fft in N_FFTS:
        target, found = magnitudes(x, n_fft), magnitudes(rebuilt, n_fft)
        losses.append((target - found).norm() / target.norm().clamp_min(1e-3))
    return torch.stack(losses).mean()


def magnitudes(x: Tensor, n_fft: int) -> Tensor:
    """Return STFT magnitudes `(batch, bins, frames)` of waveforms `(batch, samples)`."""
    window = torch.hann_window(n_fft, device=x.device)
    spectrum = torch.stft(x.float(), n_fft, n_fft // 4, window=window, center=False, return_complex=True)
    return (spectrum.real.square() + spectrum.imag.square() + 1e-7).sqrt()  # a root has no slope at 0
