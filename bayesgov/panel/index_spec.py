"""Specification of a system of indices, and of how missing cells are filled and latent levels modelled."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from bayesgov.spec import FrozenSpec
from bayesgov.study import read_toml

Retention = Literal["eigenvalue", "share", "all"]
Scores = Literal["component", "factor"]
Differentiation = Literal["difference", "ratio", "log_ratio"]


class IndexSpec(FrozenSpec):
    """A system of indices.

    Attributes
    ----------
    dimensions : dict of str to tuple of str
        First-level indices and the second-level indicators of each. The data have two columns for every indicator,
        ``<indicator>_urban`` and ``<indicator>_rural``.
    negative : tuple of str
        Indicators of which less is better.
    loadings : {"shared", "separate", "urban"}
        One set of means, deviations and loadings for town and country together, one each, or those of the towns for
        both. With separate sets every area has mean zero, so that levels of the two cannot be compared.
    retention, share, scores
        Conventions of the composite, as in :func:`bayesgov.panel.composite.principal_composite`.
    differentiation : {"difference", "ratio", "log_ratio"}
        Urban less rural level: the absolute disparity; urban over rural, after both are rescaled together to positive
        values: the relative disparity, and its logarithm (Mackenbach & Kunst 1997,
        doi:10.1016/S0277-9536(96)00073-1). A composite of standardised indicators has an arbitrary zero, so only the
        difference does not depend on the rescaling; it is the default.
    low, high : float
        Smallest and largest value of the rescaled levels.
    urban_share : str
        Column with the towns' share of the population, for the level of the city as a whole; equal weights if empty.
    """

    dimensions: dict[str, tuple[str, ...]] = Field(min_length=1)
    negative: tuple[str, ...] = ()
    loadings: Literal["shared", "separate", "urban"] = "shared"
    retention: Retention = "eigenvalue"
    share: float = Field(default=0.85, gt=0, le=1)
    scores: Scores = "component"
    differentiation: Differentiation = "difference"
    low: float = Field(default=1.0, gt=0)
    high: float = 100.0
    urban_share: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> IndexSpec:
        indicators = self.indicators
        if len(set(indicators)) < len(indicators) or len(indicators) < 2:
            raise ValueError("dimensions should list two or more different indicators, each once")
        strange = [name for name in self.negative if name not in indicators]
        if strange:
            raise ValueError(f"negative names {strange[0]!r}; it may name: {', '.join(indicators)}")
        if self.high <= self.low:
            raise ValueError(f"high should be above low; got {self.high:g} and {self.low:g}")
        return self

    @property
    def indicators(self) -> tuple[str, ...]:
        """Second-level indicators in order."""
        return tuple(name for names in self.dimensions.values() for name in names)


class InterpolateSpec(FrozenSpec):
    """Linear interpolation of missing cells within a unit, before anything else.

    Attributes
    ----------
    columns : tuple of str
        Empty for the indicators of the indices, or, without indices, for the outcome and the predictors.
    ends : {"leave", "carry"}
        Cells before a unit's first and after its last value: left missing, or given the nearest value.
    limit : int or None
        Longest gap that is filled, in periods; None for any.
    """

    columns: tuple[str, ...] = ()
    ends: Literal["leave", "carry"] = "leave"
    limit: Annotated[int, Field(ge=1)] | None = None


class LatentSpec(FrozenSpec):
    """The outcome as a latent factor of its indicators instead of a composite.

    Attributes
    ----------
    loading_scale : float
        Normal prior of the loadings of standardised indicators around their mean, which is one.
    noise_scale : float
        Half-normal priors of the standard deviations of an indicator's lasting and yearly noise.
    """

    loading_scale: float = Field(default=0.5, gt=0)
    noise_scale: float = Field(default=1.0, gt=0)


def read_index_spec(path: Path) -> IndexSpec:
    """Read a spec from a TOML file; InputError in one line if it cannot be used."""
    return read_toml(path, IndexSpec)
