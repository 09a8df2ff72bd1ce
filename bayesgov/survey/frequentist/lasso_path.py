"""What every Lasso has in common: the sequence of penalties, the path, its cross-validation and the rules of choice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayesgov.fits import Check

KKT_MAX = 1e-7
N_LAMBDA = 100
EARLIEST_STOP = 5  # a path is never stopped at fewer penalties (glmnet's mnlam)
_DEV_RATIO_MAX = 0.999  # glmnet's devmax
_DEV_RATIO_STEP = 1e-5  # glmnet's fdev


@dataclass(frozen=True, slots=True)
class LassoPath:
    """Coefficients along a decreasing sequence of penalties.

    Attributes
    ----------
    model : str
        "gaussian", "cumulative logit", ...
    terms : tuple of str, length n_terms
    intercept_names : tuple of str
        ``("(Intercept)",)``, or the names of the thresholds.
    lambdas : ndarray, shape (n_lambda,)
        Penalties, decreasing, of coefficients of predictors scaled to standard deviation one.
    coefficients : ndarray, shape (n_lambda, n_terms)
        In the predictors' own units.
    intercepts : ndarray, shape (n_lambda, n_intercepts)
        Never penalised.
    dev_ratio : ndarray, shape (n_lambda,)
        Share of the null deviance that the model explains.
    null_deviance : float
        Deviance with intercept or thresholds (and offset) alone.
    deviation : ndarray, shape (n_terms,)
        Standard deviation of each predictor (divisor: the number of observations); 0 for one that does not vary,
        whose coefficient is 0.
    kkt : ndarray, shape (n_lambda,)
        Largest violation of the conditions of optimality, in units of lambda.
    n_obs : float
        Number of observations: the sum of the weights.
    """

    model: str
    terms: tuple[str, ...]
    intercept_names: tuple[str, ...]
    lambdas: np.ndarray
    coefficients: np.ndarray
    intercepts: np.ndarray
    dev_ratio: np.ndarray
    null_deviance: float
    deviation: np.ndarray
    kkt: np.ndarray
    n_obs: float

    @property
    def df(self) -> np.ndarray:
        """Number of non-zero coefficients at each penalty, shape (n_lambda,)."""
        return np.asarray(np.count_nonzero(self.coefficients, axis=1))

    def selected(self, index: int) -> tuple[str, ...]:
        """Terms with a non-zero coefficient at one penalty."""
        return tuple(term for term, b in zip(self.terms, self.coefficients[index], strict=True) if b != 0)

    def at(self, lambdas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Coefficients and intercepts at other penalties by linear interpolation in lambda (glmnet's ``predict``).

        Returns
        -------
        coefficients : ndarray, shape (n, n_terms)
        intercepts : ndarray, shape (n, n_intercepts)
            Beyond either end of the path its last values.
        """
        both = np.hstack([self.coefficients, self.intercepts])
        ascending = self.lambdas[::-1]
        values = np.column_stack([np.interp(lambdas, ascending, column[::-1]) for column in both.T])
        return values[:, : len(self.terms)], values[:, len(self.terms) :]

    def to_frame(self) -> pd.DataFrame:
        """One row for each penalty and term.

        Columns: model, term, lambda, log_lambda, coefficient, standardised (the coefficient times its predictor's
        standard deviation), n_variables, dev_ratio.
        """
        n_lambda, n_terms = self.coefficients.shape
        return pd.DataFrame(
            {
                "model": self.model,
                "term": np.tile(self.terms, n_lambda),
                "lambda": np.repeat(self.lambdas, n_terms),
                "log_lambda": np.repeat(_log(self.lambdas), n_terms),
                "coefficient": self.coefficients.ravel(),
                "standardised": (self.coefficients * self.deviation).ravel(),
                "n_variables": np.repeat(self.df, n_terms),
                "dev_ratio": np.repeat(self.dev_ratio, n_terms),
            }
        )

    def entry(self) -> pd.DataFrame:
        """When each term enters: term, rank (1 first, ties share the smaller), lambda (NaN for one that never does)."""
        present = self.coefficients != 0
        first = np.where(present.any(axis=0), self.lambdas[present.argmax(axis=0)], np.nan)
        rank = pd.Series(first).rank(ascending=False, method="min", na_option="bottom").astype(int)
        return pd.DataFrame({"term": self.terms, "rank": rank.to_numpy(), "lambda": first})

    def checks(self) -> tuple[Check, ...]:
        """Whether the path is optimal, and which predictors could not take part."""
        worst = float(self.kkt.max())
        met = worst <= KKT_MAX
        advice = "" if met else f"the {self.model} path is not optimal: rescale or drop nearly identical predictors"
        constant = [term for term, deviation in zip(self.terms, self.deviation, strict=True) if deviation == 0]
        left_out = f"{', '.join(constant)}: no variation, so the Lasso leaves it out" if constant else ""
        return (
            Check("lasso_kkt", worst, KKT_MAX, "pass" if met else "fail", advice),
            Check("lasso_constant_predictors", len(constant), 0, "warn" if constant else "pass", left_out),
        )


