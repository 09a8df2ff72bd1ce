"""Fits' estimates under one set of names, and which of them are effects that zero is a question about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from bayesgov.errors import InputError
from bayesgov.fits import GLOSSARY, EstimatorFit, Fit, PosteriorFit, element_draws

type Names = Mapping[str, Mapping[str, str]]

# Variables that say where an outcome lies, not what changes it: zero is no hypothesis about them.
_LOCATIONS = ("threshold", "intercept", "level", "level_mean", "year_effect", "time", "baseline")


def require_comparable(fits: Sequence[Fit], names: Names) -> None:
    """Refuse fits that cannot be told apart, and names of fits or terms that do not exist.

    Raises
    ------
    InputError
    """
    if strange := [fit for fit in fits if not isinstance(fit, PosteriorFit | EstimatorFit)]:
        raise InputError(f"a comparison takes fits, as bayesgov.fit returns them; got {type(strange[0]).__name__}")
    labels = [fit.label for fit in fits]
    if len(fits) < 2:
        raise InputError(f"a comparison needs two fits or more; got {len(fits)}: {', '.join(labels) or 'none'}")
    twice = next((label for label in labels if labels.count(label) > 1), None)
    if twice is not None:
        raise InputError(f"fits are told apart by their labels; two are called {twice!r}: give one another label")
    require_labels(names, labels)


def require_labels(names: Names, labels: Sequence[str]) -> None:
    """InputError if ``names`` has the label of no fit."""
    if unknown := [label for label in names if label not in labels]:
        raise InputError(f"names: {unknown[0]!r} is the label of no fit; there are: {', '.join(labels)}")


def without_twins(fits: Sequence[Fit]) -> tuple[tuple[Fit, ...], dict[str, str]]:
    """Fits without those that repeat an earlier one, as runs that differ in a prior have one estimator's fit twice.

    Parameters
    ----------
    fits : sequence of Fit

    Returns
    -------
    tuple of Fit
    dict of str to str
        Label of each fit left out -> label of the one that it repeats.
    """
    kept: dict[str, tuple[Fit, pd.DataFrame]] = {}
    twins: dict[str, str] = {}
    for fit in fits:
        frame = fit.estimates()
        same = (
            label for label, (other, known) in kept.items() if other.approach == fit.approach and known.equals(frame)
        )
        if (twin := next(same, None)) is None:
            kept[fit.label] = fit, frame
        else:
            twins[fit.label] = twin
    return tuple(fit for fit, _ in kept.values()), twins


def aligned_estimates(fits: Sequence[Fit], level: float, names: Names) -> pd.DataFrame:
    """Estimates of all fits for the terms that two or more have.

    Parameters
    ----------
    fits : sequence of Fit
    level : float
        Of the intervals.
    names : mapping of str to mapping of str to str
        By label of a fit, its terms and the names that they are compared under.

    Returns
    -------
    DataFrame
        ``term``, ``fit``, ``approach`` and the columns of :data:`bayesgov.fits.GLOSSARY`; terms in order of their
        first appearance, fits in the order given.

    Raises
    ------
    InputError
        If no term is in two fits, if ``names`` has a term that the fit has not, or makes two terms of a fit one.
    """
    every = pd.concat([named_estimates(fit, level, names.get(fit.label, {})) for fit in fits], ignore_index=True)
    shared = every.groupby("term", sort=False)["fit"].nunique()
    common = [str(term) for term in shared.index[shared >= 2]]
    if not common:
        examples = "; ".join(f"{label}: {', '.join(part['term'].head(3))}" for label, part in every.groupby("fit"))
        raise InputError(f"the fits have no term in common ({examples}): say which are the same with names=")
    kept = every[every["term"].isin(common)]
    place = {term: position for position, term in enumerate(common)}
    order = kept["term"].map(place).sort_values(kind="stable").index
    return kept.loc[order].reset_index(drop=True)


def named_estimates(fit: Fit, level: float, names: Mapping[str, str]) -> pd.DataFrame:
    """Estimates of one fit, in the columns of :func:`aligned_estimates`.

    Parameters
    ----------
    fit : Fit
    level : float
        Of the intervals.
    names : mapping of str to str
        Its terms and the names that they are compared under, where they differ.

    Raises
    ------
    InputError
        If ``names`` has a term that the fit has not, or makes two terms one.
    """
    frame = fit.estimates(level)
    if unknown := [term for term in names if term not in set(frame["term"])]:
        raise InputError(f"names: {fit.label!r} has no term {unknown[0]!r}; it has: {', '.join(frame['term'])}")
    frame = frame.assign(term=frame["term"].replace(dict(names)))
    if frame["term"].duplicated().any():
        twice = frame.loc[frame["term"].duplicated(), "term"].iloc[0]
        raise InputError(f"names: two terms of {fit.label!r} would both be called {twice!r}")
    frame = frame.reindex(columns=list(GLOSSARY))
    frame.insert(1, "fit", fit.label)
    frame.insert(2, "approach", fit.approach)
    return frame


def effects_among(terms: Sequence[str], fits: Sequence[Fit], names: Names) -> tuple[str, ...]:
    """The terms that may be zero: no locations, and nothing that its prior holds to one side of zero."""
    one_sided: set[str] = set()
    for fit in fits:
        if isinstance(fit, PosteriorFit) and "prior" in fit.tree:
            prior = fit.tree["prior"].to_dataset()
            drawn = element_draws(prior, [name for name in fit.terms if name in prior])
            known = names.get(fit.label, {})
            held = (drawn.values >= 0).all(axis=(0, 1)) | (drawn.values <= 0).all(axis=(0, 1))
            one_sided |= {known.get(drawn.terms[column], drawn.terms[column]) for column in np.flatnonzero(held)}
    return tuple(term for term in terms if term.split("[")[0] not in _LOCATIONS and term not in one_sided)
