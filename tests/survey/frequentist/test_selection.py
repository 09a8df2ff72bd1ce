"""Bootstrap of the selection: its draws, what it counts, and that it tells signal from noise."""

from dataclasses import replace

import numpy as np
import pytest

from bayesgov.survey.design import design_from_arrays
from bayesgov.survey.frequentist.lasso import gaussian_cross_validation, gaussian_path
from bayesgov.survey.frequentist.lasso_ordinal import ordinal_path
from bayesgov.survey.frequentist.lasso_path import make_folds
from bayesgov.survey.frequentist.selection import bootstrap_weights, selection_frequency

RULES = ("λ.1se", "λ.min")


def test_draws_of_rows_have_the_size_of_the_sample():
    rng = np.random.default_rng(1)
    weights = np.array([3.0, 0.0, 1.0, 16.0])
    draws = np.array([bootstrap_weights(rng, weights) for _ in range(4000)])
    np.testing.assert_array_equal(draws.sum(axis=1), 20)
    assert (draws[:, 1] == 0).all()
    # multinomial variances n p (1 - p); 4,000 draws give a mean to sd / 63
    sd = np.sqrt(weights * (1 - weights / 20))
    np.testing.assert_array_less(np.abs(draws.mean(axis=0) - weights), 4.5 * sd / np.sqrt(4000) + 1e-12)


def test_draws_of_clusters_keep_clusters_whole():
    rng = np.random.default_rng(2)
    cluster, weights = np.repeat([7, 3, 9, 4], [2, 3, 1, 4]), np.arange(1.0, 11.0)
    for _ in range(50):
        ratio = bootstrap_weights(rng, weights, cluster) / weights
        counts = [np.unique(ratio[cluster == c]) for c in (7, 3, 9, 4)]
        assert all(count.size == 1 for count in counts)
        assert sum(float(count[0]) for count in counts) == 4


def test_frequencies_count_what_select_returns():
    calls = []

    def select(weights):
        calls.append(weights)
        odd = len(calls) % 2
        return np.array([[0.0, -1.0], [float(odd), 2.0]])

    found = selection_frequency(select, terms=("a", "b"), rules=RULES, weights=np.ones(5), replicates=10, seed=3)
    np.testing.assert_array_equal(found.frequency, [[0, 1], [0.5, 1]])
    np.testing.assert_array_equal(found.positive, [[0, 0], [0.5, 1]])
    np.testing.assert_array_equal(found.size[:2], [[1, 2], [1, 1]])
    frame = found.to_frame().set_index(["rule", "term"])
    assert frame.loc[("λ.min", "a"), "monte_carlo_error"] == pytest.approx(np.sqrt(0.25 / 10))
    assert (found.replicates, found.resampled) == (10, "rows")
    again = np.random.default_rng(3)
    np.testing.assert_array_equal(calls[0], bootstrap_weights(again, np.ones(5)))


def test_gaussian_signal_is_always_selected_and_noise_is_not():
    rng = np.random.default_rng(4)
    x = rng.normal(size=(400, 6))
    y = x[:, 0] - 0.8 * x[:, 1] + rng.normal(size=400)
    terms = tuple("abcdef")
    path = gaussian_path(x, y, terms=terms)
    curve = gaussian_cross_validation(x, y, make_folds(400, 10, seed=5), path)
    chosen = np.array([curve.lambda_1se, curve.lambda_min])
    found = selection_frequency(
        lambda weights: gaussian_path(x, y, terms=terms, weights=weights, lambdas=chosen).coefficients,
        terms=terms,
        rules=RULES,
        weights=np.ones(400),
        replicates=100,
        seed=6,
    )
    np.testing.assert_array_equal(found.frequency[:, :2], 1)
    np.testing.assert_array_equal(found.positive[:, :2], [[1, 0], [1, 0]])
    assert found.frequency[0, 2:].max() < 0.5
    assert (found.frequency[0] <= found.frequency[1]).all()
    assert found.frequency[1, 2:].min() > 0


def test_unusable_arguments():
    with pytest.raises(ValueError, match=r"shape \(2, 1\); got \(1, 1\)"):
        selection_frequency(lambda w: np.ones((1, 1)), terms=("a",), rules=RULES, weights=np.ones(3), seed=1)
    with pytest.raises(ValueError, match="at least 1; got 0"):
        selection_frequency(
            lambda w: np.ones((1, 1)), terms=("a",), rules=("x",), weights=np.ones(3), seed=1, replicates=0
        )


@pytest.mark.slow
def test_ordinal_selection_by_village_is_less_certain_for_a_village_variable():
    """A predictor that is constant in villages looks surer by rows than by villages."""
    rng = np.random.default_rng(7)
    village = np.repeat(np.arange(30), 40)
    own, shared = rng.normal(size=1200), rng.normal(size=30)[village]
    latent = 0.5 * own + rng.normal(size=30)[village] + rng.logistic(size=1200)
    design = design_from_arrays(
        np.digitize(latent, [-1.5, 0, 1.5]),
        np.column_stack([own, shared]),
        levels=tuple("abcd"),
        terms=("own", "shared"),
        group=village,
        groups=tuple(str(v) for v in range(30)),
    )

    def signs(cluster):
        found = selection_frequency(
            lambda weights: ordinal_path(replace(design, weights=weights), lambdas=np.array([0.01])).coefficients,
            terms=design.terms,
            rules=("λ = 0.01",),
            weights=design.weights,
            cluster=cluster,
            replicates=100,
            seed=2,
        )
        return found.positive[0]

    by_rows, by_village = signs(None), signs(village)
    assert by_rows[0] == by_village[0] == 1
    # the sign of the village variable is as good as fixed by rows, and is not by villages
    assert abs(by_village[1] - 0.5) < abs(by_rows[1] - 0.5)
