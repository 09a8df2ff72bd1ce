"""Specification of an ordinal regression on survey rows; one spec drives both schools of inference."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from bayesgov.spec import FrozenSpec, SampledSpec, SamplingSpec
from bayesgov.study import read_toml

Family = Literal["cumulative", "adjacent", "continuation"]
Link = Literal["logit", "probit", "cloglog", "loglog", "cauchit"]
Thresholds = Literal["flexible", "equidistant", "symmetric"]
Missing = Literal["listwise", "impute", "model"]

LINKS: tuple[Link, ...] = ("logit", "probit", "cloglog", "loglog", "cauchit")


class VariableSpec(FrozenSpec):
    """One variable's entry in the codebook.

    Attributes
    ----------
    label : str
        What the report calls the variable.
    kind : {"ordinal", "nominal", "continuous", None}
        ``ordinal`` enters a formula as equally spaced scores 1..L unless wrapped in ``mo()`` or ``C()``; ``nominal``
        as contrasts against its first level; ``continuous`` as it stands. None: decided by the column's type.
    levels : tuple of str
        Order of the levels, lowest first (the reference level of a nominal variable). Values outside it are an error.
    values : dict of str to str
        Codes as they stand in the file and the levels they mean, such as ``{"1" = "poor", "2" = "fair"}``.
    missing : tuple of str
        Codes or labels that mean missing: "refused", "don't know", "-9".
    """

    label: str = ""
    kind: Literal["ordinal", "nominal", "continuous"] | None = None
    levels: tuple[str, ...] = ()
    values: dict[str, str] = Field(default_factory=dict)
    missing: tuple[str, ...] = ()


class CoefficientPrior(FrozenSpec):
    """Prior of the regression coefficients.

    Attributes
    ----------
    kind : {"normal", "laplace", "horseshoe", "r2d2"}
        The Laplace prior is there for its correspondence with the Lasso; it neither shrinks small effects enough nor
        leaves large ones alone (Carvalho, Polson & Scott 2010, doi:10.1093/biomet/asq017).
    scale : float
        Standard deviation (normal) or scale (Laplace), in units of the link for one standard deviation of a predictor.
    expected_nonzero : float or None
        Prior guess of the number of non-zero effects, for the horseshoe's global scale (Piironen & Vehtari 2017,
        doi:10.1214/17-EJS1337SI); None takes a quarter of the groups, at least one.
    slab_scale, slab_df : float
        Student-t slab of the horseshoe.
    r2_mean, r2_concentration : float
        Beta prior of the R² on the latent scale.
    by_factor : bool
        One local scale for all contrasts of a factor instead of one for each contrast.
    standardise : bool
        The prior holds for predictors scaled to standard deviation one; coefficients are always reported in the
        predictors' own units.
    """

    kind: Literal["normal", "laplace", "horseshoe", "r2d2"] = "horseshoe"
    scale: float = Field(default=1.0, gt=0)
    expected_nonzero: float | None = Field(default=None, gt=0)
    slab_scale: float = Field(default=2.0, gt=0)
    slab_df: float = Field(default=4.0, gt=0)
    r2_mean: float = Field(default=0.3, gt=0, lt=1)
    r2_concentration: float = Field(default=3.0, gt=0)
    by_factor: bool = True
    standardise: bool = True


class ThresholdPrior(FrozenSpec):
    """Prior of the thresholds at the mean of the predictors.

    Attributes
    ----------
    kind : {"induced_dirichlet", "ordered_normal"}
    concentration : float
        Every parameter of the Dirichlet on level probabilities (Betancourt 2019); 1 is uniform.
    scale : float
        Standard deviation of the ordered normals.
    """

    kind: Literal["induced_dirichlet", "ordered_normal"] = "induced_dirichlet"
    concentration: float = Field(default=1.0, gt=0)
    scale: float = Field(default=3.0, gt=0)


class RopeSpec(FrozenSpec):
    """Region of practical equivalence.

    Attributes
    ----------
    probability : float
        Largest change of any level's probability, for a one-unit change of a predictor, that counts as nothing.
    """

    probability: float = Field(default=0.01, gt=0, lt=1)


class CumulativeSpec(SampledSpec):
    """An ordinal regression.

    Attributes
    ----------
    formula : str
        ``outcome ~ terms`` in the notation of R and Bambi: ``rating ~ temp + mo(contact) + (1|judge)``. ``mo()`` asks
        for a monotonic effect of an ordinal predictor (the frequentist approach takes its scores), ``(1|g)`` for an
        intercept for each level of g. The intercept is absorbed by the thresholds.
    levels : tuple of str
        Outcome levels from the lowest; empty takes the data's categorical order, or numbers by size. Words without a
        declared order are an error: the alphabet would put "High" below "Low".
    family : {"cumulative", "adjacent", "continuation"}
        P(y <= k), P(y = k | y in {k, k+1}) or P(y = k | y >= k) is modelled.
    link : {"logit", "probit", "cloglog", "loglog", "cauchit"}
    thresholds : {"flexible", "equidistant", "symmetric"}
    nominal : tuple of str
        Predictors whose effects may differ between thresholds (partial proportional odds).
    scale : str
        Right-hand side of a formula for the logarithm of the latent standard deviation: ``temp + contact``.
    weights, offset, cluster : str
        Columns of frequency weights, of an offset of the linear predictor and of clusters for the sandwich
        covariance; empty for none.
    covariance : {"model", "robust", "cluster"}
        What the frequentist standard errors come from.
    missing : {"listwise", "impute", "model"}
        What happens to rows with a missing predictor: deleted; multiply imputed and pooled; modelled with the missing
        values as parameters (Bayesian only). A missing outcome, weight or group always loses the row, and says so.
    imputations : int
    variables : dict of str to VariableSpec
        The codebook.
    data : str
        File with the rows, relative to the spec's folder; the command line's ``--data`` replaces it.
    prior, threshold_prior, departure_scale, group_scale : priors of the coefficients, of the thresholds, scale of the
        shrunken departures from proportional odds and of the half-normal prior of the groups' standard deviation.
    rope : RopeSpec
    lasso : {"gaussian", "ordinal", "both", "none"}
        Which penalised path the frequentist fit carries along.
    folds : int
        Folds of the Lasso's cross-validation.
    dial : bool
        Whether to set posteriors under Laplace priors beside the Lasso at matched penalties, where both approaches run.
    sampling : SamplingSpec
    """

    formula: str
    label: str = ""
    levels: tuple[str, ...] = ()
    family: Family = "cumulative"
    link: Link = "logit"
    thresholds: Thresholds = "flexible"
    nominal: tuple[str, ...] = ()
    scale: str = ""
    weights: str = ""
    offset: str = ""
    cluster: str = ""
    covariance: Literal["model", "robust", "cluster"] = "model"
    missing: Missing = "listwise"
    imputations: Annotated[int, Field(ge=2)] = 20
    variables: dict[str, VariableSpec] = Field(default_factory=dict)
    data: str = ""
    prior: CoefficientPrior = CoefficientPrior()
    threshold_prior: ThresholdPrior = ThresholdPrior()
    departure_scale: float = Field(default=0.5, gt=0)
    group_scale: float = Field(default=1.0, gt=0)
    rope: RopeSpec = RopeSpec()
    lasso: Literal["gaussian", "ordinal", "both", "none"] = "both"
    folds: Annotated[int, Field(ge=2)] = 10
    dial: bool = False
    sampling: SamplingSpec = SamplingSpec(target_accept=0.8)

    @model_validator(mode="after")
    def _compatible(self) -> CumulativeSpec:
        if self.covariance == "cluster" and not self.cluster:
            raise ValueError('covariance = "cluster" needs cluster, the name of a column')
        if self.family != "cumulative" and (self.thresholds != "flexible" or self.scale):
            raise ValueError('structured thresholds and a scale model need family = "cumulative"')
        if self.nominal and self.thresholds != "flexible":
            raise ValueError('nominal effects need thresholds = "flexible"')
        return self


def read_cumulative_spec(path: str | Path) -> CumulativeSpec:
    """Read a spec from a TOML file; InputError in one line if it cannot be used."""
    return read_toml(path, CumulativeSpec)