@dataclass(frozen=True, slots=True)
class CrossValidation:
    """Prediction error along a path and the penalties that it chooses.

    Attributes
    ----------
    model, criterion : str
        Such as "gaussian" and "10-fold mean squared error".
    lambdas : ndarray, shape (n_lambda,)
    mean : ndarray, shape (n_lambda,)
    se : ndarray, shape (n_lambda,)
        Standard error over folds; NaN for generalised cross-validation, which has none.
    n_variables : ndarray of int, shape (n_lambda,)
    min_index : int
        Position of the penalty of least error (the larger one of a tie): lambda.min.
    one_se_index : int or None
        Position of the largest penalty whose error is within one standard error of the least: lambda.1se.
    """

    model: str
    criterion: str
    lambdas: np.ndarray
    mean: np.ndarray
    se: np.ndarray
    n_variables: np.ndarray
    min_index: int
    one_se_index: int | None

    @property
    def lambda_min(self) -> float:
        return float(self.lambdas[self.min_index])

    @property
    def lambda_1se(self) -> float | None:
        return None if self.one_se_index is None else float(self.lambdas[self.one_se_index])

    def rules(self) -> dict[str, int]:
        """Positions of the chosen penalties by the names of their rules."""
        both = {"λ.min": self.min_index, "λ.1se": self.one_se_index}
        return {rule: index for rule, index in both.items() if index is not None}

    def to_frame(self) -> pd.DataFrame:
        """One row a penalty: model, criterion, lambda, log_lambda, error, std_error, lower, upper, n_variables.

        ``lower`` and ``upper`` are one standard error away, as in glmnet's figure.
        """
        return pd.DataFrame(
            {
                "model": self.model,
                "criterion": self.criterion,
                "lambda": self.lambdas,
                "log_lambda": _log(self.lambdas),
                "error": self.mean,
                "std_error": self.se,
                "lower": self.mean - self.se,
                "upper": self.mean + self.se,
                "n_variables": self.n_variables,
            }
        )

    def chosen(self) -> pd.DataFrame:
        """The chosen penalties: model, criterion, rule ("λ.min", "λ.1se"), lambda, log_lambda, error, n_variables."""
        rules = self.rules()
        table = self.to_frame().iloc[list(rules.values())].reset_index(drop=True)
        table.insert(2, "rule", list(rules))
        return table.drop(columns=["std_error", "lower", "upper"])

    def by_size(self) -> pd.DataFrame:
        """The least error with each number of variables: size, estimate, lower, upper, lambda."""
        table = self.to_frame()
        least = table.loc[table.groupby("n_variables")["error"].idxmin()]
        named = least.rename(columns={"n_variables": "size", "error": "estimate"})
        return named[["size", "estimate", "lower", "upper", "lambda"]].reset_index(drop=True)

    def checks(self) -> tuple[Check, ...]:
        """Whether the least error lies inside the path: at its end a smaller penalty might be better still."""
        last = self.min_index == self.lambdas.size - 1
        advice = "the least error is at the smallest penalty: the data ask for no shrinkage, or for a longer path"
        return (
            Check(
                f"lasso_minimum_inside ({self.model}: {self.criterion})",
                float(self.min_index),
                float(self.lambdas.size - 1),
                "warn" if last else "pass",
                advice if last else "",
            ),
        )


def penalty_sequence(largest: float, n_lambda: int, ratio: float) -> np.ndarray:
    """Penalties from ``largest`` to ``ratio`` times it, equally spaced in log lambda, shape (n_lambda,)."""
    return np.asarray(largest * ratio ** (np.arange(n_lambda) / max(1, n_lambda - 1)))


def smallest_ratio(n_rows: int, n_terms: int) -> float:
    """glmnet's lambda.min.ratio: 0.0001 with at least as many rows as predictors, else 0.01."""
    return 0.01 if n_rows < n_terms else 1e-4


