"""The coefficients' shrinkage prior: which constants it has, once for the PyMC model and the compiled density."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import beta as beta_function

from bayesgov import priors
from bayesgov.errors import InputError
from bayesgov.survey.bayesian.baseline import null_information
from bayesgov.survey.bayesian.conditioning import Conditioning
from bayesgov.survey.design import Design
from bayesgov.survey.kernels.data import KernelData
from bayesgov.survey.links import latent_variance
from bayesgov.survey.spec import CumulativeSpec


@dataclass(frozen=True, slots=True)
class Shrinkage:
    """Constants of the coefficients' prior: beta_j ~ Normal(0, scale of its factor * unit_j).

    Attributes
    ----------
    factors : tuple of str
        Names of the local scales: the design's factors, or its terms.
    factor : ndarray of int, shape (n_terms,)
        Position in ``factors`` of each coefficient's scale.
    unit : ndarray, shape (n_terms,)
        Coefficient, in the predictor's own units, that the scale one stands for.
    tau0 : float
        Global scale of the horseshoe; 0 for other priors.
    latent_variance : float
        Residual variance of the latent outcome, for R2D2; 0 for other priors.
    constants : ndarray
        The ``fixed`` of :mod:`bayesgov.shrinkage_kernel`.
    """

    factors: tuple[str, ...]
    factor: np.ndarray
    unit: np.ndarray
    tau0: float
    latent_variance: float
    constants: np.ndarray

    @property
    def dim(self) -> str:
        """Dimension of the local scales."""
        return "factor"


def shrinkage(design: Design, data: KernelData, spec: CumulativeSpec, found: Conditioning) -> Shrinkage:
    """The prior's constants for one Design.

    The horseshoe's tau0 is p0 / (D - p0) times the standard error of one standardised coefficient when no predictor
    has an effect, 1 / sqrt(n I): I is the information of one observation on eta at the observed level shares, for the
    cumulative logit (1 - sum p_k³) / 3 (Whitehead 1993, doi:10.1002/sim.4780122404).

    Under R2D2 a factor's share of the explained variance is divided by the number of its contrasts, and the residual
    variance is that of the link's latent variable.

    Raises
    ------
    InputError
        If ``expected_nonzero`` is no less than the number of scales, or R2D2 meets the
        cauchit link, whose latent variance is infinite.
    """
    prior = spec.prior
    names = design.factors if prior.by_factor else design.terms
    factors = tuple(dict.fromkeys(names))
    factor = np.array([factors.index(name) for name in names], dtype=np.int64)
    unit = 1 / found.sd if prior.standardise else np.ones(design.n_terms)
    tau0, variance = 0.0, 0.0
    match prior.kind:
        case "normal" | "laplace":
            constants = np.array([np.log(prior.scale)])
        case "horseshoe":
            typical = 1.0 if prior.standardise else float(np.exp(-np.log(found.sd).mean())) if design.n_terms else 1.0
            tau0 = _tau0(design, data, spec, len(factors)) * typical
            constants = np.array([tau0, 0.5 * prior.slab_df, 0.5 * prior.slab_df * prior.slab_scale**2])
        case "r2d2":
            variance = _finite_latent_variance(spec)
            contrasts = np.bincount(factor, minlength=len(factors))
            unit = unit / np.sqrt(contrasts[factor])
            size = prior.r2_concentration
            constants = np.array([prior.r2_mean * size, (1 - prior.r2_mean) * size, np.log(variance)])
    return Shrinkage(factors, factor, unit, tau0, variance, constants)


def density_at_zero(prior: Shrinkage, spec: CumulativeSpec) -> np.ndarray:
    """Marginal prior density of every coefficient at zero, shape (n_terms,), for Savage-Dickey ratios.

    Every prior is a scale mixture of normals, so that the density is E[1 / (sqrt(2 pi) scale)] / unit; infinite under
    the horseshoe, and under R2D2 with a prior of R² that has its peak at zero.
    """
    choice = spec.prior
    match choice.kind:
        case "normal":
            at_unit = 1 / (np.sqrt(2 * np.pi) * choice.scale)
        case "laplace":
            at_unit = 1 / (2 * choice.scale)
        case "horseshoe":
            at_unit = np.inf
        case "r2d2":
            at_unit = _r2d2_density(len(prior.factors), choice.r2_mean, choice.r2_concentration, prior.latent_variance)
    density: np.ndarray = at_unit / prior.unit
    return density


def _r2d2_density(n_scales: int, mean: float, concentration: float, latent_variance: float) -> float:
    """E[scale^-1] / sqrt(2 pi) with scale² = portion * latent_variance R² / (1 - R²), portion ~ Beta(1, n - 1)."""
    a, b = mean * concentration, (1 - mean) * concentration
    if a <= 0.5:
        return float(np.inf)
    # E[portion^-1/2] and E[((1 - R²) / R²)^1/2] are ratios of beta functions
    of_portion = beta_function(0.5, n_scales - 1) / beta_function(1, n_scales - 1) if n_scales > 1 else 1.0
    of_r2 = beta_function(a - 0.5, b + 0.5) / beta_function(a, b)
    return float(of_portion * of_r2 / np.sqrt(2 * np.pi * latent_variance))


def _tau0(design: Design, data: KernelData, spec: CumulativeSpec, n_scales: int) -> float:
    if n_scales == 0:
        return 1.0
    expected = spec.prior.expected_nonzero
    if expected is None:
        expected = max(1.0, 0.25 * n_scales) if n_scales > 1 else 0.5
    if not expected < n_scales:
        raise InputError(
            f"prior.expected_nonzero must be less than the number of effects with a scale of their own, {n_scales}; "
            f"got {expected:g}: lower it, or choose another prior"
        )
    counts = np.bincount(data.y, weights=data.mass, minlength=design.n_categories)
    share = (counts + 1) / (counts + 1).sum()
    information = counts.sum() * null_information(share, spec.family, spec.link)
    return priors.horseshoe_tau0(n_scales, expected, information**-0.5)


def _finite_latent_variance(spec: CumulativeSpec) -> float:
    variance = latent_variance(spec.link)
    if not np.isfinite(variance):
        raise InputError("the R2D2 prior needs a latent variance, which the cauchit link lacks: choose another prior")
    return variance
