"""Tables of a panel as a reader wants them: p-values and probabilities apart, one word for one thing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from bayesgov.report.pieces import NORMAL
from bayesgov.report.row_tables import Tables
from bayesgov.report.tables import number_text, share_text

ALL_UNITS = "all"  # how the tables name what holds for every region
ALL_UNITS_IN_WORDS = "all units"
PARTIAL, COMPLETE = "partial pooling", "complete pooling"
POSTERIOR = "posterior"

# Column names that mean something else in the report's glossary of headings.
_RENAMED = {
    "flow": {"lost": "rows_lost"},
    "index_weights": {"weight": "indicator_weight"},
    "gmm_rows": {"statistic": "z", "sargan_p": "p_sargan", "hansen_p": "p_hansen", "ar1_p": "p_ar1", "ar2_p": "p_ar2"},
    "gmm_tests": {"statistic": "test_statistic"},
    "multiverse": {"sargan_p": "p_sargan", "hansen_p": "p_hansen", "ar1_p": "p_ar1", "ar2_p": "p_ar2"},
    "residual_checks": {"statistic": "quantity", "posterior_predictive_p": "p_predictive", "reading": "in_words"},
    "priors": {"scale": "prior_scale"},
}
# What the caption says once instead of the table in every row.
_DROPPED = {
    "initial_conditions": ("interval", "note"),
    "long_run_posterior": ("interval", "probability_persistence_above", "probability_unit_root"),
    "impulse_responses": ("interval",),
    "persistence": ("interval",),
    "mean_effects": ("interval",),
}
_SCHOOLS = {"frequentist": "confidence", "bayesian": "credible"}
_COMPONENT = ["index", "component", "eigenvalue", "share", "kept"]
_ADEQUACY = ["index", "kmo", "bartlett", "bartlett_df", "bartlett_p"]
_GMM_LONG_RUN = ["region", "variable", "estimate", "std_error", "lower", "upper", "delta_valid", "fieller_text", "g"]
_GMM_LIFE = ["region", "alpha", "half_life", "half_life_lower", "half_life_upper"]
_FOOT = {
    "sargan_p": "Sargan, p",
    "hansen_p": "Hansen, p",
    "ar1_p": "AR(1), p",
    "ar2_p": "AR(2), p",
    "n_instruments": "instruments",
    "n_units": "units",
    "n_obs": "observations",
}
_MOST_COLUMNS = 12  # regions beside one another in a printed table


def displayed(tables: Tables) -> dict[str, pd.DataFrame]:
    """The tables with columns renamed, dropped and parted for the page; figures take the originals."""
    parted = {name: frame for name, frame in tables.items() if not frame.empty}
    for name, part in _PARTED.items():
        if name in parted:
            parted |= part(parted.pop(name))
    return {name: _plain(name, frame) for name, frame in parted.items() if not frame.empty}


def _plain(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    dropped = [column for column in _DROPPED.get(name, ()) if column in frame]
    result = frame.drop(columns=dropped).rename(columns=_RENAMED.get(name, {}))
    if "region" in result:
        result["region"] = named_regions(result["region"])
    if name == "latent_items":
        result.columns = result.columns.str.removesuffix("_median")
    if name == "gmm_tests":
        result["df"] = result["df"].where(result["df"] > 0)  # a standard normal statistic has none
    if "reason" in result and name != "flow" and not result["reason"].fillna("").astype(bool).any():
        result = result.drop(columns="reason")
    return result


def _components(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    adequacy = frame[_ADEQUACY].drop_duplicates("index").rename(columns={"bartlett_df": "df", "bartlett_p": "p_value"})
    return {"index_components": frame[_COMPONENT], "index_adequacy": adequacy}


def _convergence(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """By school: the tests of equal variances are a frequentist's."""
    tests = ["equal_variances_t", "equal_variances_p"]
    columns = {
        "frequentist": ["region", "estimate", "std_error", "lower", "upper", "p_value", *tests],
        "bayesian": ["region", "estimate", "std_error", "lower", "upper", "probability_negative"],
    }
    renamed = {"equal_variances_p": "p_equal_variances"}
    return {
        f"convergence_{_SCHOOLS[school]}": frame.loc[frame["approach"] == school, own].rename(columns=renamed)
        for school, own in columns.items()
    }


