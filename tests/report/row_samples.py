"""Made-up results of a fit to rows, in the shape that the figures take; long names and many terms on purpose."""

from __future__ import annotations

import numpy as np
import pandas as pd

_NAMES = (
    "Clarity of the policy framework",
    "Uniformity of regulations and standards",
    "Appraisal and incentives",
    "Leadership",
    "Fit of the organisation",
)
TERMS = [f"{_NAMES[i % 5]} ({i + 1})" if i % 3 == 0 else f"item{i + 1}" for i in range(14)]
SCHOOLS = ("frequentist", "bayesian")
LOG_LAMBDA = np.linspace(-7.0, -1.0, 40)


def paths() -> pd.DataFrame:
    """Soft-thresholded coefficients along a grid of penalties, for two models."""
    rng = np.random.default_rng(1)
    effect, entry = rng.normal(0, 0.3, len(TERMS)), rng.uniform(-5, -1, len(TERMS))
    reach = np.clip((entry[:, None] - LOG_LAMBDA) / 2, 0, 1)
    one = pd.DataFrame(
        {
            "term": np.repeat(TERMS, LOG_LAMBDA.size),
            "log_lambda": np.tile(LOG_LAMBDA, len(TERMS)),
            "coefficient": (effect[:, None] * reach).ravel(),
            "n_variables": np.tile((reach > 0).sum(axis=0), len(TERMS)),
        }
    )
    return pd.concat([one.assign(model="gaussian"), one.assign(model="cumulative logit")], ignore_index=True)


def path_choices() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "model": ["gaussian", "gaussian", "cumulative logit", "cumulative logit"],
            "rule": ["λ.min", "λ.1se", "λ.min", "λ.1se"],
            "log_lambda": [-5.2, -3.1, -5.0, -3.4],
        }
    )


def errors() -> pd.DataFrame:
    error = 1 + 0.02 * (LOG_LAMBDA + 5) ** 2
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "criterion": criterion,
                    "log_lambda": LOG_LAMBDA,
                    "error": error,
                    "lower": error - width,
                    "upper": error + width,
                    "n_variables": np.linspace(14, 0, LOG_LAMBDA.size).astype(int),
                }
            )
            for criterion, width in (("mean squared error, 10-fold cross-validation", 0.05), ("GCV", np.nan))
        ],
        ignore_index=True,
    )


def error_choices() -> pd.DataFrame:
    criterion = "mean squared error, 10-fold cross-validation"
    return pd.DataFrame(
        {"criterion": [criterion, criterion, "GCV"], "rule": ["λ.min", "λ.1se", "λ.min"], "log_lambda": [-5, -3.4, -5]}
    )


