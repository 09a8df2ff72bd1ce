"""``bayesgov.fit``: one call for every spec and either approach."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

from bayesgov.data import as_table
from bayesgov.errors import InputError
from bayesgov.fits import Approach, Fit
from bayesgov.panel.spec import DynamicPanelSpec
from bayesgov.survey.spec import CumulativeSpec


def fit(
    spec: CumulativeSpec | DynamicPanelSpec | str,
    data: Any,
    approach: Approach = "bayesian",
    *,
    seed: int | None = None,
    label: str = "",
    progress: Callable[[str], None] = lambda _message: None,
) -> Fit:
    """Fit a specification to rows.

    Parameters
    ----------
    spec : CumulativeSpec, DynamicPanelSpec or str
        A formula such as ``"rating ~ temp + mo(contact) + (1|judge)"`` stands for ``CumulativeSpec(formula=...)``.
    data : pandas.DataFrame, bayesgov.data.Table or anything that speaks Arrow
    approach : {"bayesian", "frequentist"}
    seed : int, optional
        Of samplers, folds and imputations; by default the spec's.
    label : str, optional
        Of the Fit; by default the approach.
    progress : callable
        Called with what is being done.

    Returns
    -------
    Fit

    Raises
    ------
    InputError
        If spec and data do not fit one another.
    """
    if approach not in ("bayesian", "frequentist"):
        raise InputError(f"approach must be bayesian or frequentist; got {approach!r}")
    if isinstance(spec, str):
        try:
            spec = CumulativeSpec(formula=spec)
        except ValidationError as error:
            raise InputError(error.errors()[0]["msg"]) from None
    chosen = spec.sampling.seed if seed is None else seed
    named = label or approach
    # loaded here: samplers take seconds to import
    if isinstance(spec, DynamicPanelSpec):
        from bayesgov.panel.analysis import fit_panel

        return fit_panel(spec, as_table(data), approach, label=named, seed=chosen, progress=progress)
    from bayesgov.survey.analysis import fit_rows

    return fit_rows(spec, as_table(data), approach, label=named, seed=chosen, progress=progress)