def _regions(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Estimates with a p-value, and those with a posterior probability."""
    shared = ["region", "term", "series", "estimate", "std_error", "lower", "upper", "interval"]
    posterior = frame["probability_positive"].notna() if "probability_positive" in frame else frame["p_value"].isna()
    result = {"regions_frequentist": frame.loc[~posterior, [*shared, "p_value"] if "p_value" in frame else shared]}
    if posterior.any():
        own = [name for name in (*shared, "probability_positive", "note") if name in frame and name != "interval"]
        result["regions_posterior"] = frame.loc[posterior, own]
    return result


def _gmm(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    result = {"gmm_rows": frame}
    if frame["term"].notna().any() and frame["region"].nunique() <= _MOST_COLUMNS:
        result["gmm"] = printed_gmm(frame)
    return result


def _long_run_gmm(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    result = {"long_run_gmm": frame[_GMM_LONG_RUN]}
    lives = frame[_GMM_LIFE].drop_duplicates("region")
    if lives["half_life"].notna().any():
        result["half_life_gmm"] = lives
    return result


_PARTED = {
    "index_components": _components,
    "convergence": _convergence,
    "regions": _regions,
    "gmm": _gmm,
    "long_run_gmm": _long_run_gmm,
}


def without_pooling_of_one(tables: Tables) -> Tables:
    """The tables with the posterior named as such where there is but one region: nothing is pooled there."""
    found = tables.get("regions")
    if found is None or found["region"].nunique() > 1:
        return tables
    return {**tables, "regions": found.assign(series=found["series"].replace(COMPLETE, POSTERIOR))}


def named_regions(regions: pd.Series) -> pd.Series:
    """Regions by their names, "all units" where a table has "all"."""
    return regions.astype(str).replace({ALL_UNITS: ALL_UNITS_IN_WORDS})


def ordered_marks(data: pd.DataFrame, series: Iterable[str]) -> pd.DataFrame:
    """Marks by term, region and series, all units last; a series that a region lacks has a row without an estimate.

    So every figure has the same styles and places, whichever region comes first.

    Parameters
    ----------
    data : DataFrame
        Columns ``term, label, series`` and more.
    series : iterable of str
        In order; some may be missing from ``data``.
    """
    known = [name for name in series if (data["series"] == name).any()]
    labels = sorted(dict.fromkeys(data["label"]), key=lambda label: label == ALL_UNITS_IN_WORDS)
    places = [(term, label, name) for term in dict.fromkeys(data["term"]) for label in labels for name in known]
    keys = ["term", "label", "series"]
    return pd.DataFrame(places, columns=keys).merge(data, on=keys, how="left")


def printed_gmm(table: pd.DataFrame) -> pd.DataFrame:
    """GMM as a paper prints it: a column for each region, a row for each term, the tests at the foot.

    Parameters
    ----------
    table : DataFrame
        As :func:`bayesgov.panel.frequentist.regions.gmm_table` makes it.

    Returns
    -------
    pandas.DataFrame
        ``term`` and one column of text for each region that could be estimated: "0.532 (0.081)".
    """
    known = table[table["term"].notna() & (table["term"] != "")]
    columns: dict[str, list[str]] = {"term": [*dict.fromkeys(known["term"]), *_FOOT.values()]}
    for region, part in known.groupby(named_regions(known["region"]), sort=False):
        values = zip(part["term"], part["estimate"], part["std_error"], strict=True)
        cells = {term: f"{number_text(found, 3)} ({number_text(error, 2)})" for term, found, error in values}
        foot = part.iloc[0]
        cells |= {
            words: share_text(foot[name]) if name.endswith("_p") else f"{foot[name]:.0f}"
            for name, words in _FOOT.items()
        }
        columns[str(region)] = [cells.get(name, "") for name in columns["term"]]
    return pd.DataFrame(columns)


def score_differences(table: pd.DataFrame, by: str) -> pd.DataFrame:
    """What partial pooling predicts better than complete pooling, held-out part by held-out part, with their sum.

    Parameters
    ----------
    table : DataFrame
        Columns ``model``, ``by``, ``rows``, ``log_density``, ``mc_error``; Monte Carlo errors are of independent runs.
    by : {"region", "time"}

    Returns
    -------
    pandas.DataFrame
        ``by`` (as text)``, rows, log_density_partial, log_density_complete, log_density_difference, difference_per_row,
        mc_error``.
    """
    partial, complete = (table[table["model"] == name].set_index(by) for name in (PARTIAL, COMPLETE))
    both = partial.merge(complete, left_index=True, right_index=True, suffixes=("_partial", "_complete"))
    result = pd.DataFrame(
        {
            by: both.index.astype(str),
            "rows": both["rows_partial"].to_numpy(),
            "log_density_partial": both["log_density_partial"].to_numpy(),
            "log_density_complete": both["log_density_complete"].to_numpy(),
            "variance": (both["mc_error_partial"] ** 2 + both["mc_error_complete"] ** 2).to_numpy(),
        }
    )
    total = result.drop(columns=by).sum()
    result = pd.concat([result, pd.DataFrame([{by: "sum", **total}])], ignore_index=True)
    result["log_density_difference"] = result["log_density_partial"] - result["log_density_complete"]
    result["difference_per_row"] = result["log_density_difference"] / result["rows"]
    return result.assign(mc_error=np.sqrt(result["variance"])).drop(columns="variance")


def multiverse_rows(table: pd.DataFrame, terms: Sequence[str]) -> pd.DataFrame:
    """The choices of instruments as marks of :func:`bayesgov.report.panel_figures.multiverse`.

    Parameters
    ----------
    table : DataFrame
        As :func:`bayesgov.panel.frequentist.multiverse.instrument_multiverse` makes it.
    terms : sequence of str
        Coefficients to draw; Hansen's p-value follows them.
    """
    known = table[table["estimate"].notna()]
    depth = list(dict.fromkeys(table["depth"]))
    group = known["equation"] + known["collapse"].map({True: ", collapsed", False: ""})
    marks = known.assign(
        group=group,
        place=known["depth"].map(depth.index),
        many=known["many"].astype(bool),
        lower=known["estimate"] - NORMAL * known["std_error"],
        upper=known["estimate"] + NORMAL * known["std_error"],
    )
    shared = ["region", "group", "place", "depth", "many", "chosen"]
    parts = [marks[marks["term"] == term].assign(quantity=term) for term in terms]
    sets = marks.drop_duplicates(["region", "group", "place"])
    parts.append(sets.assign(quantity="Hansen, p", estimate=sets["hansen_p"], lower=np.nan, upper=np.nan))
    return pd.concat(parts, ignore_index=True)[[*shared[:1], "quantity", *shared[1:], "estimate", "lower", "upper"]]