def selection() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Error by size, chosen sizes and order of entry."""
    size, rng = np.arange(15), np.random.default_rng(2)
    curves = pd.concat(
        [
            pd.DataFrame(
                {"procedure": name, "size": size, "estimate": y, "lower": y - 0.1, "upper": y + 0.1, "ylabel": words}
            )
            for name, y, words in (
                ("Lasso, cumulative logit", 1 + np.exp(-size / 3), "cross-validated deviance per row"),
                ("Projection of the posterior", -np.exp(-size / 3), "elpd less the reference model's"),
            )
        ],
        ignore_index=True,
    )
    chosen = pd.DataFrame(
        {
            "procedure": ["Lasso, cumulative logit"] * 2 + ["Projection of the posterior"],
            "rule": ["λ.min", "λ.1se", "suggested"],
            "size": [9, 6, 5],
        }
    )
    ranks = {"Lasso": rng.permutation(14) + 1, "projection": rng.permutation(14) + 1}
    return curves, chosen, pd.DataFrame({"term": TERMS, **ranks})


def probabilities(*, named: bool) -> pd.DataFrame:
    """Probabilities of three to six levels over a scale, or over two named values."""
    value = np.array(["cold", "warm"], dtype=object) if named else np.linspace(1, 3, 11)
    place = np.arange(2.0) if named else value.astype(float)
    parts = []
    for predictor in ("temperature",) if named else _NAMES[:3]:
        for level in range(3 if named else 6):
            y = 0.15 + 0.1 * level * named + 0.02 * level * (place - 2)
            parts.append(
                pd.DataFrame(
                    {
                        "predictor": predictor,
                        "value": value,
                        "level": f"level {level + 1}",
                        "estimate": y,
                        "lower": y - 0.02,
                        "upper": y + 0.02,
                    }
                )
            )
    return pd.concat(parts, ignore_index=True)


def shares() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "part": part,
                    "level": list("123456"),
                    "observed": rng.uniform(0.1, 0.2, 6),
                    "median": 0.15,
                    "lower": 0.12,
                    "upper": 0.18,
                }
            )
            for part in ("all rows", *(f"{_NAMES[0]}: {value}" for value in (1, 2, 3)))
        ],
        ignore_index=True,
    )


def flow() -> pd.DataFrame:
    reasons = ["rows in the data", "outcome missing", "village missing", f"{_NAMES[1]} missing"]
    return pd.DataFrame({"reason": reasons, "lost": [0, 1200, 30, 11890], "left": [23928, 22728, 22698, 10808]})


def held_out_tables() -> dict[str, pd.DataFrame]:
    """Two folds of fifty; the estimator is calibrated, the posterior's probabilities are half of the shares."""
    scores = pd.DataFrame(
        [
            {"approach": name, "fold": fold, "rows": rows, "log_score": -1.0, "rps": 0.3, "brier": 0.5}
            for name in (*SCHOOLS, "level shares")
            for fold, rows in (("1", 50.0), ("2", 50.0), ("all", 100.0))
        ]
    )
    differences = {
        "score": "log_score",
        "first": "bayesian",
        "second": "frequentist",
        "difference": 0.02,
        "std_error": 0.01,
        "lower": 0.0,
        "upper": 0.04,
        "better": "higher",
    }
    share = np.tile(np.linspace(0.2, 0.8, 4), 2)
    parts = [
        pd.DataFrame(
            {
                "approach": name,
                "level": np.repeat(["low", "a level with a long name"], 4),
                "bin": np.tile(np.arange(1, 5), 2),
                "rows": 25.0,
                "predicted": factor * share,
                "observed": share,
                "std_error": 0.04,
            }
        )
        for name, factor in zip(SCHOOLS, (1.0, 0.5), strict=True)
    ]
    pit = pd.DataFrame({"lower": np.arange(10) / 10, "upper": np.arange(1, 11) / 10})
    flat, steep = pit.assign(approach="frequentist", density=1.0), pit.assign(approach="bayesian", density=pit["upper"])
    return {
        "held_out_scores": scores,
        "held_out_differences": pd.DataFrame([differences]),
        "calibration": pd.concat(parts, ignore_index=True),
        "held_out_pit": pd.concat([flat, steep], ignore_index=True),
    }


def dial_tables() -> dict[str, pd.DataFrame]:
    """Two terms at three penalties; at the largest the Lasso has neither, and one interval leaves zero out."""
    penalties = np.array([0.1, 0.01, 0.001])
    base = pd.DataFrame({"lambda": penalties, "log_lambda": np.log(penalties), "scale": 0.01 / penalties})
    low = pd.DataFrame({"lasso": [0.0, 0.2, 0.4], "median": [0.1, 0.25, 0.4], "lower": [0.02, 0.1, 0.2], "upper": 0.6})
    path = pd.concat(
        [
            base.join(low).assign(term="age"),
            base.join(low.assign(lower=[-0.1, 0.1, 0.2])).assign(term="temp[warm]"),
        ],
        ignore_index=True,
    )
    amounts = ("mcfadden_median", "mcfadden_lower", "mcfadden_upper", "lasso_mcfadden", "effective_prior")
    table = base.assign(**dict.fromkeys(amounts, 0.1), effective_posterior=1.5, lasso_nonzero=[0, 2, 2])
    return {"dial": table, "dial_path": path}
