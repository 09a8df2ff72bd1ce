"""Public figures of estimates: forests, caterpillars by region, shrinkage, thresholds, prior beside posterior."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from bayesgov.comparison.align import Names
from bayesgov.fits import Fit, element_draws
from bayesgov.report import figures
from bayesgov.report.densities import density_curves
from bayesgov.report.plots_caption import (
    captioned,
    data_and_model,
    interval_words,
    percent,
    point_words,
    require_fits,
    require_posterior,
)
from bayesgov.report.plots_terms import (
    ALL,
    all_estimates,
    by_region,
    chosen_terms,
    effects_of,
    matching,
    regions_of,
    term_labels,
)

_WORD = 18  # characters: beside a longer word there is no room for two panels


def plot_forest(
    *fits: Fit, terms: Sequence[str] | None = None, level: float = 0.95, names: Names | None = None
) -> Figure:
    """Estimates of any number of fits, of either school, with their intervals in one panel.

    Parameters
    ----------
    *fits : Fit
        Up to six.
    terms : sequence of str, optional
        Terms as ``fit.estimates()`` names them, or names of variables ("beta") for all of their terms; by default the
        effects of a single fit, and of several those that two or more share.
    level : float
        Of the intervals.
    names : mapping of str to mapping of str to str, optional
        By label of a fit, its terms that are drawn under another name.

    Returns
    -------
    matplotlib.figure.Figure
        :func:`bayesgov.plot_caption` gives its caption.

    Raises
    ------
    ValueError
        If something is no fit, the fits share no effect, or ``terms`` has what no fit has.
    """
    require_fits("plot_forest", fits)
    frame = _drawn(all_estimates(fits, level, names), fits, terms, names)
    drawn = frame.assign(label=frame["term"].map(term_labels(frame["term"])))
    figure = figures.dot_interval(drawn, xlabel=f"estimate ({percent(level)} interval)")
    return captioned(figure, "Estimates with their intervals", *data_and_model(fits), *_words(fits, frame))


def plot_caterpillar(
    *fits: Fit, terms: Sequence[str] | None = None, level: float = 0.95, names: Names | None = None
) -> Figure:
    """Estimates by region, one panel for each term; a fit of one coefficient for all regions is drawn as a band.

    Parameters
    ----------
    *fits : Fit
        Up to six, of a panel or of printed regional estimates.
    terms : sequence of str, optional
        Terms without their region ("L1.y", "digital"), or names of variables ("alpha"); by default all effects, of
        several fits those that two or more share.
    level, names
        As in :func:`plot_forest`.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If a fit has no terms by region, the fits share none, or ``terms`` has what no fit has.
    """
    require_fits("plot_caterpillar", fits)
    regions = {fit.label: regions_of(fit) for fit in fits}
    if without := [label for label, found in regions.items() if not found]:
        raise ValueError(f"plot_caterpillar needs terms by region; {without[0]!r} has none: use plot_forest")
    frame = all_estimates(fits, level, names)
    parts = [by_region(part["term"], regions[str(label)]) for label, part in frame.groupby("fit", sort=False)]
    frame = frame.join(pd.concat(parts, ignore_index=True)).query("region != ''")
    chosen = _regional_terms(frame, fits, terms, names)
    order = frame["what"].map({what: place for place, what in enumerate(chosen)})
    frame = frame.loc[order.dropna().sort_values(kind="stable").index]
    whole = _without_regions(frame)
    band = str(frame.loc[frame["fit"] == whole[0], "series"].iloc[0]) if len(whole) == 1 < len(fits) else None
    drawn = frame.assign(term=frame["what"], label=frame["region"].replace({ALL: "all units"}))
    longest = max(len(word) for label in drawn["label"] for word in label.split())
    figure = figures.caterpillar(
        drawn, xlabel=f"estimate ({percent(level)} interval)", band=band, columns=1 if longest > _WORD else 2
    )
    return captioned(
        figure,
        "Estimates by region, every panel with a scale of its own",
        f"Vertical line and band: {whole[0]}, one estimate for all regions" if band else "",
        *data_and_model(fits),
        *_words(fits, frame),
    )


def plot_shrinkage(
    first: Fit,
    second: Fit,
    *,
    terms: Sequence[str] | None = None,
    level: float = 0.95,
    names: Names | None = None,
) -> Figure:
    """Estimates of one fit joined to those of another, such as maximum likelihood and a shrunken posterior.

    Parameters
    ----------
    first, second : Fit
        The unshrunken one first.
    terms, level, names
        As in :func:`plot_forest`.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If the fits share no term, or ``terms`` has what they do not share.
    """
    fits = (first, second)
    require_fits("plot_shrinkage", fits)
    every = all_estimates(fits, level, names)
    shared = every[every["term"].map(every.groupby("term")["fit"].nunique()) == 2]
    if shared.empty:
        raise ValueError("plot_shrinkage joins terms that both fits have; these have none: map them with names=")
    frame = _drawn(shared, fits, terms, names)
    sides = {
        side: frame[frame["fit"] == fit.label].set_index("term")[["estimate", "lower", "upper"]]
        for side, fit in (("published", first), ("shrunken", second))
    }
    wide = pd.concat(
        [
            part.rename(columns={"estimate": side, "lower": f"{side}_lower", "upper": f"{side}_upper"})
            for side, part in sides.items()
        ],
        axis=1,
    )
    drawn = wide.assign(label=wide.index.map(term_labels(wide.index)), reading="").reset_index()
    legend = [str(frame.loc[frame["fit"] == fit.label, "series"].iloc[0]) for fit in fits]
    figure = figures.shrinkage(
        drawn, xlabel=f"estimate ({percent(level)} interval)", label_width=34, names=(legend[0], legend[1])
    )
    return captioned(figure, f"From {first.label} to {second.label}", *data_and_model(fits), *_words(fits, frame))


def plot_thresholds(*fits: Fit, level: float = 0.95) -> Figure:
    """Thresholds of ordinal regressions on the scale of the link, "1|2" between levels 1 and 2.

    Parameters
    ----------
    *fits : Fit
        Up to six, of ordinal regressions.
    level : float
        Of the intervals.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If a fit has no thresholds.
    """
    require_fits("plot_thresholds", fits)
    frame = all_estimates(fits, level, None)
    frame = frame[frame["term"].str.startswith("threshold[")]
    if without := [fit.label for fit in fits if fit.label not in set(frame["fit"])]:
        raise ValueError(f"plot_thresholds needs ordinal regressions; {without[0]!r} has no thresholds")
    drawn = frame.assign(label=frame["term"].str[len("threshold[") : -1])
    figure = figures.dot_interval(drawn, xlabel=f"threshold, on the scale of the link ({percent(level)} interval)")
    return captioned(figure, "Thresholds between the outcome's levels", *data_and_model(fits), *_words(fits, frame))


def plot_prior_posterior(fit: Fit, *, terms: Sequence[str] | None = None) -> Figure:
    """Densities of prior and posterior, one panel for each term.

    Parameters
    ----------
    fit : Fit
        A posterior with draws of its prior.
    terms : sequence of str, optional
        Terms or names of variables; by default all estimands.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If the fit is no posterior, keeps no draws of its prior, or lacks a term.
    """
    posterior = require_posterior("plot_prior_posterior", fit, "draws of a prior and of a posterior")
    prior = fit.tree["prior"].to_dataset() if "prior" in fit.tree else None
    both = [] if prior is None else [name for name in posterior.terms if name in prior]
    if prior is None or not both:
        raise ValueError(f"plot_prior_posterior needs draws of the prior; {fit.label!r} keeps none of its terms")
    drawn = [element_draws(group, both) for group in (prior, fit.tree["posterior"].to_dataset())]
    chosen = list(drawn[0].terms) if terms is None else matching(terms, drawn[0].terms)
    labels = term_labels(chosen)
    before, after = ({labels[term]: each.values[..., each.terms.index(term)] for term in chosen} for each in drawn)
    return captioned(
        figures.prior_posterior(density_curves(before, after)),
        "Densities of prior and posterior, kernel estimates of their draws; the central 99% of the draws, and of a "
        "prior no more than eight times the posterior's range",
        *data_and_model((fit,)),
    )


def _drawn(frame: pd.DataFrame, fits: Sequence[Fit], terms: Sequence[str] | None, names: Names | None) -> pd.DataFrame:
    """The estimates of the chosen terms, in their order; what is infinite has no mark."""
    place = {term: position for position, term in enumerate(chosen_terms(frame, fits, terms, names))}
    order = frame["term"].map(place).dropna().sort_values(kind="stable").index
    frame = frame.loc[order].reset_index(drop=True)
    numbers = ["estimate", "lower", "upper"]
    frame[numbers] = frame[numbers].replace([np.inf, -np.inf], np.nan)
    return frame


def _regional_terms(
    frame: pd.DataFrame, fits: Sequence[Fit], terms: Sequence[str] | None, names: Names | None
) -> list[str]:
    """What of every region is drawn: what was asked for, by itself or by its variable; else what the fits share."""
    if terms is not None:
        wanted = (terms,) if isinstance(terms, str) else terms
        known = dict.fromkeys(frame["what"])
        parts = [[what] if what in known else list(frame.loc[frame["variable"] == what, "what"]) for what in wanted]
        if lost := [what for what, part in zip(wanted, parts, strict=True) if not part]:
            raise ValueError(f"terms: no region has {lost[0]!r}; there are: {', '.join(known)}")
        return list(dict.fromkeys(what for part in parts for what in part))
    counts = frame.groupby("what")["fit"].nunique()
    shared = frame[frame["what"].map(counts) >= min(2, len(fits))]
    effects = effects_of(list(dict.fromkeys(shared["term"])), fits, names)
    if not effects:
        raise ValueError("plot_caterpillar: the fits share no effect by region: choose with terms= or use names=")
    return list(dict.fromkeys(shared.loc[shared["term"].isin(effects), "what"]))


def _without_regions(frame: pd.DataFrame) -> list[str]:
    """Labels of the fits that say the same of every region: complete pooling."""
    widths = frame.groupby(["fit", "what"], sort=False)["estimate"].agg(np.ptp)
    return [str(label) for label, part in widths.groupby("fit", sort=False) if (part == 0).all()]


def _words(fits: Sequence[Fit], frame: pd.DataFrame) -> tuple[str, str]:
    return interval_words(frame), point_words(fits)
