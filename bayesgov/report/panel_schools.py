"""Both schools on a panel: which of its terms are compared, and their forecasts of the last period."""

from __future__ import annotations

from collections.abc import Sequence

from bayesgov.fits import Fit
from bayesgov.panel.spec import DynamicPanelSpec
from bayesgov.report.content import ReportTable
from bayesgov.report.panel_tables import ALL_UNITS, named_regions
from bayesgov.report.plots_terms import by_region, regions_of
from bayesgov.report.row_tables import Tables


def regional_names(fits: Sequence[Fit], spec: DynamicPanelSpec) -> dict[str, str]:
    """Coefficients of the lagged outcome and of the predictors, in order: "alpha[north, L1.y]" -> "L1.y, north".

    Controls, intercepts and effects of periods stand in the tables of estimates.
    """
    asked = [entry.name for entry in spec.regressors() if entry.variable in (spec.outcome, *spec.predictors)]
    regions = list(dict.fromkeys(region for fit in fits for region in regions_of(fit)))
    terms = list(dict.fromkeys(str(term) for fit in fits for term in fit.estimates()["term"]))
    found = by_region(terms, regions).assign(term=terms)
    found = found[found["variable"].isin(("alpha", "beta")) & found["what"].isin(asked)]
    place = found["what"].map(asked.index)
    found = found.assign(place=place).sort_values("place", kind="stable")
    return {
        term: what if region in ("", ALL_UNITS) else f"{what}, {region}"
        for term, what, region in found[["term", "what", "region"]].itertuples(index=False)
    }


def last_period_tables(tables: Tables) -> tuple[ReportTable, ...]:
    """Scores of both schools' forecasts of the last period."""
    if "held_out_scores" not in tables:
        return ()
    found = tables["held_out_scores"]
    period, frame = found["time"].iloc[0], found.drop(columns="time").rename(columns={"rows": "units"})
    return (
        ReportTable(
            "last-period",
            "The last period left out of both schools",
            f"Forecasts of {period} from the periods before it, for the units that every way can forecast: GMM's "
            "estimates put to work in two ways, and the posterior predictive distribution. The forecasts of a period "
            "share its shock, so that one period says little of which school forecasts better in general.",
            frame.assign(region=named_regions(frame["region"])),
            digits=4,
        ),
    )
