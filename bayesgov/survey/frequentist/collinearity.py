"""Collinearity of the predictors of a Design: VIF, generalised VIF, condition indices, exact dependence by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import linalg

from bayesgov.fits import Check

_RANK_TOLERANCE = 1e-10  # of a unit-variance column: what its regression on the others leaves
_VIF_MAX = 10.0
_CONDITION_MAX = 30.0
_PORTION_MIN = 0.5
_COEFFICIENT_SHOWN = 1e-7


@dataclass(frozen=True, slots=True)
class Collinearity:
    """How far the predictors repeat one another.

    Attributes
    ----------
    terms : tuple of str, length n_terms
    vif : ndarray, shape (n_terms,)
        1 / (1 - R²_j) of each column on all others and the intercept; infinite in an exact dependence, NaN for a
        constant.
    factors : tuple of str
    gvif : ndarray, shape (n_factors,)
        Generalised VIF of all columns of a factor.
    gvif_df : ndarray of int, shape (n_factors,)
    condition_index : ndarray, shape (n_terms + 1,)
        Largest singular value over each, of the columns (intercept first) scaled to length one and not centred.
    portions : ndarray, shape (n_terms + 1, n_terms + 1)
        Share of the variance of each coefficient (column; intercept first) that goes with each index (row).
    dependences : tuple of str
        Exact linear relations in words; empty where there is none.
    """

    terms: tuple[str, ...]
    vif: np.ndarray
    factors: tuple[str, ...]
    gvif: np.ndarray
    gvif_df: np.ndarray
    condition_index: np.ndarray
    portions: np.ndarray
    dependences: tuple[str, ...]

    @property
    def tolerance(self) -> np.ndarray:
        """1 / VIF, shape (n_terms,)."""
        return 1 / self.vif

    def by_term(self) -> pd.DataFrame:
        """One row a column: term, vif, tolerance."""
        return pd.DataFrame({"term": self.terms, "vif": self.vif, "tolerance": self.tolerance})

    def by_factor(self) -> pd.DataFrame:
        """One row a term of the formula: factor, gvif, df, scaled_gvif.

        ``scaled_gvif`` is GVIF^(1 / (2 df)), comparable between factors; its square compares with a VIF.
        """
        scaled = self.gvif ** (1 / (2 * self.gvif_df))
        return pd.DataFrame({"factor": self.factors, "gvif": self.gvif, "df": self.gvif_df, "scaled_gvif": scaled})

    def by_condition(self) -> pd.DataFrame:
        """One row a condition index: condition_index, then the variance portion of the intercept and of each term."""
        portions = pd.DataFrame(self.portions, columns=["(Intercept)", *self.terms])
        portions.insert(0, "condition_index", self.condition_index)
        return portions

    def checks(self) -> tuple[Check, ...]:
        """Exact dependence, VIF above 10, and Belsley's rule: index above 30 with two or more portions above 0.5."""
        finite = self.vif[np.isfinite(self.vif)]
        high = [term for term, value in zip(self.terms, self.vif, strict=True) if value > _VIF_MAX]
        share = (self.portions > _PORTION_MIN) & (self.condition_index > _CONDITION_MAX)[:, None]
        names = np.array(["(Intercept)", *self.terms], dtype=object)
        entangled = [" with ".join(names[row]) for row in share if row.sum() > 1]
        return (
            Check(
                "exact_collinearity",
                len(self.dependences),
                0,
                "fail" if self.dependences else "pass",
                f"{'; '.join(self.dependences)}: drop one of them" if self.dependences else "",
            ),
            Check(
                "vif_max",
                float(finite.max()) if finite.size else None,
                _VIF_MAX,
                "warn" if high else "pass",
                f"{', '.join(high)}: mostly explained by the other predictors, so standard errors are wide"
                if high
                else "",
            ),
            Check(
                "condition_index_max",
                float(self.condition_index.max()),
                _CONDITION_MAX,
                "warn" if entangled else "pass",
                f"near dependence of {'; '.join(entangled)}" if entangled else "",
            ),
        )


