r"""The declared model: what the collapsed density is tested against, and what every other variant is sampled from.

For unit i in region r and period t, with columns in standard deviations (working units):

.. math:: y_{it} = \textstyle\sum_j \alpha_{rj} y_{i,t-j} + x_{it}'\beta_r + a_r + \gamma_t + w_i'\delta + u_i + e_{it},
          \quad u_i \sim N(0, \tau^2).

Regional coefficients are a mean plus a standard deviation times a standard normal offset, correlated under
``correlation = "lkj"``. Under ``stationarity = "transformed"`` this holds for atanh of persistence; under "bounded" the
offset's quantile is taken in the normal distribution truncated to (-1, 1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bayesgov.panel.bayesian.draws import coordinates
from bayesgov.panel.bayesian.prior import ResolvedPrior, resolve_prior
from bayesgov.panel.design import PanelDesign
from bayesgov.panel.likelihood import Columns, PanelFactors, panel_factors, working_columns
from bayesgov.panel.spec import DynamicPanelSpec

UnitEffects = Literal["explicit", "integrated"]

_QUANTILE_EDGE = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class _Parts:
    design: PanelDesign
    spec: DynamicPanelSpec
    columns: Columns
    factors: PanelFactors
    prior: ResolvedPrior

    @property
    def n_plain(self) -> int:
        """Columns that are no year effects."""
        return int(self.columns.z.shape[1]) - self.columns.n_year


def build_model(design: PanelDesign, spec: DynamicPanelSpec, unit_effects: UnitEffects | None = None) -> pm.Model:
    """The PyMC model of a Design.

    Parameters
    ----------
    design : PanelDesign
    spec : DynamicPanelSpec
    unit_effects : {"explicit", "integrated"}, optional
        As parameters, or integrated out of a Gaussian likelihood; None takes the latter where it can.

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
    parts = _Parts(design, spec, columns, panel_factors(design, columns), resolve_prior(design, spec, columns))
    with pm.Model(coords=_coords(parts)) as model:
        b = _coefficients(parts)
        error_sd = _half_normal("error_sd", parts.prior.error_scale, columns, by_region=spec.error_scale == "by_region")
        unit_sd = _half_normal("unit_sd", parts.prior.unit_scale, columns)
        error = pt.broadcast_to(pt.atleast_1d(error_sd), (len(design.regions),))
        if chosen == "explicit":
            _explicit_rows(parts, b, error, unit_sd)
        elif spec.initial == "stationary":
            pm.Potential("outcome", _stationary_likelihood(parts, b, error, unit_sd))
        else:
            pm.Potential("outcome", _integrated_likelihood(parts, b, error, unit_sd))
    return model


def _coords(parts: _Parts) -> dict[str, Any]:
    design, n_plain = parts.design, parts.n_plain
    names = np.empty(n_plain, dtype=object)
    names[parts.columns.terms] = design.terms
    names[parts.columns.intercept] = "intercept"
    names[parts.columns.covariates] = design.covariate_names
    plain = [str(name) for index, name in enumerate(names) if index not in _own_prior(parts)]
    varying = list(parts.prior.varying)
    return coordinates(design, parts.prior.varying) | {
        "column": plain,
        "pair": [f"{varying[i]}, {varying[j]}" for i, j in zip(*_pairs(len(varying)), strict=True)],
        "unit": list(design.units),
    }


def _own_prior(parts: _Parts) -> tuple[int, ...]:
    """The persistence column, where stationarity gives it a prior of its own."""
    return () if parts.spec.stationarity == "none" else (int(parts.columns.terms[0]),)


def _half_normal(name: str, scale: float, columns: Columns, *, by_region: bool = False) -> pt.TensorVariable:
    """A standard deviation in the outcome's units; the value returned is in working units."""
    return pm.HalfNormal(name, scale * columns.y_scale, dims="region" if by_region else None) / columns.y_scale


def _coefficients(parts: _Parts) -> pt.TensorVariable:
    """Working coefficients of every region, shape (n_regions, n_columns); named ones in the variables' own units."""
    design, columns, spec = parts.design, parts.columns, parts.spec
    n_regions, k = len(design.regions), columns.n_varying
    common = _common(parts)
    if k == 0:
        varying = pt.zeros((n_regions, 0))
    elif spec.pooling == "none":
        offset = pm.Normal("region_offset", dims=("region", "varying"))
        mean, scale = _pooled_prior(parts)
        varying = _varying(parts, pt.as_tensor(mean[:k]), pt.as_tensor(scale[:k]), offset)
    else:
        sd, offset = _region_offsets(parts)
        varying = _varying(parts, common[:k], sd, offset)
        _name(parts, "_mean", _transform_mean(parts, common)[None])
    shared = _transform_mean(parts, common)[k : parts.n_plain]
    years = _year_effects(parts)
    full = pt.concatenate(
        [
            varying,
            pt.broadcast_to(pt.concatenate([shared, years])[None], (n_regions, shared.shape[0] + columns.n_year)),
        ],
        axis=1,
    )
    _name(parts, "", full)
    if columns.covariates.size:
        pm.Deterministic(
            "delta", common[columns.covariates] * columns.y_scale / columns.covariate_scale, dims="covariate"
        )
    return full


