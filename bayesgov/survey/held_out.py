"""Both schools judged by what they have not seen: the same rows held out of both, and the same scores.

Each school is fitted to the rows outside a fold and gives every row inside it a probability of every level: the
estimator at its estimates, the posterior averaged over its draws. A group without rows outside the fold is averaged
over the population of groups, Normal(0, ``group_sd``), by both in the same way. Beside them stands the prediction that
knows no predictor, the levels' shares outside the fold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import xarray as xr

from bayesgov.errors import InputError
from bayesgov.fits import Approach, Check
from bayesgov.sampling import SamplingOptions
from bayesgov.steps import Progress
from bayesgov.survey.bayesian.refit import RHAT_MAX, largest_rhat, refit
from bayesgov.survey.calibration import mean_with_error, pit_histogram, reliability
from bayesgov.survey.design import Design
from bayesgov.survey.frequentist.estimate import fit_frequentist
from bayesgov.survey.frequentist.penalised import deal_folds
from bayesgov.survey.predict import predict_rows
from bayesgov.survey.predictive import blocks, brier_score, ranked_probability_score
from bayesgov.survey.spec import CumulativeSpec

BASELINE = "level shares"
_BETTER = {"log_score": "higher", "rps": "lower", "brier": "lower"}


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """Predictions of rows by models that have not seen them.

    Attributes
    ----------
    design : Design
        The rows; one with a frequency weight may stand in several folds, its weight parted.
    fold : ndarray of int, shape (n_obs,)
        0, 1, ...
    unit : ndarray of int, shape (n_obs,), or None
        Clusters or groups, which folds keep whole; None where single observations were dealt out.
    probability : mapping of str to ndarray, shape (n_obs, n_categories)
        By approach, :data:`BASELINE` the last.
    checks : tuple of Check
    """

    design: Design
    fold: np.ndarray
    unit: np.ndarray | None
    probability: Mapping[str, np.ndarray]
    checks: tuple[Check, ...] = ()

    def pointwise(self, approach: str) -> dict[str, np.ndarray]:
        """Scores of one observation of every row, shape (n_obs,) each: ``log_score``, ``rps``, ``brier``."""
        chance, y = self.probability[approach], self.design.y
        at_most = np.cumsum(chance, axis=1)[:, :-1].T
        own = np.take_along_axis(chance, y[:, None], axis=1)[:, 0]
        return {
            "log_score": np.log(np.maximum(own, np.finfo(float).tiny)),
            "rps": ranked_probability_score(at_most, y),
            "brier": brier_score(at_most, y),
        }

    def scores(self) -> pd.DataFrame:
        """Mean score of an observation: ``approach``, ``fold`` (1, ..., "all"), ``rows``, then the scores.

        The log score (higher is better), the ranked probability score and the Brier score (lower is better) are
        proper: none can be improved by predicting anything but what one believes (Gneiting & Raftery 2007,
        doi:10.1198/016214506000001437).
        """
        weights, places = self.design.weights, np.unique(self.fold)
        parts = [(str(place + 1), self.fold == place) for place in places] + [("all", self.fold >= 0)]
        rows: list[dict[str, object]] = []
        for approach in self.probability:
            scores = self.pointwise(approach)
            for name, here in parts:
                mass = weights[here]
                means = {key: float(mass @ values[here] / mass.sum()) for key, values in scores.items()}
                rows.append({"approach": approach, "fold": name, "rows": float(mass.sum())} | means)
        return pd.DataFrame(rows)

    def differences(self) -> pd.DataFrame:
        """Paired differences of the mean score between approaches, ``first`` less ``second``.

        Columns ``score``, ``first``, ``second``, ``difference``, ``std_error`` (from sums over clusters where folds
        keep them whole), ``lower`` and ``upper`` (95% confidence), ``better`` ("higher" or "lower"). The standard
        error takes the fitted models as they are: that folds share rows to fit on is not in it, and no estimate of
        that part is unbiased (Bengio & Grandvalet 2004, jmlr.org/papers/v5/grandvalet04a.html).
        """
        approaches, rows = list(self.probability), []
        scores = {approach: self.pointwise(approach) for approach in approaches}
        # the posterior less the estimator, then each less the baseline
        pairs = [(second, first) for index, first in enumerate(approaches) for second in approaches[index + 1 :]]
        pairs = [(second, first) if second != BASELINE else (first, second) for second, first in pairs]
        for key, better in _BETTER.items():
            for first, second in pairs:
                values = scores[first][key] - scores[second][key]
                mean, error = mean_with_error(values, self.design.weights, self.unit)
                limits = (mean - 1.959964 * error, mean + 1.959964 * error)
                rows.append((key, first, second, mean, error, *limits, better))
        columns = ["score", "first", "second", "difference", "std_error", "lower", "upper", "better"]
        return pd.DataFrame(rows, columns=columns)

    def calibration(self) -> pd.DataFrame:
        """:func:`bayesgov.survey.calibration.reliability` of every approach but the baseline."""
        levels, y, weights = self.design.levels, self.design.y, self.design.weights
        return self._of_models(lambda chance: reliability(chance, y, levels, weights=weights, unit=self.unit))

    def pit(self) -> pd.DataFrame:
        """:func:`bayesgov.survey.calibration.pit_histogram` of every approach but the baseline."""
        return self._of_models(lambda chance: pit_histogram(chance, self.design.y, self.design.weights))

    def _of_models(self, question: Callable[[np.ndarray], pd.DataFrame]) -> pd.DataFrame:
        parts = [
            question(chance).assign(approach=approach)
            for approach, chance in self.probability.items()
            if approach != BASELINE and np.isfinite(chance).all()  # without estimates there is nothing to look at
        ]
        joined = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["approach"])
        return joined[["approach", *joined.columns.drop("approach")]]

    def group(self, approach: str) -> xr.Dataset:
        """The approach's scores by fold, for the group ``scores`` of its Fit's tree."""
        table = self.scores()
        own = table[table["approach"] == approach]
        values = {name: ("fold", own[name].to_numpy(dtype=float)) for name in ("rows", *_BETTER)}
        return xr.Dataset(values, coords={"fold": own["fold"].tolist()})


def hold_out(
    design: Design,
    spec: CumulativeSpec,
    approaches: tuple[Approach, ...],
    *,
    options: SamplingOptions,
    folds: int = 5,
    progress: Progress = lambda _message: None,
) -> HeldOut:
    """Hold every fold out of every approach.

    Parameters
    ----------
    design : Design
        Complete. Clusters, or else groups, stay whole.
    spec : CumulativeSpec
    approaches : tuple of {"frequentist", "bayesian"}
    options : SamplingOptions
        Of the posteriors' refits; its seed deals out the folds as well.
    folds : int
        At most as many as there are clusters or groups.
    progress : callable

    Returns
    -------
    HeldOut

    Raises
    ------
    InputError
        If there are fewer than two clusters or groups, or a fold holds all rows of a level.
    """
    unit = design.cluster if design.cluster is not None else design.group if design.group_name else None
    if unit is not None and np.unique(unit).size < 2:
        raise InputError("holding out needs two clusters or groups; there is one")
    # with clusters or groups the rows stay as they are
    dealt, fold = deal_folds(design, folds, options.seed)
    _require_levels(dealt, fold)
    probability = {name: np.empty((dealt.n_obs, dealt.n_categories)) for name in (*approaches, BASELINE)}
    unusable: list[str] = []
    rhat: list[float] = []
    for place in np.unique(fold):
        inside = fold == place
        rest, held_out = _known_groups(dealt.take(~inside)), dealt.take(inside)
        probability[BASELINE][inside] = np.bincount(rest.y, rest.weights) / rest.weights.sum()
        progress(f"holding out fold {place + 1} of {fold.max() + 1}")
        if "frequentist" in approaches:
            fit = fit_frequentist(rest, spec, "held out")
            unusable += [check.name for check in fit.checks() if check.status == "fail"]
            probability["frequentist"][inside] = _predicted(held_out, fit.tree["point"].to_dataset(), spec)
        if "bayesian" in approaches:
            posterior = refit(rest, spec, replace(options, seed=options.seed + int(place)))
            rhat.append(largest_rhat(posterior, ("beta", "threshold", "group_sd")))
            probability["bayesian"][inside] = _predicted(held_out, posterior, spec)
    checks = [_estimates_check(unusable)] if "frequentist" in approaches else []
    checks += [_mixing_check(float(np.max(rhat)))] if rhat else []
    return HeldOut(dealt, fold, unit, probability, tuple(checks))


def _require_levels(design: Design, fold: np.ndarray) -> None:
    for place in np.unique(fold):
        lost = np.setdiff1d(np.arange(design.n_categories), design.y[fold != place])
        if lost.size:
            names = ", ".join(design.levels[level] for level in lost)
            raise InputError(
                f"fold {place + 1} holds all rows of {design.outcome} = {names}, so that nothing outside it says how "
                "likely that level is: merge levels"
            )


def _known_groups(design: Design) -> Design:
    """The Design with the groups that have rows: the others are new to the model."""
    if not design.groups:
        return design
    present, code = np.unique(design.group, return_inverse=True)
    return replace(design, groups=tuple(design.groups[index] for index in present), group=code)


def _predicted(design: Design, parameters: xr.Dataset, spec: CumulativeSpec) -> np.ndarray:
    """Probabilities averaged over draws, shape (n_obs, n_categories), in blocks of rows."""
    n_draws = parameters.sizes["chain"] * parameters.sizes["draw"]
    result = np.empty((design.n_obs, design.n_categories))
    for rows in blocks(design, n_draws):
        result[rows] = predict_rows(design.take(rows), parameters, spec).mean(("chain", "draw")).values
    return result


def _mixing_check(worst: float) -> Check:
    advice = "" if worst < RHAT_MAX else "the refits have not mixed: their scores may be of too few draws"
    return Check("held_out_rhat_max", worst, RHAT_MAX, "pass" if worst < RHAT_MAX else "warn", advice)


def _estimates_check(unusable: list[str]) -> Check:
    if not unusable:
        return Check("held_out_estimates", 0.0, 0.0, "pass")
    advice = f"outside some folds estimates are not to be trusted ({', '.join(dict.fromkeys(unusable))})"
    return Check("held_out_estimates", float(len(unusable)), 0.0, "warn", advice)
