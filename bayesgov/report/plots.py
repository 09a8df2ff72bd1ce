"""The public figures: fits, comparisons and analyses in, Matplotlib figures with their captions out.

Nothing is estimated here; the drawing is that of the report's figures.
"""

from bayesgov.report.plots_caption import caption as plot_caption
from bayesgov.report.plots_comparison import plot_concordance, plot_specification_curve
from bayesgov.report.plots_estimates import (
    plot_caterpillar,
    plot_forest,
    plot_prior_posterior,
    plot_shrinkage,
    plot_thresholds,
)
from bayesgov.report.plots_panel import plot_impulse_responses, plot_instrument_multiverse, plot_variation
from bayesgov.report.plots_rows import plot_coefficient_path, plot_ppc, plot_probabilities, plot_row_flow

__all__ = [
    "plot_caption",
    "plot_caterpillar",
    "plot_coefficient_path",
    "plot_concordance",
    "plot_forest",
    "plot_impulse_responses",
    "plot_instrument_multiverse",
    "plot_ppc",
    "plot_prior_posterior",
    "plot_probabilities",
    "plot_row_flow",
    "plot_shrinkage",
    "plot_specification_curve",
    "plot_thresholds",
    "plot_variation",
]