def _common(parts: _Parts) -> pt.TensorVariable:
    """Common coefficients and means over regions, shape (n_plain,), persistence on the scale that is pooled."""
    spec = parts.spec
    own = _own_prior(parts)
    unrelated = parts.columns.n_varying if spec.pooling == "none" else 0
    rest = [index for index in range(parts.n_plain) if index not in own]
    mean, scale = _pooled_prior(parts)
    # unrelated regions have no mean over regions; its place is kept at zero
    sampled = [index for index in rest if index >= unrelated]
    values: dict[int, Any] = {index: pt.zeros(()) for index in range(unrelated)}
    if sampled:
        vector = pm.Normal(
            "coefficient", mean[sampled], scale[sampled], dims="column" if len(sampled) == len(rest) else None,
            shape=None if len(sampled) == len(rest) else len(sampled),
        )  # fmt: skip
        values |= {index: vector[position] for position, index in enumerate(sampled)}
    for index in own:
        if index >= unrelated:
            values[index] = _persistence_mean(parts, float(mean[index]), float(scale[index]))
    return pt.stack([values[index] for index in range(parts.n_plain)])


def _persistence_mean(parts: _Parts, mean: float, scale: float) -> pt.TensorVariable:
    if parts.spec.stationarity == "bounded":
        return pm.TruncatedNormal("persistence_mean", mean, scale, lower=-1.0, upper=1.0)
    return pm.Normal("persistence_mean", mean, scale)


def _pooled_prior(parts: _Parts) -> tuple[np.ndarray, np.ndarray]:
    """Prior means and scales of the working columns, persistence on the scale that is pooled."""
    mean, scale = parts.prior.mean.copy(), parts.prior.scale.copy()
    if parts.spec.stationarity == "transformed":
        lag = int(parts.columns.terms[0])
        centre = np.clip(mean[lag], -0.99, 0.99)
        # d atanh(a) / da = 1 / (1 - a^2)
        mean[lag], scale[lag] = np.arctanh(centre), scale[lag] / (1 - centre**2)
    return mean, scale


def _transform_mean(parts: _Parts, common: pt.TensorVariable) -> pt.TensorVariable:
    """Common coefficients with persistence on its own scale."""
    if parts.spec.stationarity != "transformed":
        return common
    lag = int(parts.columns.terms[0])
    return pt.set_subtensor(common[lag], pt.tanh(common[lag]))


def _region_offsets(parts: _Parts) -> tuple[pt.TensorVariable, pt.TensorVariable]:
    """Standard deviations between regions, shape (n_varying,), and standard normal offsets (n_regions, n_varying)."""
    prior, spec = parts.prior, parts.spec
    offset = pm.Normal("region_offset", dims=("region", "varying"))
    sd = pm.HalfNormal("region_sd", prior.region_scale * prior.region_unit, dims="varying") / prior.region_unit
    if spec.correlation == "independent" or len(prior.varying) < 2:
        return sd, offset
    root = _correlation_root(len(prior.varying), spec.priors.correlation_concentration)
    # products of matrices are written out: PyTensor wants a BLAS of its own for them
    later, earlier = _pairs(len(prior.varying))
    pm.Deterministic("region_correlation", (root[later] * root[earlier]).sum(axis=-1), dims="pair")
    return sd, (offset[:, None, :] * root).sum(axis=-1)


