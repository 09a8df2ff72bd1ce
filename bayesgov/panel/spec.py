"""Specification of a dynamic panel; one spec drives both schools of inference."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from bayesgov.panel.index_spec import IndexSpec, InterpolateSpec, LatentSpec, read_index_spec
from bayesgov.panel.instruments import Equation, GmmModel, GmmStyle, IvStyle, Regressor, Transformation
from bayesgov.spec import FrozenSpec, SampledSpec, SamplingSpec
from bayesgov.study import read_toml

Pooling = Literal["partial", "complete", "none"]
Initial = Literal["conditional", "stationary", "naive"]
Stationarity = Literal["none", "bounded", "transformed"]

Lag = Annotated[int, Field(ge=0)]

INTERCEPT = "intercept"  # how ``varying`` names the regions' intercepts
LEVELS = ("level", "level_urban", "level_rural")
INDEX_COLUMNS = (*LEVELS, "differentiation")  # what ``indices`` adds to the data


class PanelPriors(FrozenSpec):
    """Priors of the Bayesian model, in standard deviations of the variables (``standardise``) or in their own units.

    Attributes
    ----------
    persistence_mean, persistence_scale : float
        Normal prior of the mean over regions of the first lag's coefficient; further lags are centred at zero.
    slope_scale : float
        Standard deviation of the normal prior of a predictor's mean coefficient.
    intercept_scale : float
        Of the mean level of the outcome at average predictors.
    slope_region_scale, intercept_region_scale : float
        Half-normal priors of the standard deviations of slopes (lags included) and of intercepts between regions.
        Under partial pooling ``slope_region_scale`` is also the standard deviation of the normal prior of a region's
        departure from the coefficient of the first outcome, where persistence varies.
    unit_covariate_scale : float
        Normal prior of the coefficients of initial values and unit means.
    year_scale, unit_scale, error_scale : float
        Half-normal priors of the standard deviations of year effects, of unit effects and of the errors.
    correlation_concentration : float
        LKJ prior of the correlation between regional coefficients; 1 is uniform over correlation matrices.

    Notes
    -----
    Weakly informative in the sense of Gelman et al. (2008, doi:10.1214/08-AOAS191): a slope of one standard deviation
    of the outcome for one of the predictor is a large effect, and regions whose slopes differ by 0.25 of these are
    very different. Half-normal priors of standard deviations as in Röver et al. (2021, doi:10.1002/jrsm.1475).
    """

    persistence_mean: float = 0.5
    persistence_scale: float = Field(default=0.5, gt=0)
    slope_scale: float = Field(default=1.0, gt=0)
    intercept_scale: float = Field(default=1.0, gt=0)
    slope_region_scale: float = Field(default=0.25, gt=0)
    intercept_region_scale: float = Field(default=0.5, gt=0)
    unit_covariate_scale: float = Field(default=1.0, gt=0)
    year_scale: float = Field(default=0.5, gt=0)
    unit_scale: float = Field(default=1.0, gt=0)
    error_scale: float = Field(default=1.0, gt=0)
    correlation_concentration: float = Field(default=2.0, gt=0)


class LagLimits(FrozenSpec):
    """Lags of one variable that serve as instruments in the transformed equation; ``last`` None for all there are."""

    first: Lag
    last: Lag | None = None
    collapse: bool | None = None

    @model_validator(mode="after")
    def _in_order(self) -> LagLimits:
        if self.last is not None and self.last < self.first:
            raise ValueError(f"last should be {self.first}, as first, or more; got {self.last}")
        return self


class GmmSpec(FrozenSpec):
    """Difference or system GMM of the same equation.

    Attributes
    ----------
    endogenous, predetermined : tuple of str
        Predictors instrumented by their lags, from lag 2 and from lag 1. The others are exogenous and instrument
        themselves.
    limits : dict of str to LagLimits
        Lags of a variable, the outcome included, instead of these.
    collapse : bool
        One column for each lag instead of each lag and period, unless ``limits`` says otherwise for a variable.
    steps : {"one", "two", "iterated"}
    transformation : {"difference", "deviation"}
        First differences or forward orthogonal deviations.
    system : bool
        Whether the level equation is added.
    time_equation : {"both", "difference", "level"}
        Equation in which the period dummies are instruments; used where the spec has time effects.
    robust : bool
        Cluster-robust covariance, with Windmeijer's correction after the first step.
    small : bool
        Finite-sample factor and F instead of chi-square tests.
    orders : int
        Highest order of the tests of autocorrelation.
    """

    endogenous: tuple[str, ...] = ()
    predetermined: tuple[str, ...] = ()
    limits: dict[str, LagLimits] = Field(default_factory=dict)
    collapse: bool = False
    steps: Literal["one", "two", "iterated"] = "two"
    transformation: Transformation = "difference"
    system: bool = True
    time_equation: Equation = "both"
    robust: bool = True
    small: bool = False
    orders: Annotated[int, Field(ge=1)] = 2


class DynamicPanelSpec(SampledSpec):
    """An autoregressive distributed-lag model of a panel, ADL(p, q), with coefficients that may differ by region.

    Attributes
    ----------
    outcome, unit, time : str
        Columns; ``time`` holds whole numbers.
    region : str
        Column of the units' regions; empty for one region.
    predictors : tuple of str
    log : tuple of str
        Variables, the outcome included, that enter as natural logarithms.
    outcome_lags : int
        p: lags 1, ..., p of the outcome.
    predictor_lags : int
        q: each predictor enters at lags 0, ..., q.
    lags : dict of str to int
        Another q for some predictors.
    time_effects : bool
        Year effects that sum to zero.
    varying : tuple of str or None
        What differs between regions: variables (with all their lags) and "intercept"; None for everything.
    pooling : {"partial", "complete", "none"}
        Regional coefficients drawn from a common distribution; equal; or unrelated.
    correlation : {"independent", "lkj"}
        Of the regional coefficients under partial pooling.
    errors : {"gaussian", "student_t"}
    error_scale : {"common", "by_region"}
    initial : {"conditional", "stationary", "naive"}
        Unit effects regressed on initial values and unit means (Wooldridge 2005, doi:10.1002/jae.770; Rabe-Hesketh &
        Skrondal 2013, Economics Letters 120, 346-349); the first outcome drawn from the stationary distribution;
        or unit effects unrelated to it, which is wrong and there for the comparison.
    compare_stationary : bool
        Whether a report samples the stationary model beside the spec's own; it is compiled, which takes minutes.
    stationarity : {"none", "bounded", "transformed"}
        Persistence free; a normal truncated to (-1, 1); or pooled on the scale of atanh.
    standardise : bool
        Whether ``priors`` holds for variables in standard deviations; estimates are always in the variables' units.
    priors : PanelPriors
    gmm : GmmSpec
    indices : IndexSpec or None
        Indices that are computed from indicators before anything else; the outcome or a predictor is then one of
        them: ``level, level_urban, level_rural, differentiation``. In TOML also the name of a file beside the spec.
    interpolate : InterpolateSpec or None
        Filling of missing cells; None loses their rows.
    latent : LatentSpec or None
        The outcome as a latent factor beside its composite; needs ``indices`` with one scale for town and country, and
        the outcome "level" or "differentiation" (as a difference).
    data : str
        File with the rows, relative to the spec's folder; the command line's ``--data`` replaces it.
    sampling : SamplingSpec
    """

    outcome: str
    unit: str
    time: str
    label: str = ""
    region: str = ""
    predictors: tuple[str, ...] = ()
    log: tuple[str, ...] = ()
    outcome_lags: Annotated[int, Field(ge=1)] = 1
    predictor_lags: Lag = 1
    lags: dict[str, Lag] = Field(default_factory=dict)
    time_effects: bool = True
    varying: tuple[str, ...] | None = None
    pooling: Pooling = "partial"
    correlation: Literal["independent", "lkj"] = "independent"
    errors: Literal["gaussian", "student_t"] = "gaussian"
    error_scale: Literal["common", "by_region"] = "common"
    initial: Initial = "conditional"
    compare_stationary: bool = False
    stationarity: Stationarity = "none"
    standardise: bool = True
    priors: PanelPriors = PanelPriors()
    gmm: GmmSpec = GmmSpec()
    indices: IndexSpec | None = None
    interpolate: InterpolateSpec | None = None
    latent: LatentSpec | None = None
    data: str = ""
    sampling: SamplingSpec = SamplingSpec(target_accept=0.9)

    @field_validator("indices", mode="before")
    @classmethod
    def _indices_in_a_file(cls, value: Any, info: ValidationInfo) -> Any:
        """A name stands for the file beside the spec."""
        if not isinstance(value, str):
            return value
        folder = (info.context or {}).get("folder")
        if folder is None:
            raise ValueError(f"{value!r} names a file, which only a spec in a file can do: give an IndexSpec")
        return read_index_spec(folder / value)

    @model_validator(mode="after")
    def _known_names(self) -> DynamicPanelSpec:
        variables = (self.outcome, *self.predictors)
        if len(set(variables)) < len(variables):
            raise ValueError(f"outcome and predictors should be different columns; got {', '.join(variables)}")
        named = {
            "log": (self.log, variables),
            "lags": (tuple(self.lags), self.predictors),
            "varying": (self.varying or (), (*variables, INTERCEPT)),
            "gmm.limits": (tuple(self.gmm.limits), variables),
            "gmm.endogenous": (self.gmm.endogenous, self.predictors),
            "gmm.predetermined": (self.gmm.predetermined, self.predictors),
        }
        for field, (names, known) in named.items():
            strange = [name for name in names if name not in known]
            if strange:
                raise ValueError(f"{field} names {strange[0]!r}; it may name: {', '.join(known) or 'nothing here'}")
        return self

    @model_validator(mode="after")
    def _valid_instruments(self) -> DynamicPanelSpec:
        both = [name for name in self.gmm.endogenous if name in self.gmm.predetermined]
        if both:
            raise ValueError(f"gmm.endogenous and gmm.predetermined both name {both[0]!r}: take it out of one of them")
        own = self.gmm.limits.get(self.outcome)
        if own is not None and own.first < 2:
            raise ValueError(
                f"gmm.limits.{self.outcome}.first should be 2 or more, as nearer outcomes are correlated with the "
                f"transformed error; got {own.first}"
            )
        return self

    @model_validator(mode="after")
    def _compatible(self) -> DynamicPanelSpec:
        if self.outcome_lags > 1 and self.initial == "stationary":
            raise ValueError('initial = "stationary" needs outcome_lags = 1: use "conditional"')
        if self.outcome_lags > 1 and self.stationarity != "none":
            raise ValueError(f'stationarity = "{self.stationarity}" needs outcome_lags = 1: use "none"')
        if self.initial == "stationary" and self.stationarity == "none":
            raise ValueError('initial = "stationary" needs stationarity = "bounded" or "transformed"')
        if self.initial == "stationary" and self.errors != "gaussian":
            raise ValueError('initial = "stationary" needs errors = "gaussian"')
        if self.correlation == "lkj" and self.pooling != "partial":
            raise ValueError('correlation = "lkj" needs pooling = "partial"')
        return self

    @model_validator(mode="after")
    def _usable_indices(self) -> DynamicPanelSpec:
        if self.indices is not None and not set(self.variables) & set(INDEX_COLUMNS):
            raise ValueError(
                f"indices are computed but not used: name the outcome or a predictor {', '.join(INDEX_COLUMNS)}; "
                f"got {', '.join(self.variables)}"
            )
        if self.latent is None:
            return self
        if self.indices is None:
            raise ValueError("latent needs indices, whose indicators measure the outcome: add indices")
        if self.outcome not in ("level", "differentiation") or self.outcome in self.log:
            log = " in logarithms" if self.outcome in self.log else ""
            raise ValueError(f'latent needs the outcome "level" or "differentiation" itself; got {self.outcome}{log}')
        if self.outcome == "differentiation" and self.indices.differentiation != "difference":
            raise ValueError(
                f'latent needs indices.differentiation = "difference"; got "{self.indices.differentiation}"'
            )
        if self.indices.loadings == "separate":
            raise ValueError('latent needs indices.loadings = "shared" or "urban", one scale for both areas')
        return self

    @property
    def variables(self) -> tuple[str, ...]:
        """The outcome and the predictors."""
        return (self.outcome, *self.predictors)

    def regressors(self) -> tuple[Regressor, ...]:
        """Lags of the outcome, then every predictor with its lags."""
        own = [Regressor(self.outcome, lag) for lag in range(1, self.outcome_lags + 1)]
        others = [
            Regressor(name, lag)
            for name in self.predictors
            for lag in range(self.lags.get(name, self.predictor_lags) + 1)
        ]
        return (*own, *others)

    def varies(self, variable: str) -> bool:
        """Whether a variable's coefficients, or the "intercept", may differ between regions."""
        if self.pooling == "complete" or not self.region:
            return False
        return self.varying is None or variable in self.varying


