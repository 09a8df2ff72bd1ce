"""Shrinkage and cutpoint priors, named as in the literature, as parts of a PyMC model.

A shrinkage prior here is a Gaussian scale mixture: it gives the standard deviation of every group of effects, and the
effects themselves are normal given that. All effects of one group share one local scale, so no member of the group
(such as the option that a contrast calls its reference) is treated apart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable

type Tensor = TensorVariable[Any, Any]

LATENT_VARIANCE = math.pi**2 / 3  # variance of the standard logistic distribution, the scale of the latent outcome


@dataclass(frozen=True, slots=True)
class ShrinkageScale:
    """Prior standard deviations of groups of effects, inside a model.

    Attributes
    ----------
    scale : TensorVariable, shape (n_groups,)
    top_level : tuple of str
        Names of the random variables whose prior has no random parent and which say how strong the shrinkage is:
        what prior sensitivity scales.
    """

    scale: Tensor
    top_level: tuple[str, ...]


def horseshoe_tau0(n_groups: int, expected_nonzero: float, standard_error: float) -> float:
    """Global scale of the horseshoe from the expected number of non-zero groups.

    Piironen & Vehtari (2017, doi:10.1214/17-EJS1337SI): tau0 = p0 / (D - p0) * sigma / sqrt(n), where
    sigma / sqrt(n) is the standard error of one effect.

    Parameters
    ----------
    n_groups : int
    expected_nonzero : float
        Between 0 and ``n_groups``, both excluded.
    standard_error : float
        Typical standard error of an effect, in the effects' unit.
    """
    if not 0 < expected_nonzero < n_groups:
        raise ValueError(f"expected_nonzero must lie between 0 and {n_groups}; got {expected_nonzero}")
    return expected_nonzero / (n_groups - expected_nonzero) * standard_error


def regularised_horseshoe(dim: str, *, tau0: float | Tensor, slab_scale: float, slab_df: float) -> ShrinkageScale:
    """Regularised horseshoe scales, one a group (Piironen & Vehtari 2017, doi:10.1214/17-EJS1337SI).

    lambda_g ~ C+(0, 1), tau ~ C+(0, tau0), c² ~ Inv-Gamma(df / 2, df slab_scale² / 2);
    scale_g² = c² tau² lambda_g² / (c² + tau² lambda_g²).

    Parameters
    ----------
    dim : str
        Dimension of the groups in the surrounding model.
    tau0 : float
        From :func:`horseshoe_tau0`.
    slab_scale, slab_df : float
        Student-t slab: how large a clearly non-zero effect may be.
    """
    # np.float64: PyTensor reads a plain Python float such as 50.0 as single precision, and its logarithm too
    tau = pm.HalfCauchy("tau", beta=tau0)
    local = pm.HalfCauchy("lambda", beta=1.0, dims=dim)
    slab = pm.InverseGamma(
        "slab_variance", alpha=np.float64(0.5 * slab_df), beta=np.float64(0.5 * slab_df * slab_scale**2)
    )
    # 1 / scale² = 1 / c² + 1 / (tau lambda)²
    scale = (1 / slab + (tau * local) ** -2) ** -0.5
    return ShrinkageScale(scale, ("tau", "slab_variance"))


def laplace(dim: str, *, scale: float) -> ShrinkageScale:
    """Laplace prior as a mixture of normals, one mixing variable a group.

    scale_g² = 2 scale² mixing_g with mixing_g ~ Exponential(1) makes the effect of a group of one Laplace(0, scale)
    (Andrews & Mallows 1974, doi:10.1111/j.2517-6161.1974.tb00989.x); effects that share a mixing variable have the
    multivariate Laplace distribution.
    """
    mixing = pm.Exponential("mixing", 1.0, dims=dim)
    return ShrinkageScale(np.float64(scale) * pt.sqrt(2.0 * mixing), ())


def r2d2(
    dim: str,
    n_groups: int,
    *,
    r2_mean: float,
    r2_concentration: float,
    variance_share: float,
    latent_variance: float = LATENT_VARIANCE,
) -> ShrinkageScale:
    """R2-induced scales on the latent scale, one a group.

    R² ~ Beta (mean, concentration); the explained variance W = R² / (1 - R²) * pi² / 3 of an average group is divided
    by phi ~ Dirichlet(1, ..., 1), drawn as exponential variables over their sum: W_g = n_groups phi_g W and
    scale_g² = W_g / variance_share. The decomposition is that of Zhang et al. (2022,
    doi:10.1080/01621459.2020.1825449) with a normal kernel; R² is that of the latent logistic outcome (McKelvey &
    Zavoina 1975, doi:10.1080/0022250X.1975.9989847). R² belongs to the average group because a composite of margins
    defines no total over groups.

    Parameters
    ----------
    variance_share : float
        Latent variance that an effect standard deviation of one explains; ``n_groups`` makes R² that of all groups.
    latent_variance : float
        Residual variance of the latent outcome: pi²/3 for the logit.
    """
    alpha, beta = r2_mean * r2_concentration, (1 - r2_mean) * r2_concentration
    share = pm.Beta("r2", alpha=np.float64(alpha), beta=np.float64(beta))
    portion = pm.Exponential("portion", 1.0, dims=dim)
    allocation = portion / portion.sum()
    explained = np.float64(latent_variance) * share / (1 - share)
    return ShrinkageScale(pt.sqrt(n_groups * allocation * explained / variance_share), ("r2",))


def induced_dirichlet(name: str, dims: tuple[str, str], n_groups: int, n_categories: int) -> Tensor:
    """Cutpoints from uniform level probabilities at a zero predictor (Betancourt 2019, "Ordinal regression").

    The level probabilities ``name`` are Dirichlet(1, ..., 1), named as such in the posterior, and
    c_k = logit(p_1 + ... + p_k): the induced Dirichlet prior of the cutpoints, without its Jacobian.

    Returns
    -------
    TensorVariable, shape (n_groups, n_categories - 1)
        Increasing along the last axis.
    """
    probability = pm.Dirichlet(name, a=np.ones((n_groups, n_categories)), dims=dims)
    at_or_below = np.triu(np.ones((n_categories, n_categories)))[:, :-1]
    # both tails are summed apart, so that neither 1 - p nor its digits are lost
    cutpoints: Tensor = pt.log(probability @ at_or_below) - pt.log(probability @ (1 - at_or_below))
    return cutpoints


def fixed_scale(n_groups: int, scale: float, effects: str) -> ShrinkageScale:
    """Plain normal prior: one constant standard deviation, so groups share nothing.

    Parameters
    ----------
    effects : str
        Name of the effects' random variable: with a constant scale the effects' prior is itself the top level.
    """
    return ShrinkageScale(pt.as_tensor(np.full(n_groups, scale)), (effects,))
