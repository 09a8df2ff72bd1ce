"""How the mixing of refits is told."""

import numpy as np
import xarray as xr

from bayesgov.survey.bayesian.refit import RHAT_MAX, largest_rhat


def _draws(**values: np.ndarray) -> xr.Dataset:
    return xr.Dataset({name: (("chain", "draw", f"{name}_dim"), array) for name, array in values.items()})


def test_the_worst_element_of_the_variables_that_there_are():
    rng = np.random.default_rng(1)
    mixed, apart = rng.standard_normal((2, 200, 2)), rng.standard_normal((2, 200, 1))
    apart[1] += 1.0
    posterior = _draws(beta=mixed, threshold=apart)
    assert largest_rhat(posterior, ("beta", "group_sd")) < RHAT_MAX < largest_rhat(posterior, ("beta", "threshold"))


def test_chains_that_stand_still_never_pass():
    rng = np.random.default_rng(1)
    stuck = rng.standard_normal((2, 200, 2))
    stuck[..., 0] = 0.3
    for order in (("beta", "threshold"), ("threshold", "beta")):
        assert not largest_rhat(_draws(beta=stuck, threshold=rng.standard_normal((2, 200, 1))), order) < RHAT_MAX
