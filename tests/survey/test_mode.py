"""The Newton maximum against R's ordinal::clm and statsmodels."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from statsmodels.miscmodels.ordinal_model import OrderedModel

from bayesgov.survey.mode import find_mode

HOUSING = Path(__file__).parents[2] / "models" / "survey" / "data" / "housing.csv"
LEVELS = ["Low", "Medium", "High"]
# ordinal::clm(Sat ~ Infl + Type + Cont, weights = Freq) to 11 digits, supplied with the project
COEFFICIENTS = [0.5663937379, 1.2888191104, -0.57235000204, -0.36618637069, -1.091014659, -0.36028400457]
CUTPOINTS = [-0.85641914276, 0.33042425469]
STANDARD_ERRORS = [
    *(0.12584691562, 0.12435080948, 0.10465278136, 0.12715614457),
    *(0.1192380086, 0.15517333202, 0.15148601856, 0.095535795002),
]
LOG_LIKELIHOOD = -1739.5746495295


@pytest.fixture(scope="module")
def housing():
    data = pd.read_csv(HOUSING)
    table = data.pivot_table(index=["Infl", "Type", "Cont"], columns="Sat", values="Freq", aggfunc="sum").reset_index()
    dummies = [
        *(table["Infl"] == level for level in ("Medium", "High")),
        *(table["Type"] == level for level in ("Apartment", "Atrium", "Terrace")),
        table["Cont"] == "Low",
    ]
    return table[LEVELS].to_numpy(float), np.column_stack(dummies).astype(float)


def test_housing_reproduces_clm(housing):
    found = find_mode(*housing)
    # clm printed 10 digits; its own convergence leaves the standard errors about 1e-6 off
    np.testing.assert_allclose(found.coefficients, COEFFICIENTS, atol=1e-6)
    np.testing.assert_allclose(found.cutpoints, CUTPOINTS, atol=1e-6)
    np.testing.assert_allclose(np.sqrt(np.diag(found.covariance)), STANDARD_ERRORS, atol=1e-6)
    assert found.log_likelihood == pytest.approx(LOG_LIKELIHOOD, abs=1e-9)
    assert found.converged
    assert found.correct_decimals >= 10


def test_agrees_with_statsmodels():
    rng = np.random.default_rng(5)
    x = rng.normal(size=(300, 2))
    latent = x @ np.array([1.0, -0.5]) + rng.logistic(size=300)
    y = np.digitize(latent, [-1.0, 0.5, 2.0])
    found = find_mode(np.eye(4)[y], x)
    other = OrderedModel(y, x, distr="logit").fit(method="newton", disp=False)
    cuts = other.model.transform_threshold_params(other.params)[1:-1]
    # both iterate to a gradient of about 1e-8 an observation
    np.testing.assert_allclose(found.coefficients, other.params[:2], atol=1e-6)
    np.testing.assert_allclose(found.cutpoints, cuts, atol=1e-6)
    assert found.log_likelihood == pytest.approx(other.llf, abs=1e-8)


def test_offset_shifts_the_cutpoints():
    counts = np.array([[10.0, 20, 30], [25, 20, 15]])
    x = np.array([[1.0], [-1.0]])
    plain, shifted = find_mode(counts, x), find_mode(counts, x, offset=np.array([7.0, 7.0]))
    np.testing.assert_allclose(shifted.cutpoints, plain.cutpoints + 7, atol=1e-9)
    np.testing.assert_allclose(shifted.coefficients, plain.coefficients, atol=1e-9)


def test_starts_far_from_the_maximum_still_converge():
    """Nearly separated rows: undamped Newton oversteps here."""
    counts = np.array([[500.0, 1, 1], [1, 1, 500]])
    found = find_mode(counts, np.array([[1.0], [-1.0]]), offset=np.array([-30.0, 30.0]))
    assert found.converged


def test_empty_level_is_refused():
    with pytest.raises(ValueError, match="every outcome level needs an observation"):
        find_mode(np.array([[3.0, 0, 4]]), np.zeros((1, 0)))
