"""What every public figure says under it: its data, its model, the kind and level of its intervals."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from pydantic import BaseModel

from bayesgov.fits import EstimatorFit, Fit, PosteriorFit


def caption(figure: Figure) -> str:
    """The caption of a figure that ``bayesgov.plot_*`` made: what it shows, data, model, kind and level of intervals.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    """
    return str(figure.get_label())


def captioned(figure: Figure, *sentences: str) -> Figure:
    """The figure with its caption, kept as Matplotlib's label of it."""
    figure.set_label(" ".join(f"{text.rstrip('.')}." for text in sentences if text))
    return figure


def require_fits(name: str, fits: Sequence[object]) -> None:
    """ValueError if there is no fit, something else stands among them, or two have one label."""
    strangers = [type(fit).__name__ for fit in fits if not isinstance(fit, PosteriorFit | EstimatorFit)]
    if strangers or not fits:
        came = strangers[0] if strangers else "nothing"
        raise ValueError(f"{name} takes fits, as bayesgov.fit and bayesgov.load_fit return them; got {came}")
    labels = [fit.label for fit in fits if isinstance(fit, PosteriorFit | EstimatorFit)]
    if twice := [label for label in labels if labels.count(label) > 1]:
        raise ValueError(f"{name} tells fits apart by their labels; two are called {twice[0]!r}: give one another")


def require_posterior(name: str, fit: Fit, wanted: str) -> PosteriorFit:
    """The fit, if it is a posterior; ``wanted`` says what of it is needed."""
    require_fits(name, (fit,))
    if not isinstance(fit, PosteriorFit):
        raise ValueError(f"{name} needs {wanted}; {fit.label!r} is frequentist: fit with approach='bayesian'")
    return fit


def data_and_model(fits: Sequence[Fit]) -> tuple[str, str]:
    """Two sentences: which data the fits are of, and which model each is."""
    data = _grouped([(_data_words(fit.tree.attrs), fit.label) for fit in fits])
    models = _grouped([(_fit_words(fit), fit.label) for fit in fits])
    return f"Data: {data}", f"Model: {models}"


def of_analysis(spec: BaseModel, data: str, n_obs: int) -> tuple[str, str]:
    """The same sentences of an analysis of both schools."""
    words = spec_words(type(spec).__name__, spec.model_dump())
    return f"Data: {data}, {n_obs:,} observations", f"Model: {words}"


def point_words(fits: Sequence[Fit]) -> str:
    """What the points are, and the arrows."""
    kinds = {"frequentist": "estimates", "bayesian": "posterior medians"}
    points = " and ".join(words for school, words in kinds.items() if school in {fit.approach for fit in fits})
    return f"Points are {points}; an arrow head marks an interval that leaves the panel"


def interval_words(frame: pd.DataFrame) -> str:
    """ "Intervals: 95% Wald confidence (frequentist); 95% equal-tailed credible (bayesian)", of columns of a frame."""
    pairs = frame[["interval", "fit"]].dropna().drop_duplicates().itertuples(index=False)
    words = _grouped([(str(interval), str(name)) for interval, name in pairs])
    return f"Intervals: {words}" if words else ""


def spec_words(kind: str, spec: Mapping[str, Any]) -> str:
    """A spec in a few words.

    Parameters
    ----------
    kind : str
        Name of its class.
    spec : mapping
        Its fields.
    """
    if kind == "CumulativeSpec":
        return f"{spec['family']} {spec['link']} model of {spec['formula']}"
    if kind == "DynamicPanelSpec":
        predictors = f" and on {', '.join(spec['predictors'])}" if spec["predictors"] else ""
        region = f", by {spec['region']}" if spec["region"] else ""
        return f"dynamic panel model of {spec['outcome']} on its own past{predictors}{region}"
    return "model of printed numbers" if kind == "PublishedSpec" else "not recorded"


def _data_words(attributes: Mapping[Any, Any]) -> str:
    if "data" not in attributes:
        return "not recorded"
    n_obs = attributes.get("n_obs")
    return str(attributes["data"]) + ("" if n_obs is None else f", {int(n_obs):,} observations")


def _fit_words(fit: Fit) -> str:
    attributes = fit.tree.attrs
    if "spec" not in attributes:
        return "not recorded"
    kind, spec = str(attributes["spec_kind"]), json.loads(attributes["spec"])
    words = spec_words(kind, spec)
    if kind == "DynamicPanelSpec" and fit.approach == "frequentist":
        return f"{words}, {'system' if spec['gmm']['system'] else 'difference'} GMM"
    if kind == "DynamicPanelSpec":
        return f"{words}, {spec['pooling']} pooling"
    prior = attributes.get("prior")
    return f"{words}, {prior} prior" if fit.approach == "bayesian" and prior else words


def _grouped(pairs: Iterable[tuple[str, str]]) -> str:
    """ "text (name, name); text (name)"; the names are left out where all have one text."""
    names: dict[str, list[str]] = {}
    for text, name in pairs:
        names.setdefault(text, []).append(name)
    if len(names) == 1:
        return next(iter(names))
    return "; ".join(f"{text} ({', '.join(dict.fromkeys(found))})" for text, found in names.items())


def percent(level: float) -> str:
    """0.95 as "95%".

    Raises
    ------
    ValueError
        If it is no probability.
    """
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, such as 0.95; got {level}")
    return f"{100 * level:g}%"


def central(draws: np.ndarray, level: float, axis: int = 0) -> np.ndarray:
    """Lower limit, median and upper limit of the central interval, first axis of length three."""
    percent(level)
    tail = 50 * (1 - level)
    found: np.ndarray = np.percentile(draws, [tail, 50, 100 - tail], axis=axis)
    return found