def path_ends(dev_ratio: list[float], *, relative: bool) -> bool:
    """glmnet's rules for ending a path early: deviance explained, or no longer growing.

    Parameters
    ----------
    dev_ratio : list of float
        So far.
    relative : bool
        Whether growth is measured against the share explained (gaussian) or as it stands (every other family).
    """
    if len(dev_ratio) < EARLIEST_STOP:
        return False
    former, latest = dev_ratio[-2:]
    return latest > _DEV_RATIO_MAX or latest - former < _DEV_RATIO_STEP * (latest if relative else 1.0)


def given_penalties(lambdas: np.ndarray) -> np.ndarray:
    """A user's penalties in decreasing order; ValueError unless all are finite and not negative."""
    values = np.sort(np.asarray(lambdas, dtype=float))[::-1]
    if not values.size or not np.all(np.isfinite(values)) or values[-1] < 0:
        raise ValueError("lambdas must be finite and not negative, at least one; leave them out for the default path")
    return values


def cross_validation(
    errors: np.ndarray,
    weights: np.ndarray,
    folds: np.ndarray,
    path: LassoPath,
    *,
    criterion: str,
) -> CrossValidation:
    """Average held-out errors over folds as cv.glmnet does.

    Parameters
    ----------
    errors : ndarray, shape (n_obs, n_lambda)
        Error of each row when its fold is left out.
    weights : ndarray, shape (n_obs,)
    folds : ndarray of int, shape (n_obs,)
    path : LassoPath
        Fitted to all rows; its first ``n_lambda`` penalties are the ones of ``errors``.
    criterion : str
        Name of the error.

    Notes
    -----
    Errors are averaged within a fold by weight, then over folds by their weight W_f;
    se² = sum_f W_f (e_f - mean)² / sum_f W_f / (F - 1). With fewer than 3 rows a fold every row counts as its own.
    """
    codes = np.unique(folds, return_inverse=True)[1]
    n_folds = int(codes.max()) + 1
    grouped = folds.size / n_folds >= 3
    by_fold, total = (
        (_fold_means(errors, weights, codes, n_folds), np.bincount(codes, weights)) if grouped else (errors, weights)
    )
    mean = np.average(by_fold, axis=0, weights=total)
    se = np.sqrt(np.average((by_fold - mean) ** 2, axis=0, weights=total) / (by_fold.shape[0] - 1))
    best = int(np.argmin(mean))
    return CrossValidation(
        model=path.model,
        criterion=f"{n_folds}-fold {criterion}",
        lambdas=path.lambdas,
        mean=mean,
        se=se,
        n_variables=path.df,
        min_index=best,
        one_se_index=int(np.argmax(mean <= mean[best] + se[best])),
    )


def make_folds(
    n_rows: int, n_folds: int, seed: int, *, cluster: np.ndarray | None = None, strata: np.ndarray | None = None
) -> np.ndarray:
    """Fold of every row, 0 to n_folds - 1, at random in parts of equal size, shape (n_rows,).

    Parameters
    ----------
    n_rows, n_folds : int
    seed : int
    cluster : ndarray of int, shape (n_rows,), optional
        Rows of one cluster stay in one fold, so that the error is that of predicting a new cluster.
    strata : ndarray of int, shape (n_rows,), optional
        Instead of clusters: rows of one stratum, such as an outcome level, are spread evenly over the folds.

    Raises
    ------
    ValueError
        If there are fewer rows, or clusters, than folds, or both clusters and strata.
    """
    if cluster is not None and strata is not None:
        raise ValueError("folds keep clusters whole or strata spread, not both: leave one of them out")
    unit = np.arange(n_rows) if cluster is None else np.unique(cluster, return_inverse=True)[1]
    n_units = int(unit.max()) + 1
    if not 2 <= n_folds <= n_units:
        what = "rows" if cluster is None else "clusters"
        raise ValueError(f"folds must be between 2 and the number of {what}, {n_units}; got {n_folds}")
    order = np.random.default_rng(seed).permutation(n_units)
    if strata is not None:
        order = order[np.argsort(strata[order], kind="stable")]
    fold = np.empty(n_units, dtype=np.int64)
    fold[order] = np.arange(n_units) % n_folds
    return fold[unit]


def _log(lambdas: np.ndarray) -> np.ndarray:
    """log lambda; minus infinity for the zero that a user may ask for."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(lambdas))


def _fold_means(errors: np.ndarray, weights: np.ndarray, codes: np.ndarray, n_folds: int) -> np.ndarray:
    """Weighted mean error of each fold, shape (n_folds, n_lambda)."""
    return np.stack(
        [np.average(errors[codes == fold], axis=0, weights=weights[codes == fold]) for fold in range(n_folds)]
    )
