r"""The declared model: what the collapsed density is tested against, and what every other variant is sampled from.

For unit i in region r and period t, with columns in standard deviations (working units):

.. math:: y_{it} = \textstyle\sum_j \alpha_{rj} y_{i,t-j} + x_{it}'\beta_r + a_r + \gamma_t + w_i'\delta + u_i + e_{it},
          \quad u_i \sim N(0, \tau^2).

Regional coefficients are a mean plus a standard deviation times a standard normal offset, correlated under
``correlation = "lkj"``. Under ``stationarity = "transformed"`` this holds for atanh of persistence; under "bounded" the
offset's quantile is taken in the normal distribution truncated to (-1, 1).

Offsets and what the common coefficients are made of are one vector of independent standard normals, and unit effects
under Student-t errors another: the sampler moves in the coordinates of :mod:`bayesgov.panel.bayesian.conditioning`,
which change neither's prior.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bayesgov.panel.bayesian import draws
from bayesgov.panel.bayesian.conditioning import (
    conditioned_normal,
    initial_rows,
    initial_scales,
    precision_and_pull,
    working_likelihood,
)
from bayesgov.panel.bayesian.prior import ResolvedPrior, resolve_prior
from bayesgov.panel.bayesian.region_prior import correlation_root, pairs, truncated_quantile
from bayesgov.panel.design import PanelDesign
from bayesgov.panel.likelihood import Columns, PanelFactors, panel_factors, working_columns
from bayesgov.panel.spec import INTERCEPT, DynamicPanelSpec

UnitEffects = Literal["explicit", "integrated"]
Coordinates = Literal["conditioned", "plain"]


@dataclass(frozen=True, slots=True, eq=False)
class _Parts:
    """Columns of the initial value's coefficients, where it is modelled, stand after the working columns."""

    design: PanelDesign
    spec: DynamicPanelSpec
    columns: Columns
    factors: PanelFactors
    prior: ResolvedPrior
    conditioned: bool

    @property
    def lag(self) -> int:
        """The persistence column."""
        return int(self.columns.terms[0])

    @property
    def n_plain(self) -> int:
        """Columns that are no year effects, nor of the initial value."""
        return int(self.columns.z.shape[1]) - self.columns.n_year

    @property
    def year_columns(self) -> slice:
        return slice(self.n_plain, self.n_plain + self.columns.n_year)

    @property
    def n_before(self) -> int:
        """Coefficients of the initial value."""
        return 1 + self.columns.covariates.size if self.spec.initial == "stationary" else 0

    @property
    def n_columns(self) -> int:
        return int(self.columns.z.shape[1]) + self.n_before

    @property
    def unrelated(self) -> int:
        """Leading columns whose coefficients have no mean over regions."""
        return self.columns.n_varying if self.spec.pooling == "none" else 0

    @property
    def has_truncated_mean(self) -> bool:
        return self.spec.stationarity == "bounded" and self.lag >= self.unrelated

    @property
    def kept(self) -> np.ndarray:
        """Columns whose common coefficient is made of a standard normal."""
        own = (self.lag,) if self.has_truncated_mean else ()
        return np.array([j for j in range(self.unrelated, self.n_columns) if j not in own], dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class _Scales:
    error: pt.TensorVariable
    unit: pt.TensorVariable
    year: pt.TensorVariable
    loading: pt.TensorVariable
    degrees: pt.TensorVariable | None
    initial: pt.TensorVariable


def build_model(
    design: PanelDesign,
    spec: DynamicPanelSpec,
    unit_effects: UnitEffects | None = None,
    *,
    coordinates: Coordinates = "conditioned",
) -> pm.Model:
    """The PyMC model of a Design.

    Parameters
    ----------
    design : PanelDesign
    spec : DynamicPanelSpec
    unit_effects : {"explicit", "integrated"}, optional
        As parameters, or integrated out of a Gaussian likelihood; None takes the latter where it can.
    coordinates : {"conditioned", "plain"}
        Where the sampler moves: see :mod:`bayesgov.panel.bayesian.conditioning`, or in the standard normals themselves.
        The distribution of every named quantity is the same.

    Raises
    ------
    ValueError
        If unit effects are to be integrated out under Student-t errors, or explicit under a stationary initial value.
    """
    chosen = unit_effects or ("integrated" if spec.errors == "gaussian" else "explicit")
    if chosen == "integrated" and spec.errors != "gaussian":
        raise ValueError("unit effects can be integrated out of Gaussian errors only: make them explicit")
    if chosen == "explicit" and spec.initial == "stationary":
        raise ValueError('initial = "stationary" is written with unit effects integrated out')
    columns = working_columns(design)
    prior, factors = resolve_prior(design, spec, columns), panel_factors(design, columns)
    parts = _Parts(design, spec, columns, factors, prior, coordinates == "conditioned")
    with pm.Model(coords=_coords(parts)) as model:
        scales = _scales(parts)
        b, kappa = _coefficients(parts, scales)
        if chosen == "explicit":
            _explicit_rows(parts, scales, b)
        elif spec.initial == "stationary":
            _observe(parts, _stationary_likelihood(parts, scales, b, kappa))
        else:
            _observe(parts, _integrated_likelihood(parts, scales, b))
    return model


def _observe(parts: _Parts, log_likelihood: pt.TensorVariable) -> None:
    """The outcome's rows as one variable: PyMC would build everything above a potential a second time."""
    rows = parts.columns.y
    pm.CustomDist(
        "outcome", rows, log_likelihood, logp=lambda _value, _rows, total: total, signature="(n),()->(n)", observed=rows
    )


def _coords(parts: _Parts) -> dict[str, Any]:
    design, columns, varying = parts.design, parts.columns, list(parts.prior.varying)
    names = np.empty(parts.n_columns, dtype=object)
    names[columns.terms] = design.terms
    names[columns.intercept] = INTERCEPT
    names[columns.covariates] = design.covariate_names
    names[parts.n_plain : parts.n_plain + columns.n_year] = [f"year {j + 1}" for j in range(columns.n_year)]
    names[parts.n_plain + columns.n_year :] = [f"initial {name}" for name in ("level", *design.covariate_names)][
        : parts.n_before
    ]
    return draws.coordinates(design, parts.prior.varying) | {
        "pair": [f"{varying[i]}, {varying[j]}" for i, j in zip(*pairs(len(varying)), strict=True)],
        "unit": list(design.units),
        "standard": [
            *(f"{region}, {name}" for region in design.regions for name in varying),
            *(str(name) for name in names[parts.kept]),
        ],
    }


def _half_normal(name: str, scale: float, columns: Columns, *, by_region: bool = False) -> pt.TensorVariable:
    """A standard deviation in the outcome's units; the value returned is in working units."""
    return pm.HalfNormal(name, scale * columns.y_scale, dims="region" if by_region else None) / columns.y_scale


def _scales(parts: _Parts) -> _Scales:
    """Everything that is no coefficient; in working units."""
    design, columns, spec, prior = parts.design, parts.columns, parts.spec, parts.prior
    error = _half_normal("error_sd", prior.error_scale, columns, by_region=spec.error_scale == "by_region")
    partial = parts.columns.n_varying > 0 and spec.pooling != "none"
    return _Scales(
        error=pt.broadcast_to(pt.atleast_1d(error), (len(design.regions),)),
        unit=_half_normal("unit_sd", prior.unit_scale, columns),
        year=_half_normal("year_sd", prior.year_scale, columns) if columns.n_year else pt.zeros(()),
        loading=_loading(parts) if partial else pt.as_tensor(np.diag(_pooled_prior(parts)[1][: columns.n_varying])),
        # Juárez & Steel (2010, doi:10.1198/jbes.2009.07145)
        degrees=pm.Gamma("degrees_of_freedom", 2.0, 0.1) if spec.errors == "student_t" else None,
        initial=_half_normal("initial_sd", prior.unit_scale, columns) if parts.n_before else pt.zeros(()),
    )


def _coefficients(parts: _Parts, scales: _Scales) -> tuple[pt.TensorVariable, pt.TensorVariable]:
    """Working coefficients of every region, shape (n_regions, n_columns), and those of the initial value.

    Named ones are in the variables' own units.
    """
    design, columns, spec = parts.design, parts.columns, parts.spec
    n_regions, k = len(design.regions), columns.n_varying
    mean, scale = _pooled_prior(parts)
    centre = pt.as_tensor(mean)
    if parts.has_truncated_mean:
        centre = pt.set_subtensor(
            centre[parts.lag],
            pm.TruncatedNormal("persistence_mean", mean[parts.lag], scale[parts.lag], lower=-1.0, upper=1.0),
        )
    spread = pt.set_subtensor(pt.as_tensor(scale)[parts.year_columns], scales.year)
    standard = _standard_normals(parts, scales, centre, spread)
    common = centre + spread * pt.set_subtensor(pt.zeros(parts.n_columns)[parts.kept], standard[n_regions * k :])
    full = pt.broadcast_to(common, (n_regions, parts.n_columns))
    if k:
        offset = standard[: n_regions * k].reshape((n_regions, k))
        own = common[:k] + (offset[:, None, :] * scales.loading).sum(axis=-1)
        full = pt.concatenate([own, full[:, k:]], axis=1)
        if spec.stationarity == "bounded" and parts.lag < k:
            sd = pt.sqrt((scales.loading[parts.lag] ** 2).sum())
            inside = truncated_quantile(common[parts.lag], sd, (offset * (scales.loading[parts.lag] / sd)).sum(axis=1))
            full = pt.set_subtensor(full[:, parts.lag], inside)
    full, common = _persistence(parts, full), _persistence(parts, common[None])
    if k and spec.pooling != "none":
        _name(parts, "_mean", common)
    _name(parts, "", full)
    _name_common(parts, common[0])
    return full[:, : columns.z.shape[1]], common[0, columns.z.shape[1] :]


def _standard_normals(
    parts: _Parts, scales: _Scales, centre: pt.TensorVariable, spread: pt.TensorVariable
) -> pt.TensorVariable:
    """Offsets of regions, then what the common coefficients are made of."""
    if not parts.conditioned:
        return pm.Normal("standard_normal", dims="standard")
    spec, k = parts.spec, parts.columns.n_varying
    likelihood = working_likelihood(
        parts.design, parts.columns, parts.factors, parts.prior,
        first=spec.initial == "stationary", atanh=spec.stationarity == "transformed",
    )  # fmt: skip
    information = likelihood.information(_working_variance(scales), scales.unit**2, scales.initial**2)
    loading = scales.loading if k else None
    return conditioned_normal(
        "standard_normal", "standard", *precision_and_pull(information, centre, spread, parts.kept, loading)
    )


def _working_variance(scales: _Scales) -> pt.TensorVariable:
    """Error variances of the Gaussian rows that tell as much about a mean: sigma^2 (nu + 3) / (nu + 1) for t errors."""
    if scales.degrees is None:
        return scales.error**2
    return scales.error**2 * (scales.degrees + 3) / (scales.degrees + 1)


def _pooled_prior(parts: _Parts) -> tuple[np.ndarray, np.ndarray]:
    """Prior means and scales of the working columns and of the initial value's, shape (n_columns,).

    Persistence on the scale that is pooled; scales of year effects are a parameter, and one here.
    """
    before = initial_scales(parts.columns, parts.prior)[: parts.n_before]
    mean = np.append(parts.prior.mean, np.zeros(parts.n_before))
    scale = np.append(np.nan_to_num(parts.prior.scale, nan=1.0), before)
    if parts.spec.stationarity == "transformed":
        centre = np.clip(mean[parts.lag], -0.99, 0.99)
        # d atanh(a) / da = 1 / (1 - a^2)
        mean[parts.lag], scale[parts.lag] = np.arctanh(centre), scale[parts.lag] / (1 - centre**2)
    return mean, scale


def _persistence(parts: _Parts, b: pt.TensorVariable) -> pt.TensorVariable:
    """Coefficients with persistence on its own scale."""
    if parts.spec.stationarity != "transformed":
        return b
    return pt.set_subtensor(b[:, parts.lag], pt.tanh(b[:, parts.lag]))


def _loading(parts: _Parts) -> pt.TensorVariable:
    """Standard deviations between regions times a factor of the offsets' correlations, shape (n_varying, n_varying)."""
    prior, spec = parts.prior, parts.spec
    sd = pm.HalfNormal("region_sd", prior.region_scale * prior.region_unit, dims="varying") / prior.region_unit
    if spec.correlation == "independent" or len(prior.varying) < 2:
        return pt.diag(sd)
    root = correlation_root(len(prior.varying), spec.priors.correlation_concentration)
    # products of matrices are written out: PyTensor wants a BLAS of its own for them
    later, earlier = pairs(len(prior.varying))
    pm.Deterministic("region_correlation", (root[later] * root[earlier]).sum(axis=-1), dims="pair")
    return sd[:, None] * root


def _name(parts: _Parts, suffix: str, b: pt.TensorVariable) -> None:
    """Name alpha, beta, level (and intercept) of working coefficients; one row for means over regions."""
    design, columns = parts.design, parts.columns
    slopes = b[:, columns.terms] * (columns.y_scale / columns.term_scale)
    level = columns.y_centre + columns.y_scale * b[:, columns.intercept]
    regional = suffix == ""
    pick = slice(None) if regional else 0
    lead: tuple[str, ...] = ("region",) if regional else ()
    pm.Deterministic(f"alpha{suffix}", slopes[pick, : design.n_lags], dims=(*lead, "lag"))
    if len(design.terms) > design.n_lags:
        pm.Deterministic(f"beta{suffix}", slopes[pick, design.n_lags :], dims=(*lead, "predictor"))
    pm.Deterministic(f"level{suffix}", level[pick], dims=lead)
    if regional:
        pm.Deterministic("intercept", level - slopes @ columns.term_centre, dims="region")


def _name_common(parts: _Parts, b: pt.TensorVariable) -> None:
    """Name delta, year effects, and the initial value's coefficients (these in working units)."""
    columns = parts.columns
    if columns.covariates.size:
        pm.Deterministic("delta", b[columns.covariates] * columns.y_scale / columns.covariate_scale, dims="covariate")
    if columns.n_year:
        effect = (pt.as_tensor(columns.year_basis) * b[parts.year_columns]).sum(axis=1)
        pm.Deterministic("year_effect", effect * columns.y_scale, dims="time")
    if parts.n_before:
        kappa = b[columns.z.shape[1] :]
        pm.Deterministic("initial_level", kappa[0])
        pm.Deterministic("initial_slope", kappa[1:], dims="covariate")


def _explicit_rows(parts: _Parts, scales: _Scales, b: pt.TensorVariable) -> None:
    design, columns = parts.design, parts.columns
    effect = scales.unit * _unit_offsets(parts, scales, b)
    pm.Deterministic("unit_effect", effect * columns.y_scale, dims="unit")
    # one product of matrices is faster than a row's own coefficients times the row
    own_region = np.eye(len(design.regions))[design.region]
    fitted = (pt.dot(pt.as_tensor(columns.z), b.T) * own_region).sum(axis=1)
    mean, spread = fitted + effect[design.unit], scales.error[design.region]
    if scales.degrees is None:
        pm.Normal("outcome", mean, spread, observed=columns.y)
    else:
        pm.StudentT("outcome", scales.degrees, mu=mean, sigma=spread, observed=columns.y)


def _unit_offsets(parts: _Parts, scales: _Scales, b: pt.TensorVariable) -> pt.TensorVariable:
    """Unit effects in their standard deviations; the coordinates are those of Gaussian rows at the present b."""
    if not parts.conditioned:
        return pm.Normal("unit_offset", dims="unit")
    region = parts.design.unit_region
    # T / sigma^2, the precision of a unit's mean residual
    weight = parts.design.unit_rows / _working_variance(scales)[region]
    average = _residuals(parts.factors.unit_means, b[region])
    return conditioned_normal("unit_offset", "unit", 1 + scales.unit**2 * weight, scales.unit * weight * average)


def _residuals(factor: np.ndarray, b: pt.TensorVariable) -> pt.TensorVariable:
    """``factor`` (..., rows, n_columns + 1) times (-b, 1)."""
    moving = (pt.as_tensor(factor[..., :-1]) * b).sum(axis=-1)
    return pt.as_tensor(factor[..., -1]) - moving


def _integrated_likelihood(parts: _Parts, scales: _Scales, b: pt.TensorVariable) -> pt.TensorVariable:
    """As :func:`bayesgov.panel.likelihood.log_likelihood`, in working units."""
    factors, error, unit_sd = parts.factors, scales.error, scales.unit
    region = factors.group_region
    units = np.bincount(region, weights=factors.group_units, minlength=len(parts.design.regions))
    inside = (_residuals(factors.within, b[:, None, :]) ** 2).sum(axis=1)
    means = (_residuals(factors.between, b[region][:, None, :]) ** 2).sum(axis=1)
    total = error[region] ** 2 + factors.periods * unit_sd**2
    return (
        -0.5 * (inside / error**2).sum()
        - ((factors.region_rows - units) * pt.log(error)).sum()
        - 0.5 * (factors.periods * means / total + factors.group_units * pt.log(total)).sum()
        - 0.5 * factors.region_rows.sum() * np.log(2 * np.pi)
    )


def _stationary_likelihood(
    parts: _Parts, scales: _Scales, b: pt.TensorVariable, kappa: pt.TensorVariable
) -> pt.TensorVariable:
    r"""The first outcome of each unit drawn from its stationary distribution, given its unit effect.

    y_i0 ~ N((level + x_i'beta + u_i) / (1 - alpha) + w_i'kappa, sigma^2 / (1 - alpha^2) + omega^2), x_i the unit means
    of the predictors, w_i a constant and the unit covariates: the predictors before the panel differ from their means
    by what their initial values tell, kappa, and by what they do not, omega. With precisions d and loadings l of the
    unit effect (1/sigma^2 and 1 for every row; those of the first outcome from the line above),

    .. math:: \rho'\Sigma^{-1}\rho = \sum d\rho^2 - \tau^2 (\sum d l \rho)^2 / (1 + \tau^2 \sum d l^2).
    """
    design, columns, factors = parts.design, parts.columns, parts.factors
    region, periods = design.unit_region, design.unit_rows
    lag, n_plain, unit_sd = parts.lag, parts.n_plain, scales.unit
    alpha, variance = b[region, lag], scales.error[region] ** 2
    first = (design.x[design.starts, 0] - columns.y_centre) / columns.y_scale
    mean_rows = factors.unit_means
    others = np.delete(np.arange(n_plain), lag)
    drift = alpha * (columns.y_centre - columns.term_centre[0]) / columns.y_scale
    standing = (pt.as_tensor(mean_rows[:, others]) * b[region][:, others]).sum(axis=1) + drift
    before = (pt.as_tensor(initial_rows(design, columns)) * kappa).sum(axis=1)
    rho = first - standing / (1 - alpha) - before
    average = _residuals(mean_rows, b[region])
    inside = (_residuals(factors.within, b[:, None, :]) ** 2).sum(axis=1)
    d_first, l_first = 1 / (variance / (1 - alpha**2) + scales.initial**2), 1 / (1 - alpha)
    pull = periods * average / variance + d_first * l_first * rho
    weight = 1 + unit_sd**2 * (periods / variance + d_first * l_first**2)
    squares = periods * average**2 / variance + d_first * rho**2 - unit_sd**2 * pull**2 / weight
    logs = periods * pt.log(variance) - pt.log(d_first) + pt.log(weight)
    n_rows = design.n_obs + region.size
    return -0.5 * ((inside / scales.error**2).sum() + (squares + logs).sum() + n_rows * np.log(2 * np.pi))
