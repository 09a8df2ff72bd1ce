"""A made-up report that looks like a real one: every kind of content, every verdict, long labels, extreme intervals.

The numbers are drawn at random; only the shapes, labels and magnitudes resemble the two studies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bayesgov.fits import Check
from bayesgov.published.audit import AuditReport, AuditRow
from bayesgov.published.audit.finding import Explanation
from bayesgov.report.content import (
    Document,
    Equation,
    FitDiagnostics,
    Paragraph,
    ReportFigure,
    ReportTable,
    Section,
    StudyPart,
)
from bayesgov.report.densities import density_curves
from bayesgov.report.figures import (
    audit_overview,
    caterpillar,
    dot_interval,
    printed_recomputed,
    prior_posterior,
    profiles,
    sensitivity,
    shrinkage,
)
from bayesgov.verdicts import ClaimVerdict, Ruling

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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
        rows.append(
            {
                "term": term,
                "label": "All regions",
                "series": "complete pooling (95% confidence)",
                **_interval(rng, scale / 3),
            }
        )
        rows.append(
            {"term": term, "label": "New region", "series": "predictive (95% credible)", **_interval(rng, scale * 2)}
        )
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
                {
                    "label": item,
                    "group": group,
                    "series": series,
                    "estimate": value,
                    "lower": value - 0.03,
                    "upper": value + 0.03,
                }
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
                    {
                        "panel": panel,
                        "series": series,
                        "dial": alpha,
                        "estimate": centre,
                        "lower": centre - 0.4,
                        "upper": centre + 0.5,
                    }
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


def audit(study: str) -> AuditReport:
    """Every verdict, readings that resolve and that do not, missing bounds, an empty note."""
    tried = (
        Explanation("Yates correction", "118.2", False),
        Explanation("G² instead of χ²", "121.9", False),
        Explanation("one misprinted digit in 7/1/estimate (6.528 → 6.582)", "4.169", True),
    )
    rows = []
    for number, item in enumerate(ITEMS, start=1):
        verdict = "consistent" if number % 3 == 0 else "inconsistent"
        rows.append(
            AuditRow(
                f"chi2-{number}",
                (f"1/{number}.*/*", "Table 1"),
                "chi_squared_from_counts",
                "856.365",
                "119.57",
                119.5712,
                119.5713,
                verdict,
                tried[:2] if verdict == "inconsistent" else (),
                f"χ² of {item.lower()} from the printed counts.",
                0.97,
            )
        )
    special = (
        (
            "wald-1",
            "Table 7",
            "wald_statistic",
            "4.167",
            "4.100",
            (4.098, 4.101),
            "inconsistent",
            tried,
            "(b/SE)².",
            0.99,
        ),
        (
            "interval-2",
            "Table 7",
            "interval_order",
            "[8.398, 1.948]",
            "",
            None,
            "impossible",
            (),
            "Limits reversed.",
            1.0,
        ),
        ("psd", "Table 2", "semidefinite", "", "", (-0.42, -0.4), "impossible", (), "Smallest eigenvalue.", 0.12),
        ("vif-9", "Table 3", "vif_tolerance", "3.98", "6.62", (6.6, 6.645), "undetermined", (), "", None),
        ("p-5", "Table 5", "p_value", "", "", None, "not checkable", (), "5/null/chi2 is printed empty.", None),
    )
    for name, place, kind, reported, recomputed, bounds, verdict, readings, note, power in special:
        low, high = bounds or (None, None)
        rows.append(AuditRow(name, (place,), kind, reported, recomputed, low, high, verdict, readings, note, power))
    return AuditReport(study, tuple(rows))


def verdicts() -> tuple[ClaimVerdict, ...]:
    """Claims with every answer."""
    return (
        ClaimVerdict(
            "all-significant",
            "all of them are significant at the 0.05 level",
            "section 3.3.2 (3), before Table 7",
            "the 14 coefficients of Table 7",
            "every printed p-value is below 0.05",
            Ruling("does not hold", "6 of 14 printed values (table 7) are < 0.05"),
            Ruling("does not hold", "3 of 14 values of p_holm are < 0.05"),
            Ruling("undetermined", "Pr(all of 14 beta > 0) = 0.41; one by one from 0.87 to > 0.99", 0.41),
            "same ruling: 0.41 under horseshoe, 0.38 under R2D2, 0.44 under normal",
        ),
        ClaimVerdict(
            "independent",
            "there is no multicollinearity between the independent variables, and the subsequent analysis can be done",
            "section 3.3.1, before Table 3",
            "VIF implied by Table 2",
            "every VIF is below 10",
            Ruling("holds", "14 of 14 printed values (table 3) are < 10"),
            Ruling("undetermined", "the correlation matrix of Table 2 is not positive semidefinite"),
            Ruling("not checkable", "a model of the joint table needs rows; only margins are printed"),
            "no alternative fit applies",
        ),
        ClaimVerdict(
            "associated",
            "multi-participation <mechanism> & feedback have a significant impact",
            "section 3.1",
            "Cramér's V",
            "V above zero",
            Ruling("holds", "16 of 16 printed values (table 1) are < 0.05"),
            Ruling("holds", "16 of 16 values of p_holm are < 0.05"),
            Ruling("holds", "Pr(all of 16 V > 0.05) = > 0.99", 0.999),
            "same ruling: > 0.99 under together, 0.98 under apart",
        ),
    )


def diagnostics(study: str, *, failing: bool) -> tuple[FitDiagnostics, ...]:
    """Two posteriors and an estimator; on demand one of them fails."""
    good = (
        Check("rhat_max", 1.003, 1.01, "pass"),
        Check("ess_bulk_min", 1834.0, 400.0, "pass"),
        Check("ess_tail_min", 1120.0, 400.0, "pass"),
        Check("divergences", 0.0, 0.0, "pass"),
        Check("ebfmi_min", None, 0.3, "not applicable", "one parameter only"),
    )
    bad = (
        Check("rhat_max", 1.062, 1.01, "fail", "run longer or reparameterise"),
        Check("ess_bulk_min", 212.0, 400.0, "warn", "run longer"),
    )
    return (
        FitDiagnostics(study, f"{study}-horseshoe", "bayesian", good),
        FitDiagnostics(study, f"{study}-r2d2", "bayesian", bad if failing else good),
        FitDiagnostics(study, f"{study}-mle", "frequentist", (Check("gradient_norm", 2.1e-9, 1e-6, "pass"),)),
    )


def survey_part(*, failing: bool) -> StudyPart:
    """A survey study with every figure of its kind and every kind of block."""
    screening = pd.DataFrame(
        {
            "item": ITEMS,
            "chi2_printed": np.linspace(856.365, 55.659, 16),
            "chi2": np.linspace(119.57, 301.2, 16),
            "df": 4,
            "p_holm": np.geomspace(1e-12, 0.2, 16),
            "V": [np.nan, *np.linspace(0.05, 0.2, 15)],
            "ruling": ["holds", "undetermined"] * 8,
            "flagged": [True, False] * 8,
        }
    )
    blocks = (
        Paragraph("The 16 tables share their 3,654 respondents; the joint table is not printed."),
        Paragraph("Items enter as a composite likelihood (Varin, Reid & Firth 2011).", "assumption"),
        Paragraph("The power of the composite likelihood changes the width of every interval.", "warning"),
        _figure("survey-profiles", "Outcome grade by option", profiles(outcome_profiles()), outcome_profiles()),
        _figure(
            "survey-v", "Cramér's V by item", dot_interval(item_intervals(), xlabel="Cramér's V"), item_intervals()
        ),
        _figure(
            "survey-chi2",
            "Printed and recomputed χ²",
            printed_recomputed(printed_and_recomputed(), xlabel="χ² statistic"),
            printed_and_recomputed(),
        ),
        ReportTable(
            "survey-screening", "Screening of the 16 items", "χ² from the printed counts; Holm's adjustment.", screening
        ),
        ReportTable("survey-detail", "Everything", "Every number.", screening, folded=True),
        _figure(
            "survey-shrinkage",
            "Published against shrunken effects",
            shrinkage(published_against_shrunken(), xlabel="log odds ratio, 95% intervals"),
            published_against_shrunken(),
        ),
        _figure(
            "survey-prior", "Prior and posterior", prior_posterior(curves := density_curves(draws(0), draws(1))), curves
        ),
    )
    return StudyPart(
        key="survey",
        title="Survey: grassroots public service collaboration",
        citation="Wang & Fan (2026). Management Optimization Path of Grassroots Public Service. doi:10.65102/is2026532",
        source="published numbers: the printed tables; no rows",
        verdicts=verdicts(),
        audit=audit("survey"),
        sections=(Section("contingency", "Table 1: sixteen contingency tables", blocks),),
        diagnostics=diagnostics("survey", failing=failing),
    )


def panel_part(*, failing: bool) -> StudyPart:
    """A panel study without claims."""
    return StudyPart(
        key="panel",
        title="Panel: digital government in seven regions",
        citation="Zheng, T. Empirical Analysis of Big Data-Driven Precision Supply of Public Services.",
        source="published numbers: the printed tables; no rows",
        verdicts=(),
        audit=AuditReport("panel", ()),
        sections=(
            Section(
                "pooling",
                "Table 2: pooling over regions",
                (
                    _figure(
                        "panel-forest", "Effects by region", caterpillar(pooling(), xlabel="coefficient"), pooling()
                    ),
                    _figure(
                        "panel-dial",
                        "Sensitivity to the prior",
                        sensitivity(
                            dial(), xlabel="power α", ylabel="median, 95% credible interval", reference=1.0, log=True
                        ),
                        dial(),
                    ),
                    _figure("panel-audit", "Verdicts of the audit", audit_overview(verdict_counts()), verdict_counts()),
                ),
            ),
        ),
        diagnostics=diagnostics("panel", failing=False) if failing else (),
    )


def _figure(key: str, title: str, figure: Figure, data: pd.DataFrame) -> ReportFigure:
    return ReportFigure(
        key=key,
        title=title,
        caption="Printed counts of 3,654 respondents; cumulative logit; 95% equal-tailed credible intervals.",
        reading="Good: the intervals of both series overlap. Bad: they lie apart, or an arrow leaves the panel.",
        description="Rows are items; the largest value is 0.24 for “feedback” & the least 0.05.",
        figure=figure,
        data=data,
    )


def document(*, failing: bool = True) -> Document:
    """A whole report; ``failing`` adds a failed diagnostic and a crashed step."""
    methods = Section(
        "likelihood",
        "Cumulative logit",
        (
            Paragraph(
                "The likelihood of grouped counts, as in McCullagh (1980, doi:10.1111/j.2517-6161.1980.tb01109.x)."
            ),
            Equation(
                r"P(y \leq k) = \frac{1}{1 + e^{-(c_k - \eta)}}, \quad c_1 < c_2", "Logistic cumulative probabilities."
            ),
            Equation(
                r"\hat\theta_j \sim N(\theta_j, s_j^2), \quad \theta_j \sim N(\mu, \tau^2)", "Normal-normal hierarchy."
            ),
        ),
    )
    return Document(
        title="bayesgov: two governance papers reanalysed from their printed tables",
        lead="Do the printed numbers agree, and what do the two schools conclude from them?",
        parts=(survey_part(failing=failing), panel_part(failing=failing)),
        methods=(methods,),
        references=(
            "McCullagh (1980). Regression models for ordinal data. JRSS B 42. doi:10.1111/j.2517-6161.1980.tb01109.x",
            "Kallioinen et al. (2024). Detecting prior and likelihood sensitivity. https://doi.org/10.1007/s11222-023-10366-5.",
        ),
        provenance={
            "command": "bayesgov reanalyse",
            "seed": "20260101",
            "pymc": "6.3.0",
            "checksum of survey": "ab" * 32,
            "wall time": "81 s",
        },
        problems=("panel: impulse responses crashed (LinAlgError: singular matrix)",) if failing else (),
    )
