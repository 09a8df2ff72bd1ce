"""A made-up report that looks like a real one: every kind of content, every verdict, long labels, extreme intervals.

The numbers are drawn at random; only the shapes, labels and magnitudes resemble the two studies.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

REGIONS = ("Northeast", "North", "Northwest", "Southwest", "South", "Central", "East")
TERMS = (
    "Digital government construction level",
    "Digital government construction level, lagged",
    "Differentiation of public services, lagged",
    "Level of economic development (GDP per head)",
    "Level of economic development, lagged",
    "Industrial structure",
    "Industrial structure, lagged",
    "Constant",
)
ITEMS = (
    "Clarity of the policy framework",
    "Uniformity of regulations and standards",
    "Assessment and incentive orientation",
    "Leadership and political determination",
    "Organizational structure adaptability",
    "Sufficiency of resource guarantee",
    "Degree of platform integration",
    "Data quality and security",
    "Technical applicability",
    "Digital literacy of personnel",
    "Collaborative awareness and ability",
    "The effectiveness of the training system",
    "Degree of process optimization",
    "Service accessibility and inclusiveness",
    "Multi-participation mechanism",
    "Feedback and response mechanism",
)
OPTIONS = (
    "Legalization of cross-departmental responsibility boundaries",
    "The degree of unification between data standards and interface specifications",
    "The accuracy, timeliness and completeness of the data",
)
READINGS = ("standard error as printed", "implied by the interval", "implied by the Wald statistic")


def _interval(rng: np.random.Generator, scale: float) -> dict[str, float]:
    estimate, half = rng.normal(0, scale), scale * rng.uniform(0.3, 1.2)
    return {"estimate": estimate, "lower": estimate - half, "upper": estimate + half}


def pooling() -> pd.DataFrame:
    """Term × region × series; one interval is a hundred times wider than the rest."""
    rng = np.random.default_rng(1)
    rows = []
    for number, term in enumerate(TERMS):
        scale = 10.0 ** (number % 3 - 2)
        for region in REGIONS:
            for series in ("no pooling (95% confidence)", "partial pooling (95% credible)"):
                rows.append({"term": term, "label": region, "series": series, **_interval(rng, scale)})
        rows.append({"term": term, "label": "All regions", "series": "complete pooling (95% confidence)", **_interval(rng, scale / 3)})
        rows.append({"term": term, "label": "New region", "series": "predictive (95% credible)", **_interval(rng, scale * 2)})
    frame = pd.DataFrame(rows)
    frame.loc[3, ["lower", "upper"]] = [-4.0, np.inf]
    return frame


def published_against_shrunken() -> pd.DataFrame:
    """Fourteen rows under three readings of the standard error."""
    rng = np.random.default_rng(2)
    rows = []
    for item in ITEMS[:14]:
        published = rng.uniform(2, 6.5)
        for factor, reading in enumerate(READINGS, start=1):
            half = published * rng.uniform(0.7, 1.1) * (1.5 if factor == 2 else 1)
            rows.append(
                {
                    "label": item,
                    "reading": reading,
                    "published": published,
                    "published_lower": published - half,
                    "published_upper": published + half,
                    "shrunken": 0.6 * published,
                    "shrunken_lower": 0.6 * published - 0.6 * half,
                    "shrunken_upper": 0.6 * published + 0.6 * half,
                }
            )
    return pd.DataFrame(rows)


def outcome_profiles() -> pd.DataFrame:
    """Sixteen items × three options × three grades; one share is nearly nothing."""
    rng = np.random.default_rng(3)
    rows = []
    for number, item in enumerate(ITEMS, start=1):
        for option in OPTIONS:
            shares = rng.dirichlet([8, 8, 7]) if number > 1 else np.array([0.02, 0.08, 0.9])
            for grade, share in zip(("A (excellent)", "B (good)", "C (fair)"), shares, strict=True):
                rows.append({"item": f"({number}) {item}", "option": option, "grade": grade, "share": share})
    return pd.DataFrame(rows)


def item_intervals() -> pd.DataFrame:
    """Association of sixteen items, in dimensions, both schools."""
    rng = np.random.default_rng(4)
    rows = []
    for number, item in enumerate(ITEMS):
        for series in ("95% confidence interval", "95% credible interval"):
            value = rng.uniform(0.05, 0.25)
            group = ("Institution and policy", "Technology and data", "Process and service")[number // 6]
            rows.append(
                {"label": item, "group": group, "series": series, "estimate": value, "lower": value - 0.03, "upper": value + 0.03}
            )
    return pd.DataFrame(rows)


def verdict_counts() -> pd.DataFrame:
    """Audit verdicts by printed table, with zero and tiny counts."""
    return pd.DataFrame(
        [
            {"place": place, "verdict": verdict, "count": count}
            for place, counts in {
                "Table 1": (16, 48, 0, 0, 0),
                "Table 2": (91, 1, 1, 2, 1),
                "Table 3": (14, 14, 0, 14, 0),
                "Tables 5 and 6": (1, 6, 3, 0, 2),
                "Table 7": (31, 35, 8, 4, 6),
                "Text of section 3": (2, 5, 1, 1, 9),
            }.items()
            for verdict, count in zip(
                ("consistent", "inconsistent", "impossible", "undetermined", "not checkable"), counts, strict=True
            )
        ]
    )


def printed_and_recomputed() -> pd.DataFrame:
    """Sixteen printed chi-squared values with recomputed bounds over orders of magnitude."""
    rng = np.random.default_rng(5)
    printed = rng.uniform(55, 900, 16)
    recomputed = rng.uniform(30, 260, 16)
    low = recomputed - 0.5
    low[4] = np.nan
    high = recomputed + np.linspace(0.5, 40, 16)
    high[4] = np.nan
    verdict = np.where(np.isnan(low), "not checkable", np.where(printed > high, "inconsistent", "undetermined"))
    return pd.DataFrame({"label": list(ITEMS), "printed": printed, "low": low, "high": high, "verdict": verdict})


def dial() -> pd.DataFrame:
    """Two panels of an estimand against a power-scaling dial."""
    rows = []
    for panel in ("Between-region standard deviation", "Long-run effect, East"):
        for series, sign in (("prior scaled", 1), ("likelihood scaled", -1)):
            for alpha in (0.5, 0.71, 1.0, 1.41, 2.0):
                centre = 1 + 0.2 * sign * np.log2(alpha)
                rows.append(
                    {"panel": panel, "series": series, "dial": alpha, "estimate": centre, "lower": centre - 0.4, "upper": centre + 0.5}
                )
    return pd.DataFrame(rows)


def draws(seed: int) -> dict[str, np.ndarray]:
    """Draws of three parameters, one of them positive; another seed, another place."""
    rng = np.random.default_rng(seed)
    spread = 1.0 if seed == 0 else 0.2
    return {
        "effect[digital, Northeast]": rng.normal(0.5 * (seed > 0), spread, 1000),
        "between-region standard deviation": np.abs(rng.standard_t(3, 1000)) * spread,
        "long-run effect": rng.normal(0, spread, 1000),
        "lag coefficient": rng.normal(0, spread, 1000),
    }
