"""One reading of the signs of a printed table, with every analysis made under it."""

from __future__ import annotations

from dataclasses import dataclass

import xarray as xr

from bayesgov.fits import PosteriorFit
from bayesgov.published.regions.design import RegionTable
from bayesgov.published.regions.frequentist import CommonEffect, RandomEffects, common_effect, random_effects

READING_NAMES = {"estimate": "estimate", "t": "t-value"}


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """Every analysis under one reading of the signs.

    Attributes
    ----------
    table : RegionTable
    common : tuple of CommonEffect
        Complete pooling, one result a term.
    random : tuple of RandomEffects
        Partial pooling, one result a term.
    posterior : PosteriorFit
        Of the hierarchical model.
    """

    table: RegionTable
    common: tuple[CommonEffect, ...]
    random: tuple[RandomEffects, ...]
    posterior: PosteriorFit

    @property
    def draws(self) -> xr.Dataset:
        """The posterior group as a dataset."""
        return self.posterior.tree["posterior"].to_dataset()


def analyse_reading(table: RegionTable, posterior: PosteriorFit) -> Reading:
    """The frequentist analyses of every term beside the posterior."""
    rows = list(zip(table.estimate, table.std_error, strict=True))
    return Reading(
        table=table,
        common=tuple(common_effect(y, se) for y, se in rows),
        random=tuple(random_effects(y, se) for y, se in rows),
        posterior=posterior,
    )
