"""How far two waveforms are apart in their magnitudes, whatever their phases."""

import math

import torch
from torch import Tensor

N_FFTS = (1024, 256, 64)  # hops of a quarter; 2048, 1024 and 512 in Dhariwal et al. 2020 are for 44.1 kHz
FLOOR_RMS = 0.002  # of noise that logarithms are deaf to: 54 dB under full scale


def spectral_loss(x: Tensor, rebuilt: Tensor, log_weight: float = 0.0) -> Tensor:
    """Return how far magnitudes are apart, as a share of x's norm, mean over window lengths; 0 for equal signals.

    The norm (Dhariwal et al. 2020) measures only the loudest partials; `log_weight` adds the mean distance of logs,
    which measures every bin (Yamamoto et al. 2020).
    """
    losses = []
    for n_fft in N_FFTS:
        target, found = magnitudes(x, n_fft), magnitudes(rebuilt, n_fft)
        loss = (target - found).norm() / target.norm().clamp_min(1e-3)
        if log_weight:
            floor = FLOOR_RMS * math.sqrt(3 / 8 * n_fft)  # what the window makes of such noise
            loss = loss + log_weight * ((target + floor).log() - (found + floor).log()).abs().mean()
        losses.append(loss)
    return torch.stack(losses).mean()


def magnitudes(x: Tensor, n_fft: int) -> Tensor:
    """Return STFT magnitudes `(batch, bins, frames)` of waveforms `(batch, samples)`."""
    window = torch.hann_window(n_fft, device=x.device)
    spectrum = torch.stft(x.float(), n_fft, n_fft // 4, window=window, center=False, return_complex=True)
    return (spectrum.real.square() + spectrum.imag.square() + 1e-7).sqrt()  # a root has no slope at 0
