"""Sensitivity of the posterior to its prior and its likelihood, by power-scaling.

Only priors without random parents are scaled (Kallioinen et al. 2024, doi:10.1007/s11222-023-10366-5): scaling the
conditional prior of shrunken coefficients as well would change the model, not the choice of prior.
"""

from __future__ import annotations

from collections.abc import Sequence

import pymc as pm
import xarray as xr
from pytensor.graph.traversal import ancestors

from bayesgov.diagnostics import power_scaling
from bayesgov.sampling import log_prior
from bayesgov.survey.design import Design
from bayesgov.survey.predictive import total_log_likelihood
from bayesgov.survey.response import Response


def top_level_priors(model: pm.Model) -> tuple[str, ...]:
    """Free variables of a model whose prior is a choice of its own.

    That is, variables without random parents, except the vectors among them that are parents themselves: local
    scales, mixing variables and shares of variance belong to the conditional prior of what they scale.
    """
    free = list(model.free_RVs)
    parents = {variable: {other for other in ancestors(variable.owner.inputs) if other in free} for variable in free}
    inner = {parent for found in parents.values() for parent in found if parent.ndim > 0}
    return tuple(variable.name for variable in free if not parents[variable] and variable not in inner)


def prior_sensitivity(
    tree: xr.DataTree, model: pm.Model, design: Design, response: Response, variables: Sequence[str]
) -> xr.Dataset:
    """Power-scaling sensitivity of estimands to the top-level priors and to the likelihood.

    The likelihood enters as its sum over rows, weights applied: scaling it needs no pointwise values.

    Parameters
    ----------
    tree : xarray.DataTree
        With group ``posterior``, sampled from ``model``; group ``log_prior`` is added to it.
    model : pm.Model
        The definition, as ``build_model`` gives it.
    design : Design
        Without modelled missing cells.
    response : CumulativeSpec or Response
    variables : sequence of str
        Posterior variables to report on.

    Returns
    -------
    xarray.Dataset
        As :func:`bayesgov.diagnostics.power_scaling` returns it; feed it to ``power_scaling_check``.
    """
    posterior = tree["posterior"].to_dataset()
    names = [name for name in top_level_priors(model) if name in posterior]
    tree["log_prior"] = xr.DataTree(log_prior(model, tree, names))
    total = total_log_likelihood(design, posterior, response)
    scaled = xr.DataTree.from_dict(
        {
            "posterior": posterior,
            "log_prior": tree["log_prior"].to_dataset(),
            "log_likelihood": total.to_dataset(name="total"),
        }
    )
    return power_scaling(scaled, list(variables))
