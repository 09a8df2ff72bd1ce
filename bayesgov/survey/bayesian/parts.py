"""What a model needs besides its Design and Spec: sorted rows, the sampler's coordinates, the prior's constants."""

from __future__ import annotations

from dataclasses import dataclass

from bayesgov.survey.bayesian.conditioning import Conditioning, condition
from bayesgov.survey.bayesian.shrinkage import Shrinkage, shrinkage
from bayesgov.survey.design import Design
from bayesgov.survey.kernels.data import KernelData, kernel_data
from bayesgov.survey.spec import CumulativeSpec


@dataclass(frozen=True, slots=True)
class ModelParts:
    """Computed once, shared by the PyMC model and the compiled density.

    Attributes
    ----------
    data : KernelData
    conditioning : Conditioning
    shrinkage : Shrinkage
    """

    data: KernelData
    conditioning: Conditioning
    shrinkage: Shrinkage


def model_parts(design: Design, spec: CumulativeSpec) -> ModelParts:
    """Sort and merge the rows, find the likelihood's mode, set the prior's constants.

    Raises
    ------
    InputError
        If a predictor does not vary, and as :func:`bayesgov.survey.bayesian.shrinkage.shrinkage` does.
    """
    # a row with missing cells has a likelihood of its own, so such Designs keep one row for one row
    data = kernel_data(design, merge=not design.missing)
    found = condition(design, data, spec)
    return ModelParts(data, found, shrinkage(design, data, spec, found))