def _pairs(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions i > j of every pair, those of j = 0 first."""
    earlier, later = np.triu_indices(n, 1)
    return later, earlier


def _correlation_root(n: int, concentration: float) -> pt.TensorVariable:
    """Cholesky factor of a correlation matrix under the LKJ prior, from canonical partial correlations.

    The one of variables i > j given those before j is 2 B - 1, B ~ Beta(b, b), b = concentration + (n - 2 - j) / 2
    (Lewandowski, Kurowicka & Joe 2009, section 2.4, doi:10.1016/j.jmva.2009.04.008).
    """
    _, before = _pairs(n)
    shape = concentration + (n - 2 - before) / 2
    partial = 2 * pm.Beta("region_partial", shape, shape, dims="pair") - 1
    left, columns, at = pt.ones(n), [], 0  # variance of each variable not explained by those before
    for j in range(n - 1):
        own = pt.concatenate([pt.zeros(j), pt.ones(1), partial[at : at + n - 1 - j]])
        columns.append(own * pt.sqrt(left))
        left = left * pt.concatenate([pt.ones(j + 1), 1 - own[j + 1 :] ** 2])
        at += n - 1 - j
    columns.append(pt.concatenate([pt.zeros(n - 1), pt.sqrt(left[n - 1 :])]))
    return pt.stack(columns, axis=1)


def _varying(
    parts: _Parts, mean: pt.TensorVariable, sd: pt.TensorVariable, offset: pt.TensorVariable
) -> pt.TensorVariable:
    """Regional coefficients, shape (n_regions, n_varying)."""
    plain = mean + sd * offset
    lag = int(parts.columns.terms[0])
    if parts.spec.stationarity == "none" or lag >= parts.columns.n_varying:
        return plain
    if parts.spec.stationarity == "transformed":
        return pt.set_subtensor(plain[:, lag], pt.tanh(plain[:, lag]))
    centre, spread = mean[lag], sd[lag]
    low, high = _normal_cdf((-1 - centre) / spread), _normal_cdf((1 - centre) / spread)
    quantile = low + _normal_cdf(offset[:, lag]) * (high - low)
    inside = np.sqrt(2.0) * pt.erfinv(2 * pt.clip(quantile, _QUANTILE_EDGE, 1 - _QUANTILE_EDGE) - 1)
    return pt.set_subtensor(plain[:, lag], centre + spread * inside)


def _normal_cdf(value: pt.TensorVariable) -> pt.TensorVariable:
    return 0.5 * pt.erfc(-value / np.sqrt(2.0))


def _year_effects(parts: _Parts) -> pt.TensorVariable:
    """Working coefficients of the year basis, shape (n_year,)."""
    columns = parts.columns
    if not columns.n_year:
        return pt.zeros((0,))
    sd = _half_normal("year_sd", parts.prior.year_scale, columns)
    effect = sd * pm.ZeroSumNormal("year_offset", dims="time")
    pm.Deterministic("year_effect", effect * columns.y_scale, dims="time")
    return columns.year_basis.T @ effect


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


def _explicit_rows(parts: _Parts, b: pt.TensorVariable, error: pt.TensorVariable, unit_sd: pt.TensorVariable) -> None:
    design, columns = parts.design, parts.columns
    effect = unit_sd * pm.Normal("unit_offset", dims="unit")
    pm.Deterministic("unit_effect", effect * columns.y_scale, dims="unit")
    mean = (pt.as_tensor(columns.z) * b[design.region]).sum(axis=1) + effect[design.unit]
    spread = error[design.region]
    if parts.spec.errors == "gaussian":
        pm.Normal("outcome", mean, spread, observed=columns.y)
        return
    # Juárez & Steel (2010, doi:10.1198/jbes.2009.07145)
    degrees = pm.Gamma("degrees_of_freedom", 2.0, 0.1)
    pm.StudentT("outcome", degrees, mu=mean, sigma=spread, observed=columns.y)


def _residuals(factor: np.ndarray, b: pt.TensorVariable) -> pt.TensorVariable:
    """``factor`` (..., rows, n_columns + 1) times (-b, 1)."""
    moving = (pt.as_tensor(factor[..., :-1]) * b).sum(axis=-1)
    return pt.as_tensor(factor[..., -1]) - moving


def _integrated_likelihood(
    parts: _Parts, b: pt.TensorVariable, error: pt.TensorVariable, unit_sd: pt.TensorVariable
) -> pt.TensorVariable:
    """As :func:`bayesgov.panel.likelihood.log_likelihood`, in working units."""
    factors = parts.factors
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
    parts: _Parts, b: pt.TensorVariable, error: pt.TensorVariable, unit_sd: pt.TensorVariable
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
    lag, n_plain = int(columns.terms[0]), parts.n_plain
    alpha, variance = b[region, lag], error[region] ** 2
    first = (design.x[design.starts, 0] - columns.y_centre) / columns.y_scale
    mean_rows = factors.unit_means
    others = np.delete(np.arange(n_plain), lag)
    drift = alpha * (columns.y_centre - columns.term_centre[0]) / columns.y_scale
    standing = (pt.as_tensor(mean_rows[:, others]) * b[region][:, others]).sum(axis=1) + drift
    before, spread = _before_the_panel(parts)
    rho = first - standing / (1 - alpha) - before
    average = _residuals(mean_rows, b[region])
    inside = (_residuals(factors.within, b[:, None, :]) ** 2).sum(axis=1)
    d_first, l_first = 1 / (variance / (1 - alpha**2) + spread**2), 1 / (1 - alpha)
    pull = periods * average / variance + d_first * l_first * rho
    weight = 1 + unit_sd**2 * (periods / variance + d_first * l_first**2)
    squares = periods * average**2 / variance + d_first * rho**2 - unit_sd**2 * pull**2 / weight
    logs = periods * pt.log(variance) - pt.log(d_first) + pt.log(weight)
    n_rows = design.n_obs + region.size
    return -0.5 * ((inside / error**2).sum() + (squares + logs).sum() + n_rows * np.log(2 * np.pi))


def _before_the_panel(parts: _Parts) -> tuple[pt.TensorVariable, pt.TensorVariable]:
    """w_i'kappa of every unit, shape (n_units,), and omega, in working units."""
    design, columns, priors = parts.design, parts.columns, parts.prior
    covariates = (design.covariates - columns.covariate_centre) / columns.covariate_scale
    before = pm.Normal("initial_level", 0.0, priors.scale[columns.intercept])
    if columns.covariates.size:
        slope = pm.Normal("initial_slope", 0.0, priors.scale[columns.covariates], dims="covariate")
        before = before + (pt.as_tensor(covariates) * slope).sum(axis=1)
    return before, _half_normal("initial_sd", priors.unit_scale, columns)
