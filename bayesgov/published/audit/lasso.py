"""Checks of the penalties that a Lasso reports, by the conventions of glmnet."""

from __future__ import annotations

import math
from collections.abc import Mapping

from bayesgov.printed import Interval, PrintedNumber
from bayesgov.published.audit.counts import counts_by_item, read_counts, score_sums, unusable_counts
from bayesgov.published.audit.finding import Explanation, Finding, Verdict
from bayesgov.published.audit.identity import enclose, not_checkable
from bayesgov.published.audit.registry import check
from bayesgov.published.audit.wording import number, span

Numbers = Mapping[str, PrintedNumber]


def zero_penalty(counts: Numbers, *, standardised: bool = False) -> Interval:
    """Smallest gaussian Lasso penalty that sets one item's slope to zero when it enters first.

    \\|sum of x y\\| / n with x standardised and y centred (glmnet; Friedman, Hastie & Tibshirani 2010,
    doi:10.18637/jss.v033.i01, section 2.5), for option and outcome scores 1, 2, ...; divided by the outcome's
    standard deviation where the outcome is standardised too, which makes it \\|r\\|.
    """
    table = read_counts(counts)
    xx, yy, xy = score_sums(table)
    if not xx or not yy:
        return Interval.point(0.0)
    squared = enclose(xy**2 / (xx * (yy if standardised else table.total)))
    return squared.sqrt()


def _largest(counts: Numbers, *, standardised: bool = False) -> tuple[str, Interval]:
    by_item = {item: zero_penalty(group, standardised=standardised) for item, group in counts_by_item(counts).items()}
    item = max(by_item, key=lambda name: by_item[name].midpoint)
    return item, by_item[item]


def _explain_zero(*, penalty: PrintedNumber, counts: Numbers) -> tuple[Explanation, ...]:
    largest = _largest(counts, standardised=True)[1]
    fits = penalty.bounds.high >= largest.low
    return (Explanation("the outcome standardised", f"at least {span(largest)}", resolves=fits),)


@check("penalty_with_no_predictor", readings=(), explain=_explain_zero, typo_limit=150)
def penalty_with_no_predictor(*, penalty: PrintedNumber, counts: Numbers) -> Finding:
    """Whether a penalty said to leave no predictor is as large as the printed counts require.

    Parameters
    ----------
    penalty : PrintedNumber
    counts : mapping
        Counts of all items; rows of item i are named i.1, i.2, ...

    Notes
    -----
    The coding (option and outcome scores 1, 2, ...) and the sample are assumed, so a smaller penalty is
    undetermined and not inconsistent.
    """
    for group in counts_by_item(counts).values():
        stopped = unusable_counts(group)
        if stopped is not None:
            return stopped
    for group in counts_by_item(counts).values():
        stopped = unusable_counts(group)
        if stopped is not None:
            return stopped
    item, largest = _largest(counts)
    verdict: Verdict = "consistent" if penalty.bounds.low >= largest.high else "undetermined"
    note = (
        f"A gaussian Lasso of outcome scores 1, 2, ... on option scores 1, 2, ... at the printed counts (both assumed) "
        f"keeps item {item} below {span(largest)}."
    )
    return Finding(str(penalty), f"at least {span(largest)}", largest.low, None, verdict, note=note)


@check("penalties_on_one_path", readings=("truncated",), typo_limit=150)
def penalties_on_one_path(
    *, smaller: PrintedNumber, larger: PrintedNumber, path_length: int = 100, ratios: tuple[float, ...] = (1e-4, 1e-2)
) -> Finding:
    """Whether two reported penalties are values of one path with glmnet's default spacing.

    A path of L values from the largest to ``ratio`` times it has equal steps log(ratio) / (L - 1) of log penalty, so
    the log of the quotient of any two is a whole number of steps.

    Parameters
    ----------
    smaller, larger : PrintedNumber
    path_length : int
    ratios : tuple of float
        Smallest over largest penalty; glmnet's defaults are 1e-4 with more rows than predictors, else 1e-2.

    Notes
    -----
    A user can choose another path, so the verdict is never inconsistent.
    """
    if smaller.bounds.low <= 0 or larger.bounds.low <= 0 or {smaller.comparator, larger.comparator} != {"="}:
        return not_checkable(f"{smaller}, {larger}", "Two positive penalties are needed, not bounds of them.")
    drop = (larger.bounds / smaller.bounds).monotone(math.log)
    steps = {ratio: drop * ((path_length - 1) / -math.log(ratio)) for ratio in ratios}
    whole = [ratio for ratio, count in steps.items() if math.floor(count.high) >= math.ceil(count.low)]
    shown = "; ".join(f"{span(count)} steps with ratio {number(ratio)}" for ratio, count in steps.items())
    verdict: Verdict = "consistent" if whole else "undetermined"
    note = f"{shown}, on a path of {path_length} values; the paper does not print its path."
    return Finding(f"{smaller}, {larger}", shown, None, None, verdict, note=note)
