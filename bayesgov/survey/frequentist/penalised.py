"""The Lassos that a spec asks for: as the paper ran it, and as an ordered outcome calls for."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from bayesgov.fits import Check
from bayesgov.survey.design import Design
from bayesgov.survey.frequentist.lasso import (
    gaussian_cross_validation,
    gaussian_path,
    generalised_cross_validation,
)
from bayesgov.survey.frequentist.lasso_ordinal import LostLevelError, ordinal_cross_validation, ordinal_path
from bayesgov.survey.frequentist.lasso_path import CrossValidation, LassoPath, make_folds
from bayesgov.survey.spec import CumulativeSpec


@dataclass(frozen=True, slots=True)
class Lasso:
    """One or two Lasso paths of a Design with their error curves.

    Attributes
    ----------
    paths : tuple of LassoPath
        Gaussian first.
    curves : tuple of CrossValidation
        Folds, and for the gaussian path generalised cross-validation as well.
    failures : tuple of Check
        A cross-validation that could not be done.
    """

    paths: tuple[LassoPath, ...]
    curves: tuple[CrossValidation, ...]
    failures: tuple[Check, ...] = ()

    def errors(self) -> pd.DataFrame:
        """Error curves, as :meth:`CrossValidation.to_frame`; ``criterion`` names the model too."""
        return _stacked([_named(curve, curve.to_frame()) for curve in self.curves])

    def chosen(self) -> pd.DataFrame:
        """Chosen penalties, as :meth:`CrossValidation.chosen`; ``criterion`` names the model too."""
        return _stacked([_named(curve, curve.chosen()) for curve in self.curves])

    def coefficients(self) -> pd.DataFrame:
        """Coefficient paths, as :meth:`LassoPath.to_frame`."""
        return _stacked([path.to_frame() for path in self.paths])

    def selected(self) -> pd.DataFrame:
        """Coefficients at the chosen penalties.

        One row for each curve, rule and term. Columns: model, criterion, rule, lambda, term, coefficient, selected.
        """
        of_model = {path.model: path for path in self.paths}
        parts = []
        for curve in self.curves:
            path = of_model[curve.model]
            for rule, index in curve.rules().items():
                part = {"model": path.model, "criterion": curve.criterion, "rule": rule, "lambda": path.lambdas[index]}
                part |= {"term": path.terms, "coefficient": path.coefficients[index]}
                parts.append(pd.DataFrame(part).assign(selected=path.coefficients[index] != 0))
        return _stacked(parts)

    def checks(self) -> tuple[Check, ...]:
        """Of all paths and curves, failures first."""
        of_paths = (check for path in self.paths for check in path.checks())
        return (*self.failures, *of_paths, *(check for curve in self.curves for check in curve.checks()))


def fit_lasso(design: Design, spec: CumulativeSpec, *, seed: int) -> Lasso:
    """The paths that ``spec.lasso`` names, each cross-validated on the same folds.

    Parameters
    ----------
    design : Design
        Complete.
    spec : CumulativeSpec
        Its ``lasso``, ``folds``, and for the ordinal path family, link and thresholds.
    seed : int
        Of the folds. With clusters, or else groups, these are kept whole, and there are no more folds than of them.
        Without, single observations are dealt out, also those that share a row with a frequency weight, so that every
        fold has its part of every outcome level.

    Notes
    -----
    The gaussian path takes the outcome's levels as scores 1, 2, ..., as the paper did; an offset, being on the scale of
    the link, has no place in it.
    """
    paths: list[LassoPath] = []
    curves: list[CrossValidation] = []
    failures: list[Check] = []
    if spec.lasso == "none":
        return Lasso((), ())
    dealt, folds = deal_folds(design, spec.folds, seed)
    if spec.lasso in ("gaussian", "both"):
        path = gaussian_path(design.x, design.y + 1.0, terms=design.terms, weights=design.weights)
        paths.append(path)
        curves.append(gaussian_cross_validation(dealt.x, dealt.y + 1.0, folds, path, weights=dealt.weights))
        curves.append(generalised_cross_validation(path))
    if spec.lasso in ("ordinal", "both"):
        path = ordinal_path(design, family=spec.family, link=spec.link, thresholds=spec.thresholds)
        paths.append(path)
        try:
            curve = ordinal_cross_validation(
                dealt, folds, path, family=spec.family, link=spec.link, thresholds=spec.thresholds
            )
            curves.append(curve)
        except LostLevelError as error:
            failures.append(Check("lasso_cross_validation", None, None, "fail", str(error)))
    return Lasso(tuple(paths), tuple(curves), tuple(failures))


def deal_folds(design: Design, n_folds: int, seed: int) -> tuple[Design, np.ndarray]:
    """Rows and their folds; a row whose observations fall into several folds is split by weight.

    Returns
    -------
    dealt : Design
        The same observations.
    folds : ndarray of int, shape (dealt.n_obs,)
    """
    cluster = design.cluster if design.cluster is not None else design.group if design.group_name else None
    if cluster is not None:
        return design, make_folds(design.n_obs, min(n_folds, np.unique(cluster).size), seed, cluster=cluster)
    if np.any(design.weights != np.round(design.weights)):
        return design, make_folds(design.n_obs, min(n_folds, design.n_obs), seed, strata=design.y)
    observation = np.repeat(np.arange(design.n_obs), design.weights.astype(np.int64))
    fold = make_folds(observation.size, min(n_folds, observation.size), seed, strata=design.y[observation])
    pairs, counts = np.unique(observation * n_folds + fold, return_counts=True)
    return replace(design.take(pairs // n_folds), weights=counts.astype(float)), pairs % n_folds


def _named(curve: CrossValidation, frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(criterion=f"{curve.model}: {curve.criterion}")


def _stacked(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """One frame below the other; an empty frame where the spec asks for no Lasso."""
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