def first_instrument_lags(spec: DynamicPanelSpec) -> dict[str, int]:
    """First lag of every variable that its lags instrument: 2 of endogenous ones, 1 of predetermined, or the limit."""
    gmm = spec.gmm
    first = {spec.outcome: 2} | dict.fromkeys(gmm.endogenous, 2) | dict.fromkeys(gmm.predetermined, 1)
    return first | {name: limit.first for name, limit in gmm.limits.items()}


def gmm_model(spec: DynamicPanelSpec) -> GmmModel:
    """The spec's equation with its instruments, for :func:`bayesgov.panel.gmm.fit_gmm`."""
    regressors, gmm = spec.regressors(), spec.gmm
    first = first_instrument_lags(spec)
    styles: list[GmmStyle | IvStyle] = []
    for name, lag in first.items():
        limit = gmm.limits.get(name)
        collapse = gmm.collapse if limit is None or limit.collapse is None else limit.collapse
        styles.append(GmmStyle(name, lag, limit.last if limit else None, collapse=collapse))
    styles += [IvStyle(entry.variable, entry.lag) for entry in regressors if entry.variable not in first]
    return GmmModel(
        outcome=spec.outcome,
        regressors=regressors,
        instruments=tuple(styles),
        system=gmm.system,
        transformation=gmm.transformation,
        time_effects=gmm.time_equation if spec.time_effects else "none",
    )


def read_dynamic_panel_spec(path: str | Path) -> DynamicPanelSpec:
    """Read a spec from a TOML file; InputError in one line if it cannot be used."""
    return read_toml(path, DynamicPanelSpec)
