"""Both approaches on one printed table of regional estimates: the entry point of this part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import xarray as xr

from bayesgov import sampling
from bayesgov.fits import Check, EstimatorFit, Fit, estimator_tree
from bayesgov.published.regions import bayesian, tables
from bayesgov.published.regions.design import RegionTable, read_region_table
from bayesgov.published.regions.frequentist import CommonEffect, RandomEffects
from bayesgov.published.regions.reading import READING_NAMES, Reading, analyse_reading
from bayesgov.sampling import SamplingOptions
from bayesgov.spec import RegionsSpec
from bayesgov.study import Study

TAU_SCALE_FACTORS = (0.5, 2.0)


@dataclass(frozen=True, slots=True, eq=False)
class RegionsReanalysis:
    """What the reanalysis of a terms-by-regions table returns.

    Attributes
    ----------
    fits : tuple of Fit
        For each reading of the signs: no pooling, complete pooling, random effects, and the hierarchical posterior;
        then the first reading's refits with known standard errors and with other heterogeneity scales.
    tables : dict of str to pandas.DataFrame
        Tidy; the functions of :mod:`bayesgov.published.regions.tables` document the columns.
    assumptions : tuple of str
        What had to be assumed because the paper does not print it, in plain sentences.
    """

    fits: tuple[Fit, ...]
    tables: dict[str, pd.DataFrame]
    assumptions: tuple[str, ...]


def reanalyse(
    study: Study, spec: RegionsSpec, options: SamplingOptions, progress: Callable[[str], None]
) -> RegionsReanalysis:
    """Reanalyse a printed terms-by-regions table under both approaches.

    Parameters
    ----------
    study : Study
    spec : RegionsSpec
    options : SamplingOptions
        The same for every fit; readings and sensitivity refits share the seed.
    progress : callable
        Called with one line before each step.

    Raises
    ------
    InputError
        If the table cannot be used (see :func:`bayesgov.published.regions.design.read_region_table`).
    """
    printed = read_region_table(study, spec)
    readings_wanted = spec.sign_readings if printed.sign_conflict.any() else spec.sign_readings[:1]
    progress("regions: compiling the hierarchical model")
    first = printed.read_signs(readings_wanted[0])
    inputs = bayesian.model_inputs(first, spec.mean_prior_scale, spec.heterogeneity_prior_scale)
    compiled = sampling.compile_model(bayesian.build_model(first, inputs))
    readings = []
    for name in readings_wanted:
        progress(f"regions: meta-analysis and posterior, signs from the {READING_NAMES[name]}")
        table = printed.read_signs(name)
        posterior = bayesian.fit(
            compiled, replace(inputs, printed=table.estimate), options, label=f"regions-hierarchical-{name}"
        )
        readings.append(analyse_reading(table, posterior))
    progress("regions: sensitivity to prior scale and to rounding")
    # posteriors of the first reading only: the dials ask how much an input moves a conclusion, not for new conclusions
    label = readings[0].posterior.label
    known_se = bayesian.fit(
        compiled, inputs.with_known_std_error(first.std_error), options, label=f"{label}-known-std-error"
    )
    scaled = {
        factor: bayesian.fit(
            compiled, inputs.with_tau_scale(factor), options, label=f"{label}-heterogeneity-scale-{factor:g}"
        )
        for factor in TAU_SCALE_FACTORS
    }
    progress("regions: long-run effects")
    return RegionsReanalysis(
        fits=(
            *(fit for reading in readings for fit in (*estimator_fits(reading), reading.posterior)),
            known_se,
            *scaled.values(),
        ),
        tables=tables.all_tables(
            tuple(readings),
            known_se.tree,
            {factor: fit.tree for factor, fit in scaled.items()},
            spec,
            options.seed,
        ),
        assumptions=assumptions(printed, spec, len(readings_wanted)),
    )


def estimator_fits(reading: Reading) -> tuple[EstimatorFit, EstimatorFit, EstimatorFit]:
    """No pooling, complete pooling and random effects as Fits, estimands named as in the posterior."""
    table, suffix = reading.table, reading.table.sign_reading
    cells = [f"theta[{term}, {region}]" for term in table.terms for region in table.regions]
    means = [f"mu[{term}]" for term in table.terms]
    none = EstimatorFit(
        label=f"regions-no-pooling-{suffix}",
        tree=estimator_tree(cells, table.estimate.ravel(), table.std_error.ravel()),
        checks_run=(_unbounded_check(table),),
    )
    complete = EstimatorFit(
        label=f"regions-complete-pooling-{suffix}",
        tree=estimator_tree(
            means,
            np.array([common.mean for common in reading.common]),
            np.array([common.std_error for common in reading.common]),
            groups={"heterogeneity": _statistics(table, reading.common, ("q", "df", "p_value"))},
        ),
        checks_run=(_homogeneity_check(table, reading.common),),
    )
    partial = EstimatorFit(
        label=f"regions-random-effects-{suffix}",
        tree=estimator_tree(
            means,
            np.array([random.mean for random in reading.random]),
            np.array([random.std_error for random in reading.random]),
            df=float(len(table.regions) - 1),
            interval="Knapp-Hartung confidence",
            groups={"heterogeneity": _statistics(table, reading.random, tables.RANDOM_EFFECTS_STATISTICS)},
        ),
        checks_run=(_reml_check(table, reading.random), _knapp_hartung_check(table, reading.random)),
    )
    return none, complete, partial


def _statistics(
    table: RegionTable, results: tuple[CommonEffect, ...] | tuple[RandomEffects, ...], names: tuple[str, ...]
) -> xr.Dataset:
    values = {name: ("term", np.array([getattr(result, name) for result in results], dtype=float)) for name in names}
    return xr.Dataset(values, coords={"term": list(table.terms)})


def _unbounded_check(table: RegionTable) -> Check:
    cells = np.argwhere(np.isinf(table.std_error_high))
    where = "; ".join(f"{table.terms[j]}, {table.regions[r]}" for j, r in cells)
    advice = f"t printed as zero bounds the standard error from below only ({where}): see the rounding table"
    return Check("std_error_unbounded", len(cells), 0, "warn" if len(cells) else "pass", advice if len(cells) else "")


def _homogeneity_check(table: RegionTable, results: tuple[CommonEffect, ...]) -> Check:
    smallest = min(range(len(results)), key=lambda j: results[j].p_value)
    p_value = results[smallest].p_value
    advice = f"{table.terms[smallest]}: the regions differ by more than one common effect allows"
    return Check("cochran_q_p_min", p_value, 0.05, *(("pass", "") if p_value > 0.05 else ("warn", advice)))


def _reml_check(table: RegionTable, results: tuple[RandomEffects, ...]) -> Check:
    # at tau² = 0 the slope may be negative; elsewhere it vanishes
    # np.maximum keeps NaN, which must not pass
    slopes = [abs(result.score) if result.tau2 > 0 else float(np.maximum(0.0, result.score)) for result in results]
    worst = int(np.argmax(slopes))
    passed = slopes[worst] < 1e-4
    return Check(
        "reml_slope_max", slopes[worst], 1e-4, "pass" if passed else "fail", "" if passed else table.terms[worst]
    )


def _knapp_hartung_check(table: RegionTable, results: tuple[RandomEffects, ...]) -> Check:
    ratios = np.array([result.std_error / result.std_error_wald for result in results])
    short = [term for term, ratio in zip(table.terms, ratios, strict=True) if not ratio >= 1]
    advice = f"Knapp-Hartung standard errors below the plain ones ({', '.join(short)}): read the truncated form too"
    return Check("knapp_hartung_ratio_min", float(ratios.min()), 1.0, *(("warn", advice) if short else ("pass", "")))


def assumptions(table: RegionTable, spec: RegionsSpec, n_readings: int) -> tuple[str, ...]:
    """What the published table leaves open and how it was closed, in plain sentences."""
    sentences = [
        "Standard errors are |b/t|; each estimate is normal around its region's effect with that standard error.",
        "Rounding: the frequentist analyses take t as printed; the Bayesian model takes 1/SE = |t/b| as uniform over "
        "everything that rounds to the printed b and t. The estimates themselves are taken as printed: their rounding "
        f"is at most {float((table.estimate_half_width / table.std_error_low).max()):.2g} standard errors.",
        "Regions are exchangeable and their estimates independent; terms are pooled apart from one another, because "
        "the covariances of the coefficients are not printed.",
        f"Priors of each term, in units of its typical standard error u (root harmonic mean of SE² over regions): mean "
        f"over regions Normal(0, {spec.mean_prior_scale:g}u), between-region standard deviation "
        f"HalfNormal({spec.heterogeneity_prior_scale:g}u).",
        "Long-run effects take the coefficients of a region as independent; the correlation table shows what other "
        "correlations would give.",
    ]
    for j, r in np.argwhere(np.isinf(table.std_error_high)):
        sentences.append(
            f"{table.term_labels[j]}, {table.region_labels[r]}: t is printed as zero, so the standard error is only "
            f"known to be at least {table.std_error_low[j, r]:.3g}; the frequentist analyses take "
            f"{table.std_error[j, r]:.3g} (t in the middle of its rounding interval), the Bayesian model sets no upper "
            "limit."
        )
    how = "with either sign" if n_readings > 1 else f"with the sign of the {READING_NAMES[spec.sign_readings[0]]}"
    for j, r in np.argwhere(table.sign_conflict):
        sentences.append(
            f"{table.term_labels[j]}, {table.region_labels[r]}: the estimate {table.estimate[j, r]:g} and its t-value "
            f"{table.t[j, r]:g} have opposite signs; analysed {how}."
        )
    return tuple(sentences)
