"""bayesgov: reanalyse published governance studies under both schools of inference."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# The public names and where they live. They load on first use, so that ``import bayesgov`` stays fast.
_PUBLIC = {
    "AuditReport": "bayesgov.published.audit",
    "Check": "bayesgov.fits",
    "ClaimVerdict": "bayesgov.verdicts",
    "Comparison": "bayesgov.comparison",
    "CumulativeSpec": "bayesgov.survey.spec",
    "DynamicPanelSpec": "bayesgov.panel.spec",
    "EstimatorFit": "bayesgov.fits",
    "Fit": "bayesgov.fits",
    "InputError": "bayesgov.errors",
    "Interval": "bayesgov.printed",
    "Multiverse": "bayesgov.comparison.multiverse",
    "PanelSimulation": "bayesgov.panel.simulate",
    "PosteriorFit": "bayesgov.fits",
    "PrintedNumber": "bayesgov.printed",
    "PublishedSpec": "bayesgov.spec",
    "Run": "bayesgov.runs",
    "SamplingOptions": "bayesgov.sampling",
    "Study": "bayesgov.study",
    "SurveyDesign": "bayesgov.survey.simulate",
    "Table": "bayesgov.data",
    "audit": "bayesgov.published.audit",
    "build_design": "bayesgov.survey.build",
    "compare": "bayesgov.comparison",
    "encode": "bayesgov.survey.build",
    "fit": "bayesgov.fitting",
    "lasso_prior_dial": "bayesgov.survey.dial",
    "load_fit": "bayesgov.runs",
    "load_run": "bayesgov.runs",
    "load_study": "bayesgov.study",
    "multiverse": "bayesgov.comparison.multiverse",
    "plot_caption": "bayesgov.report.plots",
    "plot_caterpillar": "bayesgov.report.plots",
    "plot_coefficient_path": "bayesgov.report.plots",
    "plot_concordance": "bayesgov.report.plots",
    "plot_forest": "bayesgov.report.plots",
    "plot_impulse_responses": "bayesgov.report.plots",
    "plot_instrument_multiverse": "bayesgov.report.plots",
    "plot_ppc": "bayesgov.report.plots",
    "plot_prior_posterior": "bayesgov.report.plots",
    "plot_probabilities": "bayesgov.report.plots",
    "plot_row_flow": "bayesgov.report.plots",
    "plot_shrinkage": "bayesgov.report.plots",
    "plot_specification_curve": "bayesgov.report.plots",
    "plot_thresholds": "bayesgov.report.plots",
    "plot_variation": "bayesgov.report.plots",
    "prepare": "bayesgov.survey.prepare",
    "read_cumulative_spec": "bayesgov.survey.spec",
    "read_dynamic_panel_spec": "bayesgov.panel.spec",
    "read_published_spec": "bayesgov.spec",
    "read_table": "bayesgov.data",
    "reanalyse": "bayesgov.published.reanalysis",
    "redesign": "bayesgov.survey.build",
    "simulate_panel": "bayesgov.panel.simulate",
    "simulate_survey": "bayesgov.survey.simulate",
}

if TYPE_CHECKING:
    from bayesgov.comparison import Comparison as Comparison
    from bayesgov.comparison import compare as compare
    from bayesgov.comparison.multiverse import Multiverse as Multiverse
    from bayesgov.comparison.multiverse import multiverse as multiverse
    from bayesgov.data import Table as Table
    from bayesgov.data import read_table as read_table
    from bayesgov.errors import InputError as InputError
    from bayesgov.fits import Check as Check
    from bayesgov.fits import EstimatorFit as EstimatorFit
    from bayesgov.fits import Fit as Fit
    from bayesgov.fits import PosteriorFit as PosteriorFit
    from bayesgov.fitting import fit as fit
    from bayesgov.panel.simulate import PanelSimulation as PanelSimulation
    from bayesgov.panel.simulate import simulate_panel as simulate_panel
    from bayesgov.panel.spec import DynamicPanelSpec as DynamicPanelSpec
    from bayesgov.panel.spec import read_dynamic_panel_spec as read_dynamic_panel_spec
    from bayesgov.printed import Interval as Interval
    from bayesgov.printed import PrintedNumber as PrintedNumber
    from bayesgov.published.audit import AuditReport as AuditReport
    from bayesgov.published.audit import audit as audit
    from bayesgov.published.reanalysis import reanalyse as reanalyse
    from bayesgov.report.plots import plot_caption as plot_caption
    from bayesgov.report.plots import plot_caterpillar as plot_caterpillar
    from bayesgov.report.plots import plot_coefficient_path as plot_coefficient_path
    from bayesgov.report.plots import plot_concordance as plot_concordance
    from bayesgov.report.plots import plot_forest as plot_forest
    from bayesgov.report.plots import plot_impulse_responses as plot_impulse_responses
    from bayesgov.report.plots import plot_instrument_multiverse as plot_instrument_multiverse
    from bayesgov.report.plots import plot_ppc as plot_ppc
    from bayesgov.report.plots import plot_prior_posterior as plot_prior_posterior
    from bayesgov.report.plots import plot_probabilities as plot_probabilities
    from bayesgov.report.plots import plot_row_flow as plot_row_flow
    from bayesgov.report.plots import plot_shrinkage as plot_shrinkage
    from bayesgov.report.plots import plot_specification_curve as plot_specification_curve
    from bayesgov.report.plots import plot_thresholds as plot_thresholds
    from bayesgov.report.plots import plot_variation as plot_variation
    from bayesgov.runs import Run as Run
    from bayesgov.runs import load_fit as load_fit
    from bayesgov.runs import load_run as load_run
    from bayesgov.sampling import SamplingOptions as SamplingOptions
    from bayesgov.spec import PublishedSpec as PublishedSpec
    from bayesgov.spec import read_published_spec as read_published_spec
    from bayesgov.study import Study as Study
    from bayesgov.study import load_study as load_study
    from bayesgov.survey.build import build_design as build_design
    from bayesgov.survey.build import encode as encode
    from bayesgov.survey.build import redesign as redesign
    from bayesgov.survey.dial import lasso_prior_dial as lasso_prior_dial
    from bayesgov.survey.prepare import prepare as prepare
    from bayesgov.survey.simulate import SurveyDesign as SurveyDesign
    from bayesgov.survey.simulate import simulate_survey as simulate_survey
    from bayesgov.survey.spec import CumulativeSpec as CumulativeSpec
    from bayesgov.survey.spec import read_cumulative_spec as read_cumulative_spec
    from bayesgov.verdicts import ClaimVerdict as ClaimVerdict

__all__ = [*_PUBLIC, "__version__"]  # noqa: PLE0604  built from the table above


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'bayesgov' has no attribute {name!r}; public names: {', '.join(_PUBLIC)}")
    return getattr(importlib.import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
