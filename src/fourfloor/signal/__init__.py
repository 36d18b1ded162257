"""Transforms of closed loops that know nothing of music: STFT, mel filters, inversion, pictures."""
