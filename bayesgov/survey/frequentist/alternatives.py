"""The models beside proportional odds: effects free between thresholds, other families, and the unordered one.

All are likelihoods of the same rows, so -2 log-likelihood, AIC and BIC compare them, nested or not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from bayesgov.fits import Check
from bayesgov.survey.design import Design
from bayesgov.survey.frequentist.multinomial import MultinomialFit, fit_multinomial
from bayesgov.survey.frequentist.ordered import OrderedFit, fit_ordered
from bayesgov.survey.frequentist.proportional_odds import has_probabilities
from bayesgov.survey.spec import CumulativeSpec, Family


@dataclass(frozen=True, slots=True)
class Alternative:
    """One model of a comparison.

    Attributes
    ----------
    name : str
    fit : OrderedFit or MultinomialFit
    """

    name: str
    fit: OrderedFit | MultinomialFit

    @property
    def log_likelihood(self) -> float:
        """NaN where it is not one of probabilities."""
        sound = isinstance(self.fit, MultinomialFit) or has_probabilities(self.fit)
        return self.fit.log_likelihood if sound else float("nan")

    @property
    def problems(self) -> str:
        """What failed, in words; empty for a model that was fitted properly."""
        return "; ".join(check.advice for check in self.fit.checks if check.status == "fail")


@dataclass(frozen=True, slots=True)
class ModelComparison:
    """Several models of one Design.

    Attributes
    ----------
    n_observations : float
        Sum of the frequency weights: the N of BIC.
    models : tuple of Alternative
    checks : tuple of Check
        Which models were not fitted, and why.
    """

    n_observations: float
    models: tuple[Alternative, ...]
    checks: tuple[Check, ...]

    def frame(self) -> pd.DataFrame:
        """One row a model: model, df (number of parameters), log_likelihood, minus2ll, aic, bic, problems.

        NaN for a model whose thresholds cross for more than one observation in a hundred: its likelihood is none.
        """
        log_likelihood = np.array([model.log_likelihood for model in self.models])
        df = np.array([model.fit.parameters.size for model in self.models])
        return pd.DataFrame(
            {
                "model": [model.name for model in self.models],
                "df": df,
                "log_likelihood": log_likelihood,
                "minus2ll": -2 * log_likelihood,
                "aic": -2 * log_likelihood + 2 * df,
                "bic": -2 * log_likelihood + np.log(self.n_observations) * df,
                "problems": [model.problems for model in self.models],
            }
        )


def compare_models(design: Design, spec: CumulativeSpec) -> ModelComparison:
    """Fit the proportional model and those that one turns to where it fails.

    These are the cumulative model with the nominal terms of the Design free between thresholds (where it has any) and
    with all terms free; the adjacent-category and continuation-ratio models with parallel effects; and the multinomial
    logit, the survey study's fallback. Each has the spec's link, the last the logit.

    Parameters
    ----------
    design : Design
    spec : CumulativeSpec
    """
    everything = tuple(range(design.n_terms))
    cumulative = {"proportional": (), "partial": design.nominal, "all effects free": everything}
    kept = {name: nominal for name, nominal in cumulative.items() if nominal or name == "proportional"}
    if design.nominal == everything:
        kept.pop("partial", None)
    models = [
        Alternative(f"cumulative, {name}", fit_ordered(replace(design, nominal=nominal), _parallel(spec, "cumulative")))
        for name, nominal in kept.items()
    ]
    location = replace(design, nominal=(), scale_x=np.zeros((design.n_obs, 0)), scale_terms=())
    models += [
        Alternative("adjacent-category", fit_ordered(location, _parallel(spec, "adjacent"))),
        Alternative("continuation-ratio", fit_ordered(location, _parallel(spec, "continuation"))),
    ]
    checks: tuple[Check, ...] = ()
    if np.any(design.offset != 0):
        checks = (Check("multinomial", None, None, "not applicable", "a multinomial logit takes no offset"),)
    else:
        models.append(Alternative("multinomial logit", fit_multinomial(location)))
    return ModelComparison(float(design.weights.sum()), tuple(models), checks)


def _parallel(spec: CumulativeSpec, family: Family) -> CumulativeSpec:
    """The spec with another family; what its Design does not say is at its default."""
    return CumulativeSpec(formula=spec.formula, levels=spec.levels, link=spec.link, family=family)
