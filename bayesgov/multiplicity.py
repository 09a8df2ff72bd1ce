"""p-values adjusted for how many there are."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy import stats


def adjust(p_values: np.ndarray, method: Literal["holm", "bh"]) -> np.ndarray:
    """Adjusted p-values, "holm" (Holm 1979, family-wise) or "bh" (Benjamini & Hochberg 1995, false discoveries).

    Parameters
    ----------
    p_values : ndarray, shape (n,)
    method : {"holm", "bh"}
    """
    if method == "bh":
        adjusted: np.ndarray = stats.false_discovery_control(p_values, method="bh")
        return adjusted
    if method != "holm":
        raise ValueError(f"method must be one of holm, bh; got {method!r}")
    order = np.argsort(p_values)
    steps = np.minimum(1.0, np.maximum.accumulate(p_values[order] * np.arange(p_values.size, 0, -1)))
    result = np.empty_like(steps)
    result[order] = steps
    return result
