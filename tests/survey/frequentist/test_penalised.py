"""The Lassos of a spec: what is run on which folds, and the tables that reports read."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bayesgov.survey.design import design_from_arrays
from bayesgov.survey.frequentist.lasso import gaussian_cross_validation, gaussian_path
from bayesgov.survey.frequentist.lasso_path import make_folds
from bayesgov.survey.frequentist.penalised import deal_folds, fit_lasso
from bayesgov.survey.spec import CumulativeSpec

ROOT = Path(__file__).parents[3]
LEVELS = ("Low", "Medium", "High")


@pytest.fixture(scope="module")
def housing():
    rows = pd.read_csv(ROOT / "models" / "survey" / "data" / "housing.csv")
    return design_from_arrays(
        pd.Categorical(rows["Sat"], categories=LEVELS).codes,
        np.column_stack(
            [rows["Infl"] == "Medium", rows["Infl"] == "High", rows["Type"] == "Apartment", rows["Cont"] == "High"]
        ),
        levels=LEVELS,
        terms=("Infl[Medium]", "Infl[High]", "Type[Apartment]", "Cont[High]"),
        weights=rows["Freq"].to_numpy(float),
    )


def _spec(**changes):
    return CumulativeSpec(formula="Sat ~ Infl + Type + Cont", levels=LEVELS, **changes)


def test_both_lassos_with_their_curves(housing):
    lasso = fit_lasso(housing, _spec(folds=5, link="probit"), seed=1)
    assert [path.model for path in lasso.paths] == ["gaussian", "cumulative probit"]
    assert [curve.criterion for curve in lasso.curves] == [
        "5-fold mean squared error",
        "generalised cross-validation error",
        "5-fold deviance",
    ]
    errors, chosen, selected = lasso.errors(), lasso.chosen(), lasso.selected()
    assert errors["criterion"].unique().tolist() == [
        "gaussian: 5-fold mean squared error",
        "gaussian: generalised cross-validation error",
        "cumulative probit: 5-fold deviance",
    ]
    assert chosen["rule"].tolist() == ["λ.min", "λ.1se", "λ.min", "λ.min", "λ.1se"]
    counts = selected.groupby(["criterion", "rule"], sort=False)["selected"].sum()
    assert counts.tolist() == chosen["n_variables"].tolist()
    assert selected.columns.tolist() == ["model", "criterion", "rule", "lambda", "term", "coefficient", "selected"]
    assert set(lasso.coefficients()["model"]) == {"gaussian", "cumulative probit"}
    assert len(lasso.checks()) == 2 * 2 + 3
    # influence on management is what satisfaction depends on most
    assert lasso.paths[1].entry().set_index("term").loc["Infl[High]", "rank"] == 1


def test_a_spec_names_its_lassos(housing):
    assert [path.model for path in fit_lasso(housing, _spec(lasso="gaussian"), seed=1).paths] == ["gaussian"]
    assert [path.model for path in fit_lasso(housing, _spec(lasso="ordinal"), seed=1).paths] == ["cumulative logit"]
    nothing = fit_lasso(housing, _spec(lasso="none"), seed=1)
    assert (nothing.paths, nothing.curves, nothing.checks()) == ((), (), ())
    assert all(
        frame.empty for frame in (nothing.errors(), nothing.chosen(), nothing.coefficients(), nothing.selected())
    )


def test_folds_deal_out_observations_and_not_cells(housing):
    dealt, folds = deal_folds(housing, 5, seed=3)
    assert dealt.weights.sum() == housing.weights.sum() == 1681
    assert np.ptp(np.bincount(folds, dealt.weights)) <= 1
    np.testing.assert_array_equal(np.bincount(dealt.row, dealt.weights, 72), housing.weights)
    # every fold has its part of every level
    by_level = np.bincount(3 * folds + dealt.y, dealt.weights).reshape(5, 3)
    assert np.ptp(by_level, axis=0).max() <= 1
    # the same error as with one row for each observation
    rows = np.repeat(np.arange(dealt.n_obs), dealt.weights.astype(int))
    long = dealt.take(rows)
    path = gaussian_path(housing.x, housing.y + 1.0, terms=housing.terms, weights=housing.weights)
    one = gaussian_cross_validation(dealt.x, dealt.y + 1.0, folds, path, weights=dealt.weights)
    other = gaussian_cross_validation(long.x, long.y + 1.0, folds[rows], path)
    np.testing.assert_allclose(one.mean, other.mean, rtol=1e-12)
    np.testing.assert_allclose(one.se, other.se, rtol=1e-10)


def test_clusters_before_groups_and_groups_before_rows(housing):
    group, cluster = np.arange(72) % 4, np.arange(72) // 6
    grouped = replace(housing, group=group, groups=tuple("abcd"), group_name="g")
    dealt, folds = deal_folds(grouped, 10, seed=3)
    assert dealt is grouped
    np.testing.assert_array_equal(folds, make_folds(72, 4, 3, cluster=group))
    np.testing.assert_array_equal(
        deal_folds(replace(grouped, cluster=cluster), 10, 3)[1], make_folds(72, 10, 3, cluster=cluster)
    )
    fractional = replace(housing, weights=housing.weights / 3)
    np.testing.assert_array_equal(deal_folds(fractional, 10, 3)[1], make_folds(72, 10, 3, strata=housing.y))


def test_a_level_in_one_cluster_is_a_failed_check_and_not_an_exception(housing):
    design = replace(housing, cluster=np.where(housing.y == 2, 0, 1 + np.arange(72) % 5))
    lasso = fit_lasso(design, _spec(folds=5), seed=1)
    assert [curve.model for curve in lasso.curves] == ["gaussian", "gaussian"]
    assert len(lasso.paths) == 2
    failed = lasso.checks()[0]
    assert (failed.name, failed.status) == ("lasso_cross_validation", "fail")
    assert "holds all rows of 'High'" in failed.advice
    assert set(lasso.selected()["model"]) == {"gaussian"}
