"""Methods and references of a report: only of what was run."""

from __future__ import annotations

from collections.abc import Collection

from bayesgov.report.content import Equation, Paragraph, Section

_AUDIT = Section(
    "methods-audit",
    "Audit",
    (
        Paragraph(
            "A printed number stands for every value that rounds to it. Checks carry these rounding intervals through "
            "their "
            "formulas by interval arithmetic with outward rounding, so a flag means that no values within rounding "
            "agree; "
            "nothing is compared with a guessed tolerance. Counts and degrees of freedom are exact. A check whose "
            "input is "
            "missing, or whose identity does not apply, is not checkable, which is not a pass. The power of a check "
            "is the share "
            "of one-digit changes to its numbers that it would flag."
        ),
        Equation(
            r"x \in \left[\,\hat{x} - \frac{1}{2}\,10^{-d},\; \hat{x} + \frac{1}{2}\,10^{-d}\,\right]",
            "A number printed with d decimals stands for every value within half a unit of its last decimal.",
        ),
    ),
)

# How posteriors are drawn and when a fit passes: said by every report with a Markov chain.
SAMPLING = (
    "Posterior draws of fits with a Markov chain come from the No-U-Turn sampler. A fit passes if every "
    "rank-normalised R-hat is below 1.01, every bulk and tail effective sample size above 400, no transition diverges "
    "and E-BFMI exceeds 0.3; quantities that cannot be computed count as failures."
)
SAMPLING_REFERENCES = ("Betancourt2016", "Vehtari2021")
INTERVALS = "All intervals are 95% and equal-tailed unless named otherwise."

_SHARED = Section(
    "methods-diagnostics",
    "Diagnostics and decisions",
    (
        Paragraph(f"{SAMPLING} Prior sensitivity is measured by power-scaling the top-level priors. {INTERVALS}"),
        Paragraph(
            "A claim holds on the posterior where its probability, as one joint event over all its parts, is 0.95 or "
            "more; it does "
            "not hold at 0.05 or less; between the two it is undetermined. The frequentist decision is a p-value or a "
            "confidence limit against the level that the claim's rule names; a claim of direction is tested one-sided "
            "at 0.05 both ways, so that both schools answer the same question at the same odds, and an effect that is "
            "merely not shown leaves the claim undetermined. "
            "The two are never put into one column."
        ),
    ),
)

_BLOCKS = {
    "contingency": Section(
        "methods-contingency",
        "Contingency tables",
        (
            Paragraph(
                "Each item's table of options by outcome grade is fitted by a cumulative-logit model with cutpoints "
                "of its own and "
                "option effects that sum to zero. Frequentist: chi-square, G², Cramér's V with limits by noncentral "
                "chi-square "
                "inversion, Holm and Benjamini-Hochberg adjustment, maximum likelihood by Newton with Wald, "
                "likelihood-ratio and "
                "profile intervals, and the likelihood-ratio test of parallel lines. Bayesian: the same likelihood "
                "under "
                "each prior that the study's spec names on the effects, grouped by item, and a uniform "
                "Dirichlet prior on "
                "the grade probabilities that the cutpoints imply; beside it the model-free Dirichlet posterior of "
                "the cells and the "
                "Gunel-Dickey Bayes factor."
            ),
            Equation(
                r"\ell_w(\theta) = w \sum_{i} \sum_{o,k} n_{iok} \log P(y = k \mid o;\, c_i, \beta_i)",
                "The composite log-likelihood is the weight w times the sum over items, options and grades of counts "
                "times log "
                "probabilities.",
            ),
        ),
    ),
    "coefficients": Section(
        "methods-coefficients",
        "Coefficient table",
        (
            Paragraph(
                "Printed estimates with their standard errors are a normal-means problem. Frequentist: z, p-values "
                "with adjustment, "
                "universal soft thresholding and the positive-part James-Stein estimate. Bayesian: a regularised "
                "horseshoe whose "
                "global scale follows from the expected number of non-zero effects."
            ),
        ),
    ),
    "regions": Section(
        "methods-regions",
        "Table by region",
        (
            Paragraph(
                "Standard errors are |estimate / t|. Frequentist: each region alone, inverse-variance pooling, and "
                "random effects by "
                "restricted maximum likelihood with Knapp-Hartung intervals (also truncated at the plain standard "
                "error), Q, I², "
                "Q-profile limits of tau² and prediction intervals. Bayesian: a normal hierarchical model with region "
                "effects "
                "integrated out while sampling and redrawn exactly; the rounding of t is a latent parameter. Long-run "
                "effects: Fieller "
                "sets and delta-method intervals beside posterior medians."
            ),
        ),
    ),
}

_REFERENCES = {
    "": (*SAMPLING_REFERENCES, "Kallioinen2024", "Moore2009"),
    "contingency": (
        "Gunel1974",
        "Piironen2017",
        "McCullagh1980",
        "McKelvey1975",
        "Bergsma2013",
        "Smithson2003",
        "Varin2011",
        "Zhang2022",
    ),
    "coefficients": ("Donoho1995", "Efron1973", "Piironen2017"),
    "regions": ("Fieller1954", "Knapp2003", "Rover2020", "Viechtbauer2007", "Higgins2002", "Rover2021"),
}


_ROWS = Section(
    "methods-rows",
    "Ordinal regression on rows",
    (
        Paragraph(
            "Frequentist: chi-square screening with Cramér's V; variance inflation and condition indices; the Lasso by "
            "coordinate descent along glmnet's path of penalties, gaussian on the levels' scores and penalised ordinal "
            "likelihood, with folds that keep groups whole; maximum likelihood by Newton's method, random intercepts "
            "by adaptive Gauss-Hermite quadrature; tests of parallel lines by likelihood ratio, score and Brant's Wald "
            "test; average marginal effects with delta-method intervals. Missing predictors are imputed by chained "
            "equations with predictive mean matching where the specification says so, and estimates "
            "pooled by Rubin's rules."
        ),
        Paragraph(
            "Bayesian: the same likelihood, sampled in coordinates in which it is nearly standard normal whatever the "
            "prior's scales are; only coordinates change, not the posterior. Scores are Pareto-smoothed leave-one-out; "
            "variables are selected by projecting the posterior onto submodels that predict what the full model "
            "predicts; replicated data check the levels' shares."
        ),
    ),
)

_ROWS_REFERENCES = ("Barnard1999", "Brant1990", "Friedman2010", "Vehtari2017", "Weber2025")


def rows_methods() -> tuple[Section, ...]:
    """Methods of a fit to rows."""
    return (_ROWS, Section(_SHARED.key, _SHARED.title, _SHARED.blocks[:1]))


def rows_references() -> tuple[str, ...]:
    """References of a fit to rows: keys of the bibliography, by author."""
    shared = [entry for entry in _REFERENCES[""] if not entry.startswith("Moore")]
    ordinal = [entry for entry in _REFERENCES["contingency"] if entry.startswith(("McCullagh", "McKelvey", "Piironen"))]
    return tuple(sorted({*shared, *ordinal, *_ROWS_REFERENCES}))


def sections(blocks: Collection[str]) -> tuple[Section, ...]:
    """Methods of the audit, of every block that ran, and of the diagnostics."""
    return (_AUDIT, *(section for name, section in _BLOCKS.items() if name in blocks), _SHARED)


def references(blocks: Collection[str]) -> tuple[str, ...]:
    """References of what was run: keys of the bibliography, each once, by author."""
    return tuple(sorted({entry for name, entries in _REFERENCES.items() if name in ("", *blocks) for entry in entries}))
