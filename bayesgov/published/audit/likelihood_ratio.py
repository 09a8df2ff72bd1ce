"""Checks of likelihood-ratio tests: differences of -2 log-likelihood, p of a chi-square, degrees of freedom."""

from __future__ import annotations

from bayesgov.errors import InputError
from bayesgov.printed import Interval, PrintedNumber
from bayesgov.published.audit.finding import Explanation, Finding, Verdict
from bayesgov.published.audit.identity import (
    chi_square_df_reading,
    chi_square_p,
    compare,
    compare_count,
    not_checkable,
    p_readings,
    reading,
)
from bayesgov.published.audit.registry import check
from bayesgov.published.audit.wording import finite, listing, number, span


def _explain_difference(
    *, restricted: PrintedNumber, full: PrintedNumber, chi2: PrintedNumber
) -> tuple[Explanation, ...]:
    difference = restricted.bounds - full.bounds
    return (
        reading("log-likelihoods printed, so twice the difference", chi2, 2.0 * difference),
        reading("half the difference", chi2, 0.5 * difference),
    )


@check("deviance_difference", classical=True, target="chi2", explain=_explain_difference)
def deviance_difference(*, restricted: PrintedNumber, full: PrintedNumber, chi2: PrintedNumber) -> Finding:
    """Whether a likelihood-ratio chi-square is the difference of the two printed -2 log-likelihoods.

    Parameters
    ----------
    restricted, full : PrintedNumber
        -2 log-likelihood of the model with fewer and with more parameters.
    chi2 : PrintedNumber
    """
    implied = restricted.bounds - full.bounds
    return compare(chi2, implied, f"{restricted} - {full} = {restricted.value - full.value}; printed {chi2}.")


@check("nested_deviances", classical=True, typo_limit=300)
def nested_deviances(*, restricted: PrintedNumber, full: PrintedNumber) -> Finding:
    """Whether the model with more parameters has the smaller -2 log-likelihood, as maximised likelihoods must."""
    difference = restricted.bounds - full.bounds
    verdict: Verdict = "impossible" if difference.high < 0 else "consistent" if difference.low >= 0 else "undetermined"
    note = f"{restricted} less {full}; adding parameters cannot raise -2 log-likelihood."
    return Finding(
        f"{restricted}, {full}", span(difference), finite(difference.low), finite(difference.high), verdict, note=note
    )


def _degrees(df: PrintedNumber) -> int:
    return int(df.value) if df.is_integer and df.value >= 1 else 0


def _explain_p(
    *, statistic: PrintedNumber, df: PrintedNumber, p: PrintedNumber, comparisons: int = 1
) -> tuple[Explanation, ...]:
    bounds = statistic.bounds
    return (*p_readings(p, chi_square_p(bounds, _degrees(df)), comparisons), chi_square_df_reading(p, bounds))


@check(
    "p_from_chi_square",
    classical=True,
    target="p",
    explain=_explain_p,
    readings=("truncated", "typo", "transposed", "neighbour"),
)
def p_from_chi_square(
    *, statistic: PrintedNumber, df: PrintedNumber, p: PrintedNumber, comparisons: int = 1
) -> Finding:
    """Whether a printed p is that of the printed chi-square (Wald, likelihood ratio, Pearson) and df.

    Parameters
    ----------
    statistic, df, p : PrintedNumber
    comparisons : int
        Number of tests in the table; p adjusted for so many is tried as an explanation where it is above 1.
    """
    if not _degrees(df):
        return not_checkable(str(p), f"df = {df} is no number of degrees of freedom.")
    if statistic.bounds.high < 0:
        return Finding(str(p), "", None, None, "impossible", note=f"A chi-square is not negative; printed {statistic}.")
    implied = chi_square_p(statistic.bounds, _degrees(df))
    return compare(p, implied, f"Chi-square {statistic} with df = {df}; printed p {p}.", digits=4)


@check("p_from_deviances", classical=True, target="p")
def p_from_deviances(*, restricted: PrintedNumber, full: PrintedNumber, df: PrintedNumber, p: PrintedNumber) -> Finding:
    """Whether a printed p is that of the difference of the two printed -2 log-likelihoods, whatever chi-square says.

    Parameters
    ----------
    restricted, full : PrintedNumber
        -2 log-likelihood of the model with fewer and with more parameters.
    df, p : PrintedNumber
    """
    if not _degrees(df):
        return not_checkable(str(p), f"df = {df} is no number of degrees of freedom.")
    difference = restricted.bounds - full.bounds
    if difference.high < 0:
        return not_checkable(str(p), f"{restricted} - {full} is negative.")
    note = f"{restricted} - {full} = {restricted.value - full.value} with df = {df}; printed p {p}."
    return compare(p, chi_square_p(difference, _degrees(df)), note, digits=4)


