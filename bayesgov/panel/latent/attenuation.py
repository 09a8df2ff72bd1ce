"""What the measurement error of a composite does to the coefficients, and how reliable each indicator is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from bayesgov.fits import PosteriorFit

COMPOSITE = "composite"
_LEVELS = (50.0, 2.5, 97.5)
_ENDS = ("median", "lower", "upper")


def attenuation_tables(composite: PosteriorFit, latent: PosteriorFit) -> dict[str, pd.DataFrame]:
    """The coefficients of the composite beside those of the latent outcome, and the measurement equations.

    Parameters
    ----------
    composite : PosteriorFit
        Of :func:`bayesgov.panel.bayesian.fit.fit_bayesian`.
    latent : PosteriorFit
        Of :func:`bayesgov.panel.latent.fit.fit_latent` on the same rows, in the composite's units.

    Returns
    -------
    dict of str to DataFrame
        "attenuation": ``region, term, composite_estimate, composite_lower, composite_upper, latent_estimate,
        latent_lower, latent_upper, ratio, ratio_lower, ratio_upper``, medians and 95% equal-tailed credible intervals;
        region "mean" has the means over regions under partial pooling. The ratio is the composite's median over draws
        of the latent model, below one where noise weakens a coefficient; NaN where the latent interval holds zero, to
        which nothing has a ratio.

        "latent_items": ``indicator``, then ``loading, lasting_sd, yearly_sd, reliability, change_reliability``, each
        with ``_median, _lower, _upper``. Reliability is the latent level's share of an indicator's variance within
        units, change reliability that of the variance of its yearly changes. The row "composite" has the index
        itself: its loading is the weighted sum of loadings that sets the units.
    """
    draws = latent.tree["posterior"].to_dataset()
    plug_in = composite.tree["posterior"].to_dataset()
    return {"attenuation": _attenuation(plug_in, draws), "latent_items": _items(latent, draws)}


def _attenuation(plug_in: xr.Dataset, latent: xr.Dataset) -> pd.DataFrame:
    ours, theirs = _coefficients(plug_in), _coefficients(latent)
    rows = []
    for key, draws in theirs.items():
        if key not in ours:
            continue
        estimate, lower, upper = np.percentile(ours[key], _LEVELS)
        median, low, high = np.percentile(draws, _LEVELS)
        apart = low > 0 or high < 0
        ratio = np.percentile(estimate / draws, _LEVELS) if apart else np.full(3, np.nan)
        rows.append((*key, estimate, lower, upper, median, low, high, *ratio))
    columns = ["region", "term"]
    columns += [f"{model}_{end}" for model in ("composite", "latent") for end in ("estimate", "lower", "upper")]
    return pd.DataFrame(rows, columns=[*columns, "ratio", "ratio_lower", "ratio_upper"])


def _coefficients(posterior: xr.Dataset) -> dict[tuple[str, str], np.ndarray]:
    """Draws by region and term; "mean" where there are means over regions."""
    found = {}
    for name, dim in (("alpha", "lag"), ("beta", "predictor")):
        if name not in posterior:
            continue
        for region in posterior["region"].values:
            for term in posterior[dim].values:
                chosen = posterior[name].sel({"region": region, dim: term})
                found[str(region), str(term)] = chosen.values.ravel()
        if f"{name}_mean" in posterior:
            for term in posterior[dim].values:
                found["mean", str(term)] = posterior[f"{name}_mean"].sel({dim: term}).values.ravel()
    return found


def _items(latent: PosteriorFit, draws: xr.Dataset) -> pd.DataFrame:
    scores = latent.tree["latent_scores"].to_dataset()
    rows = []
    for name in draws["item"].values:
        item = scores.sel(item=name)
        row: dict[str, str | float] = {"indicator": str(name)}
        for column in ("loading", "lasting_sd", "yearly_sd"):
            row |= _summary(column, draws[column].sel(item=name).values)
        rows.append({**row, **_reliabilities(item["item_within"], item["item_changes"], item["item_noise"])})
    row = {"indicator": COMPOSITE, **_summary("loading", draws["composite_scale"].values)}
    for column in ("lasting_sd", "yearly_sd"):
        row |= _summary(column, (draws[column] ** 2 * scores["weight"] ** 2).sum("item").values ** 0.5)
    rows.append({**row, **_reliabilities(scores["within"], scores["changes"], scores["composite_noise"])})
    return pd.DataFrame(rows)


def _reliabilities(within: xr.DataArray, changes: xr.DataArray, noise: xr.DataArray) -> dict[str, float]:
    """Noise that is new every year enters the variance within units once, a yearly change twice."""
    level, change = within.values / (within + noise).values, changes.values / (changes + 2 * noise).values
    return _summary("reliability", level) | _summary("change_reliability", change)


def _summary(name: str, draws: np.ndarray) -> dict[str, float]:
    return {f"{name}_{end}": float(value) for end, value in zip(_ENDS, np.percentile(draws, _LEVELS), strict=True)}
