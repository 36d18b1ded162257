"""A GAN on spectrograms: from a student's DCGAN to one that makes whole loops.

In: pictures `(batch, bins, frames)` in [-1, 1]. Out: pictures of the same shape, from noise. The first values of
`Config` are the tutorial's DCGAN (Radford, Metz and Chintala 2016): transposed convolutions, batch normalization in
both networks, the non-saturating loss of Goodfellow et al. 2014. Each other value is one known remedy: resized
convolutions against checkerboards (Odena, Dumoulin and Olah 2016), a hinge loss and spectral normalization (Miyato et
al. 2018) or a gradient penalty (Gulrajani et al. 2017) against a discriminator that wins, the deviation over a batch
against collapse (Karras et al. 2018), judges on several scales (Wang et al. 2018), tempo as a condition, and a time
axis that is a circle.
"""

from fourfloor.models import in_network
from fourfloor.models.spectrogram_gan.config import Config
from fourfloor.nn.adversarial import Sampling

__all__ = ["Config", "Model", "Sampling"]


__getattr__ = in_network(__name__)