def _other_predictors(
    df: PrintedNumber, multiplier: int, options: int, other_predictors: tuple[int, ...], predictors: int
) -> tuple[Explanation, ...]:
    """Degrees of freedom under other numbers of predictors, and with each predictor as contrasts of its options."""
    tried = [(f"{count} predictors", count * multiplier) for count in other_predictors]
    if options > 2:
        contrasts = [(count, count * (options - 1)) for count in (predictors, *other_predictors)]
        tried += [(f"{count} predictors of {options} options as contrasts", k * multiplier) for count, k in contrasts]
    return tuple(Explanation(name, f"df = {value}", resolves=df.exact.contains(value)) for name, value in tried)


def _explain_model_df(
    *, df: PrintedNumber, predictors: PrintedNumber, options: int = 2, other_predictors: tuple[int, ...] = ()
) -> tuple[Explanation, ...]:
    return _other_predictors(df, 1, options, other_predictors, int(predictors.value))


@check("model_df", target="df", explain=_explain_model_df, readings=("typo",))
def model_df(
    *, df: PrintedNumber, predictors: PrintedNumber, options: int = 2, other_predictors: tuple[int, ...] = ()
) -> Finding:
    """Whether the test of a model against intercepts only has one degree of freedom a stated predictor.

    Parameters
    ----------
    df, predictors : PrintedNumber
    options : int
        Options of each predictor; as options - 1 contrasts they are tried as an explanation.
    other_predictors : tuple of int
        Other numbers of predictors that the paper can mean; tried as explanations.
    """
    note = f"{predictors} predictors with one slope each; printed df {df}."
    return compare_count(df, float(predictors.value), note)


def _explain_parallel_df(
    *,
    df: PrintedNumber,
    predictors: PrintedNumber,
    levels: int,
    options: int = 2,
    other_predictors: tuple[int, ...] = (),
) -> tuple[Explanation, ...]:
    count = int(predictors.value)
    degrees = int(df.value)
    needed = [f"{degrees // k} x ({k + 2} - 2)" for k in range(1, degrees + 1) if degrees % k == 0]
    fitting = [k + 2 for k in range(1, degrees + 1) if count * k == degrees]
    levels_text = listing(f"K = {k}" for k in fitting)
    return (
        *_other_predictors(df, levels - 2, options, other_predictors, count),
        Explanation("another number of outcome levels", levels_text, resolves=bool(fitting)),
        # a product says which pairs would do, not that the paper means one
        Explanation("products p (K - 2) that give it", listing(needed, 4), resolves=False),
    )


@check("parallel_lines_df", target="df", explain=_explain_parallel_df, readings=("typo",))
def parallel_lines_df(
    *,
    df: PrintedNumber,
    predictors: PrintedNumber,
    levels: int,
    options: int = 2,
    other_predictors: tuple[int, ...] = (),
) -> Finding:
    """Whether the test of parallel lines has p (K - 2) degrees of freedom.

    The general model has p slopes in each of K - 1 cumulative equations, the restricted one p in all.

    Parameters
    ----------
    df, predictors : PrintedNumber
    levels : int
        K, the number of outcome levels that the paper can mean.
    options, other_predictors
        As in :func:`model_df`.

    Raises
    ------
    InputError
        If there are fewer than three levels.
    """
    if levels < 3:
        raise InputError(f"levels should be 3 or more for a test of parallel lines; got {levels}")
    implied = float(predictors.value * (levels - 2))
    return compare_count(df, implied, f"p (K - 2) = {predictors} x ({levels} - 2); printed df {df}.")


@check("parallel_lines_df_multiple", readings=("typo",))
def parallel_lines_df_multiple(*, parallel_df: PrintedNumber, model_df: PrintedNumber) -> Finding:
    """Whether the df of the test of parallel lines is a whole multiple K - 2 of the df of the model it tests.

    Both count the slopes p of one model, so their ratio is K - 2 whatever p and the coding are.

    Parameters
    ----------
    parallel_df, model_df : PrintedNumber
    """
    parallel, model = int(parallel_df.value), int(model_df.value)
    if model < 1:
        return not_checkable(str(parallel_df), f"df = {model_df} is no number of degrees of freedom.")
    ratio = parallel / model
    fits = parallel >= model and parallel % model == 0
    verdict: Verdict = "consistent" if fits else "inconsistent"
    note = f"{parallel_df} / {model_df} = {number(ratio)} should be K - 2 for a whole number K of levels."
    return Finding(f"{parallel_df}", f"a multiple of {model_df}", None, None, verdict, note=note)


@check("same_number", readings=("truncated", "typo", "transposed"))
def same_number(*, first: PrintedNumber, second: PrintedNumber, what: str) -> Finding:
    """Whether one quantity printed in two places is the same number, to the decimals of both.

    Parameters
    ----------
    first, second : PrintedNumber
    what : str
        The quantity, for the note.
    """
    implied: Interval = second.exact if second.is_integer else second.bounds
    if first.is_integer and second.is_integer:
        return compare_count(first, float(second.value), f"{what}: {first} and {second}.")
    return compare(first, implied, f"{what}: {first} and {second}.")
