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

_SHARED = Section(
    "methods-diagnostics",
    "Diagnostics and decisions",
    (
        Paragraph(
            "Posterior draws of fits with a Markov chain come from the No-U-Turn sampler. A fit passes if every "
            "rank-normalised R-hat is below 1.01, every bulk and tail effective sample size above 400, no transition "
            "diverges and E-BFMI exceeds "
            "0.3; quantities "
            "that cannot be computed count as failures. Prior sensitivity is measured by power-scaling the top-level "
            "priors. All "
            "intervals are 95% and equal-tailed unless named otherwise."
        ),
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
    "": (
        "Betancourt, M. (2016). Diagnosing suboptimal cotangent disintegrations in Hamiltonian Monte Carlo. "
        "arXiv:1604.00695",
        "Kallioinen, N., Paananen, T., Bürkner, P.-C. & Vehtari, A. (2024). Detecting and diagnosing prior and "
        "likelihood "
        "sensitivity with power-scaling. Statistics and Computing 34, 57. https://doi.org/10.1007/s11222-023-10366-5",
        "Moore, R. E., Kearfott, R. B. & Cloud, M. J. (2009). Introduction to Interval Analysis. SIAM. "
        "https://doi.org/10.1137/1.9780898717716",
        "Vehtari, A., Gelman, A., Simpson, D., Carpenter, B. & Bürkner, P.-C. (2021). Rank-normalization, folding, and "
        "localization: an improved R-hat. Bayesian Analysis 16, 667-718. https://doi.org/10.1214/20-BA1221",
    ),
    "contingency": (
        "Gunel, E. & Dickey, J. (1974). Bayes factors for independence in contingency tables. Biometrika 61, 545-557. "
        "https://doi.org/10.1093/biomet/61.3.545",
        "Piironen, J. & Vehtari, A. (2017). Sparsity information and regularization in the horseshoe and other "
        "shrinkage priors. "
        "Electronic Journal of Statistics 11, 5018-5051. https://doi.org/10.1214/17-EJS1337SI",
        "McCullagh, P. (1980). Regression models for ordinal data. JRSS B 42, 109-142. "
        "https://doi.org/10.1111/j.2517-6161.1980.tb01109.x",
        "McKelvey, R. D. & Zavoina, W. (1975). A statistical model for the analysis of ordinal level dependent "
        "variables. Journal of Mathematical Sociology 4, 103-120. https://doi.org/10.1080/0022250X.1975.9989847",
        "Bergsma, W. (2013). A bias-correction for Cramér's V and Tschuprow's T. Journal of the Korean Statistical "
        "Society 42, 323-328. https://doi.org/10.1016/j.jkss.2012.10.002",
        "Smithson, M. (2003). Confidence Intervals. Sage. https://doi.org/10.4135/9781412983761",
        "Varin, C., Reid, N. & Firth, D. (2011). An overview of composite likelihood methods. Statistica Sinica 21, "
        "5-42.",
        "Zhang, Y. D., Naughton, B. P., Bondell, H. D. & Reich, B. J. (2022). Bayesian regression using a prior on "
        "the model fit: "
        "the R2-D2 shrinkage prior. JASA 117, 862-874. https://doi.org/10.1080/01621459.2020.1825449",
    ),
    "coefficients": (
        "Donoho, D. L. (1995). De-noising by soft-thresholding. IEEE Transactions on Information Theory 41, 613-627. "
        "https://doi.org/10.1109/18.382009",
        "Efron, B. & Morris, C. (1973). Stein's estimation rule and its competitors: an empirical Bayes approach. JASA "
        "68, 117-130. https://doi.org/10.1080/01621459.1973.10481350",
        "Piironen, J. & Vehtari, A. (2017). Sparsity information and regularization in the horseshoe and other "
        "shrinkage priors. "
        "Electronic Journal of Statistics 11, 5018-5051. https://doi.org/10.1214/17-EJS1337SI",
    ),
    "regions": (
        "Fieller, E. C. (1954). Some problems in interval estimation. JRSS B 16, 175-185. "
        "https://doi.org/10.1111/j.2517-6161.1954.tb00159.x",
        "Knapp, G. & Hartung, J. (2003). Improved tests for a random effects meta-regression with a single covariate. "
        "Statistics in "
        "Medicine 22, 2693-2710. https://doi.org/10.1002/sim.1482",
        "Röver, C. (2020). Bayesian random-effects meta-analysis using the bayesmeta R package. Journal of "
        "Statistical Software 93(6). "
        "https://doi.org/10.18637/jss.v093.i06",
        "Viechtbauer, W. (2007). Confidence intervals for the amount of heterogeneity in meta-analysis. Statistics in "
        "Medicine 26, "
        "37-52. https://doi.org/10.1002/sim.2514",
        "Higgins, J. P. T. & Thompson, S. G. (2002). Quantifying heterogeneity in a meta-analysis. Statistics in "
        "Medicine 21, 1539-1558. https://doi.org/10.1002/sim.1186",
        "Röver, C., Bender, R., Dias, S., Schmid, C. H., Schmidli, H., Sturtz, S., Weber, S. & Friede, T. (2021). On "
        "weakly informative prior distributions for the heterogeneity parameter in Bayesian random-effects "
        "meta-analysis. Research Synthesis Methods 12, 448-474. https://doi.org/10.1002/jrsm.1475",
    ),
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

_ROWS_REFERENCES = (
    "Barnard, J. & Rubin, D. B. (1999). Small-sample degrees of freedom with multiple imputation. Biometrika 86, "
    "948-955. https://doi.org/10.1093/biomet/86.4.948",
    "Brant, R. (1990). Assessing proportionality in the proportional odds model for ordinal logistic regression. "
    "Biometrics 46, 1171-1178. https://doi.org/10.2307/2532457",
    "Friedman, J., Hastie, T. & Tibshirani, R. (2010). Regularization paths for generalized linear models via "
    "coordinate descent. Journal of Statistical Software 33(1). https://doi.org/10.18637/jss.v033.i01",
    "Vehtari, A., Gelman, A. & Gabry, J. (2017). Practical Bayesian model evaluation using leave-one-out "
    "cross-validation and WAIC. Statistics and Computing 27, 1413-1432. https://doi.org/10.1007/s11222-016-9696-4",
    "Weber, F., Glass, Ä. & Vehtari, A. (2025). Projection predictive variable selection for discrete response "
    "families with finite support. Computational Statistics 40, 701-721. https://doi.org/10.1007/s00180-024-01506-0",
)


def rows_methods() -> tuple[Section, ...]:
    """Methods of a fit to rows."""
    return (_ROWS, Section(_SHARED.key, _SHARED.title, _SHARED.blocks[:1]))


def rows_references() -> tuple[str, ...]:
    """References of a fit to rows, by author."""
    shared = [entry for entry in _REFERENCES[""] if not entry.startswith("Moore")]
    ordinal = [entry for entry in _REFERENCES["contingency"] if entry.startswith(("McCullagh", "McKelvey", "Piironen"))]
    return tuple(sorted({*shared, *ordinal, *_ROWS_REFERENCES}))


def sections(blocks: Collection[str]) -> tuple[Section, ...]:
    """Methods of the audit, of every block that ran, and of the diagnostics."""
    return (_AUDIT, *(section for name, section in _BLOCKS.items() if name in blocks), _SHARED)


def references(blocks: Collection[str]) -> tuple[str, ...]:
    """References of what was run, each once, by author."""
    return tuple(sorted({entry for name, entries in _REFERENCES.items() if name in ("", *blocks) for entry in entries}))