def collinearity(
    x: np.ndarray, terms: Sequence[str], factors: Sequence[str] = (), weights: np.ndarray | None = None
) -> Collinearity:
    """Collinearity diagnostics of the columns of a Design.

    Parameters
    ----------
    x : ndarray, shape (n_obs, n_terms)
        Without an intercept, which is taken as present.
    terms : sequence of str, length n_terms
    factors : sequence of str, length n_terms
        The factor of each column; default each its own.
    weights : ndarray, shape (n_obs,), optional
        Frequency weights.

    Notes
    -----
    GVIF_f = det R_ff det R_rest / det R with R the correlation matrix (Fox & Monette 1992,
    doi:10.1080/01621459.1992.10475190). Condition indices and variance-decomposition portions are those of
    Belsley, Kuh & Welsch (1980, doi:10.1002/0471725153, ch. 3).

    Raises
    ------
    ValueError
        If values are missing or shapes differ.
    """
    share = _shares(x, len(terms), weights)
    centred = x - share @ x
    deviation = np.sqrt(share @ centred**2)
    varies = deviation > 1e-14 * np.abs(x).max(axis=0, initial=0.0)
    # the triangular factor has the inner products of the columns, here their correlations, in few rows
    root = linalg.qr(np.sqrt(share)[:, None] * centred[:, varies] / deviation[varies], mode="r")[0][: varies.sum()]
    kept, relations = _dependences(root)
    names = np.array(list(terms), dtype=object)
    owner = np.array(list(factors) or list(terms), dtype=object)
    involved = np.zeros(int(varies.sum()), dtype=bool)
    for column, parts in relations.items():
        involved[[column, *parts]] = True
    vif = np.full(len(terms), np.nan)
    vif[varies] = _vif(root, kept, involved)
    unique = tuple(dict.fromkeys(owner))
    gvif = np.array([_gvif(root, kept, involved, owner[varies] == factor) for factor in unique])
    index, portions = _condition(np.column_stack([np.ones(share.size), x]) * np.sqrt(share)[:, None])
    return Collinearity(
        terms=tuple(terms),
        vif=vif,
        factors=unique,
        gvif=gvif,
        gvif_df=np.array([np.count_nonzero(owner == factor) for factor in unique]),
        condition_index=index,
        portions=portions,
        dependences=(
            *(f"{name} does not vary" for name in names[~varies]),
            *_sentences(names[varies], relations),
        ),
    )


def _shares(x: np.ndarray, n_terms: int, weights: np.ndarray | None) -> np.ndarray:
    """Weights that sum to one, after checking all that the diagnostics need."""
    weight = np.ones(x.shape[0]) if weights is None else np.asarray(weights, dtype=float)
    if x.shape != (weight.size, n_terms) or not n_terms:
        raise ValueError(f"x must be rows by terms, {(weight.size, n_terms)}, at least one term; got {x.shape}")
    if not np.isfinite(x).all():
        raise ValueError("collinearity needs complete rows: drop or impute missing values first")
    return np.asarray(weight / weight.sum())


def _dependences(root: np.ndarray) -> tuple[np.ndarray, dict[int, np.ndarray]]:
    """Columns that are independent, and for each of the others the independent ones that it is made of.

    In the order of the model, so that of two columns that repeat one another the later is the dependent one, as in R.
    """
    kept: list[int] = []
    relations = {}
    for column in range(root.shape[1]):
        weight = np.linalg.lstsq(root[:, kept], root[:, column], rcond=None)[0]
        left = root[:, column] - root[:, kept] @ weight
        if np.linalg.norm(left) > _RANK_TOLERANCE:
            kept.append(column)
        else:
            relations[column] = np.array(kept)[np.abs(weight) > _COEFFICIENT_SHOWN]
    return np.array(kept, dtype=int), relations


def _vif(root: np.ndarray, kept: np.ndarray, involved: np.ndarray) -> np.ndarray:
    """Diagonal of the inverse correlation matrix of the independent columns; infinite for the dependent."""
    result = np.full(root.shape[1], np.inf)
    result[kept] = np.diag(np.linalg.inv(root[:, kept].T @ root[:, kept]))
    result[involved] = np.inf
    return result


def _gvif(root: np.ndarray, kept: np.ndarray, involved: np.ndarray, member: np.ndarray) -> float:
    """det R_ff det R_rest / det R; infinite if a dependence reaches the factor, NaN if none of its columns varies."""
    if not member.any():
        return np.nan
    if (member & involved).any():
        return np.inf
    correlation = root[:, kept].T @ root[:, kept]
    mine = member[kept]
    parts = (correlation[np.ix_(mine, mine)], correlation[np.ix_(~mine, ~mine)], correlation)
    own, rest, whole = (np.linalg.slogdet(part).logabsdet for part in parts)
    return float(np.exp(own + rest - whole))


def _condition(columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Condition indices, ascending, and variance portions (index, coefficient) of columns scaled to length one."""
    length = np.sqrt(np.sum(columns**2, axis=0))
    _, singular, right = np.linalg.svd(columns / np.where(length > 0, length, 1.0), full_matrices=False)
    floor = np.finfo(float).eps * singular[0]
    singular = np.maximum(singular, floor)  # an exact dependence shows as an index near 1 / epsilon
    phi = (right / singular[:, None]) ** 2
    return singular[0] / singular, phi / phi.sum(axis=0)


def _sentences(names: np.ndarray, relations: dict[int, np.ndarray]) -> tuple[str, ...]:
    return tuple(
        f"{names[column]} is an exact combination of {', '.join(names[parts])}" for column, parts in relations.items()
    )
