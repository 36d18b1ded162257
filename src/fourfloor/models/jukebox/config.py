"""What a recipe may set of a Jukebox."""

from dataclasses import dataclass

from fourfloor.errors import FourfloorError


@dataclass(frozen=True, kw_only=True)
class Config:
    """Size of the autoencoders and the transformers, and how they are trained."""

    hop_lengths: tuple[int, ...] = (32, 256)  # samples to a code, the lowest level first; paper: 8, 32, 128
    codebook_size: int = 512  # paper: 2048
    latent_dim: int = 64
    width: int = 32  # channels after the first stride; doubled by each further one up to four times
    depth: int = 2  # residual blocks after each stride
    commitment_weight: float = 0.02
    squared_weight: float = 1.0  # of the squared error, which spends codes on the phase of the bass
    spectral_weight: float = 1.0
    log_spectral_weight: float = 0.0  # ours: of logarithms beside the paper's norm, within the spectral loss
    codebook_decay: float = 0.99
    restart_share: float = 0.03  # vectors chosen less often than this share of the mean are put elsewhere
    crop_samples: int = 8192  # the autoencoders train on one crop of each x
    vqvae_steps: int = 1000
    prior_steps: int = 0  # of the highest level's transformer, after those; 0: as long as the others train
    parts: int = 4  # equal parts of x, its bars: codes know their place in the part; x may be turned by whole ones
    prior_width: int = 128
    prior_depth: int = 4
    heads: int = 4
    recalled_parts: int = 0  # ours: of the parts before, whose codes at its place the highest level sees as well
    window: int = 256  # codes of a lower level that a transformer looks back on, and half of what it trains on
    dropout: float = 0.1
    condition_dropout: float = 0.15  # share of loops whose style is hidden

    def __post_init__(self) -> None:
        sizes = {"codebook_size": (2, 8192), "latent_dim": (1, 1024), "width": (1, 512), "depth": (0, 8),
                 "commitment_weight": (0, 1e3), "squared_weight": (0, 1e3), "spectral_weight": (0, 1e3),
                 "log_spectral_weight": (0, 1e3),
                 "codebook_decay": (0, 0.9999), "restart_share": (1e-4, 0.9), "crop_samples": (256, 2**20),
                 "vqvae_steps": (0, 1e9), "prior_steps": (0, 1e9), "parts": (1, 64), "prior_width": (8, 1024),
                 "prior_depth": (1, 24), "heads": (1, 32), "recalled_parts": (0, 63), "window": (4, 4096),
                 "dropout": (0, 0.9), "condition_dropout": (0, 1)}  # fmt: skip
        for name, (low, high) in sizes.items():
            if not low <= getattr(self, name) <= high:
                raise FourfloorError(f"{name} {getattr(self, name)}: choose {low:g}-{high:g}")
        if not self.squared_weight and not self.spectral_weight:
            raise FourfloorError("squared_weight 0, spectral_weight 0: choose one above 0, or nothing is learned")
        if self.prior_width % (2 * self.heads):
            raise FourfloorError(f"prior_width {self.prior_width}: choose a multiple of twice the heads, {self.heads}")
        hops = self.hop_lengths
        powers = all(4 <= hop <= 4096 and hop & (hop - 1) == 0 for hop in hops)
        if not 1 <= len(hops) <= 3 or not powers or sorted(set(hops)) != list(hops):
            raise FourfloorError(f"hop_lengths {list(hops)}: choose one to three rising powers of 2 from 4 to 4096")
        if self.prior_steps and len(hops) == 1:
            raise FourfloorError(
                f"prior_steps {self.prior_steps}: choose 0, since one level has nothing else to train on"
            )
        if self.crop_samples % hops[-1]:
            raise FourfloorError(f"crop_samples {self.crop_samples}: choose a multiple of the largest hop, {hops[-1]}")
