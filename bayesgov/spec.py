"""Frozen, validated specifications of what to fit, read from TOML or built in Python.

A published-mode spec (``published.toml`` in a study's folder) says which printed tables to reanalyse and how; both
approaches read the same spec.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bayesgov.errors import InputError
from bayesgov.study import read_toml

ShrinkagePrior = Literal["normal", "horseshoe", "r2d2"]
StandardErrorReading = Literal["printed", "interval", "wald"]
SignReading = Literal["estimate", "t"]


class FrozenSpec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _expected_below[Model: FrozenSpec](spec: Model, field: str, total: int, what: str) -> Model:
    """A prior guess that every effect is non-zero leaves the horseshoe no global scale."""
    expected = getattr(spec, field)
    if total > 1 and not expected < total:
        raise ValueError(f"{field} should be below the number of {what}, {total}; got {expected:g}")
    return spec


class ContingencySpec(FrozenSpec):
    """Ordinal outcome by option, one contingency table an item, the items' joint table not printed.

    Attributes
    ----------
    table : str
        Table id; the counts stand in rows ``<item>.<option>`` and one column for each outcome level.
    items : tuple of str
    outcome : tuple of str
        Columns from the lowest to the highest level of the outcome.
    options : tuple of str
        Suffixes of the option rows.
    priors : tuple of str
        Priors of the option effects to fit side by side; the first is the one that verdicts quote.
    expected_nonzero_items : float
        Prior guess of the number of items with an effect, for the horseshoe's global scale.
    normal_scale : float
        Standard deviation of the plain normal prior, in logits.
    r2_mean, r2_concentration : float
        Beta prior of the latent-scale R² (mean and prior sample size) of the R2D2 prior.
    slab_scale, slab_df : float
        Student-t slab of the horseshoe, in logits.
    composite_weights : tuple of float
        Powers of the composite likelihood to fit side by side; by default 1 (tables independent), 1 / number of items
        (the extreme in which all tables together carry the information of one), and their geometric mean.
    relevant_v : float
        Cramér's V above which an association counts as more than a trifle.
    relevant_departure : float
        Difference of an option's effect between cutpoints, in logits, above which effects count as not proportional.

    Notes
    -----
    Where the defaults come from. Horseshoe slab: Student-t with 4 degrees of freedom as in brms; its scale of 1 logit
    and the normal prior's standard deviation of 1 logit make an option effect beyond 1.6 logits unusual. R2D2:
    Beta(0.5, 4.5), most mass near no effect, upper tail open. The level probabilities behind the cutpoints are uniform.
    ``relevant_v`` 0.1 is Cohen's (1988, doi:10.4324/9780203771587) small effect w for a table with a smaller side of
    two; ``relevant_departure`` 0.2 logits moves a share of one half by 0.05. All are conventions that a study may
    replace; the report shows what each prior implies.
    """

    table: str
    items: tuple[str, ...] = Field(min_length=1)
    outcome: tuple[str, ...] = Field(min_length=3)
    options: tuple[str, ...] = Field(min_length=2)
    priors: tuple[ShrinkagePrior, ...] = Field(default=("horseshoe", "r2d2", "normal"), min_length=1)
    expected_nonzero_items: float = Field(gt=0)
    normal_scale: float = Field(default=1.0, gt=0)
    r2_mean: float = Field(default=0.1, gt=0, lt=1)
    r2_concentration: float = Field(default=5.0, gt=0)
    slab_scale: float = Field(default=1.0, gt=0)
    slab_df: float = Field(default=4.0, gt=0)
    composite_weights: tuple[Annotated[float, Field(gt=0, le=1)], ...] = ()
    relevant_v: float = Field(default=0.1, gt=0, lt=1)
    relevant_departure: float = Field(default=0.2, gt=0)

    @model_validator(mode="before")
    @classmethod
    def _weights_from_items(cls, values: Any) -> Any:
        if isinstance(values, dict) and not values.get("composite_weights") and values.get("items"):
            n_items = len(values["items"])
            weights = tuple(dict.fromkeys((1.0, n_items**-0.5, 1.0 / n_items)))
            return values | {"composite_weights": weights}
        return values

    @model_validator(mode="after")
    def _fewer_than_all(self) -> ContingencySpec:
        return _expected_below(self, "expected_nonzero_items", len(self.items), "items")


class CoefficientsSpec(FrozenSpec):
    """A printed table of coefficients with standard errors, intervals and Wald statistics, to be shrunk.

    Attributes
    ----------
    table : str
        Table id; columns ``estimate, se, wald, lower, upper`` (and ``p`` where printed).
    rows : tuple of str
    readings : tuple of {"printed", "interval", "wald"}
        Which printed number the standard error is taken from.
    level : float
        Level of the printed intervals.
    expected_nonzero : float
        Prior guess of the number of non-zero effects.
    slab_scale, slab_df : float
        Student-t slab of the horseshoe, in the unit of the coefficients. The default scale of 5 is wide for logits:
        it regularises only what the table hardly determines.
    """

    table: str
    rows: tuple[str, ...] = Field(min_length=2)
    readings: tuple[StandardErrorReading, ...] = Field(default=("printed", "interval", "wald"), min_length=1)
    level: float = Field(default=0.95, gt=0, lt=1)
    expected_nonzero: float = Field(gt=0)
    slab_scale: float = Field(default=5.0, gt=0)
    slab_df: float = Field(default=4.0, gt=0)

    @model_validator(mode="after")
    def _fewer_than_all(self) -> CoefficientsSpec:
        return _expected_below(self, "expected_nonzero", len(self.rows), "rows")


class RegionsSpec(FrozenSpec):
    """A printed table of estimates with t-values, terms by regions, to be pooled.

    Attributes
    ----------
    table : str
        Table id; rows ``<term>.estimate`` and ``<term>.t``, one column for each region.
    terms, regions : tuple of str
    lagged_outcome, effect, effect_lag : str
        The terms of the long-run effect (effect + effect_lag) / (1 - lagged_outcome).
    sign_readings : tuple of {"estimate", "t"}
        Where an estimate and its t-value print opposite signs: whose sign is kept. The first reading is the one that
        verdicts quote.
    mean_prior_scale, heterogeneity_prior_scale : float
        Prior scales of a term's mean over regions (normal) and of its between-region standard deviation
        (half-normal), in units of the term's typical standard error.

    Notes
    -----
    Where the defaults come from: the half-normal form is recommended by Röver et al. (2021, doi:10.1002/jrsm.1475);
    with a scale of one typical standard error the prior median of I² is about 0.3 and its central 95% runs from
    0.001 to 0.83, so neither equal nor very different regions are ruled out. A mean with a prior ten times as wide as a
    standard error is left to the data. The report refits with the heterogeneity scale halved and doubled.
    """

    table: str
    terms: tuple[str, ...] = Field(min_length=1)
    regions: tuple[str, ...] = Field(min_length=3)
    lagged_outcome: str
    effect: str
    effect_lag: str
    sign_readings: tuple[SignReading, ...] = Field(default=("estimate", "t"), min_length=1)
    mean_prior_scale: float = Field(default=10.0, gt=0)
    heterogeneity_prior_scale: float = Field(default=1.0, gt=0)


class SamplingSpec(FrozenSpec):
    seed: int = 20260101
    chains: int = Field(default=4, ge=2)
    draws: int = Field(default=1000, ge=100)
    tune: int = Field(default=1000, ge=100)
    target_accept: float = Field(default=0.95, gt=0, lt=1)


class SampledSpec(FrozenSpec):
    """A spec whose posterior is sampled."""

    sampling: SamplingSpec = SamplingSpec()


class PublishedSpec(SampledSpec):
    """What to reanalyse from the printed tables of one study."""

    contingency: ContingencySpec | None = None
    coefficients: CoefficientsSpec | None = None
    regions: RegionsSpec | None = None

    @model_validator(mode="after")
    def _something_to_do(self) -> PublishedSpec:
        if not self.blocks:
            raise ValueError("give at least one of the blocks contingency, coefficients and regions")
        return self

    @property
    def blocks(self) -> tuple[str, ...]:
        """Names of the blocks to run."""
        return tuple(name for name in ("contingency", "coefficients", "regions") if getattr(self, name) is not None)


def read_published_spec(folder: str | Path) -> PublishedSpec:
    """Read ``published.toml`` of a study's folder; InputError in one line if it cannot be used."""
    return read_toml(Path(folder) / "published.toml", PublishedSpec)


def with_sampling[Spec: SampledSpec](spec: Spec, **changes: int | float | None) -> Spec:
    """The spec with some sampling options replaced; None leaves an option as it is.

    Raises
    ------
    InputError
        If a value is out of range.
    """
    values = spec.sampling.model_dump() | {name: value for name, value in changes.items() if value is not None}
    try:
        return spec.model_copy(update={"sampling": SamplingSpec.model_validate(values)})
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"{first['loc'][0]}: {first['msg'].lower()}; got {first['input']!r}") from None
