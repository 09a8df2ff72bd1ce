"""The outcome as a latent factor of its indicators inside the dynamic model, and what the composite loses."""

from bayesgov.panel.latent.attenuation import attenuation_tables
from bayesgov.panel.latent.fit import fit_latent

__all__ = ["attenuation_tables", "fit_latent"]
