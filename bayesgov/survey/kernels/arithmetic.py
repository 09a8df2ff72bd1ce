"""Small compiled building blocks that LLVM turns into vector instructions.

Only the sums and products over data may be reordered (``reassoc``); the exponential may not, because its range
reduction relies on the order of operations. The order that the compiler chooses is fixed for one machine, so equal
seeds give equal draws.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

LOG2_E = 1.4426950408889634
LN2_HIGH = 6.93147180369123816490e-01  # ln 2 in two parts: multiples of the first are exact (fdlibm's e_exp.c)
LN2_LOW = 1.90821492927058770002e-10
ROUNDING = 6755399441055744.0  # 1.5 * 2**52: adding it rounds to an integer and leaves that integer in the last bits
LARGEST = 708.0  # exp(-708) is still a normal number


@intrinsic
def _as_double(_typing: Any, bits: Any) -> Any:
    """The double whose bits are those of a 64-bit integer."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.DoubleType())

    return types.float64(types.int64), generate


@intrinsic
def _as_integer(_typing: Any, number: Any) -> Any:
    """The 64-bit integer whose bits are those of a double."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.IntType(64))

    return types.int64(types.float64), generate


@numba.njit(error_model="numpy", fastmath={"contract"})
def exp_minus(a: float) -> float:
    """exp(-a) for a >= 0, to 2 units in the last place; a above 708 counts as 708, NaN stays NaN.

    exp(-a) = 2^n exp(r) with n = round(-a / ln 2) and |r| <= ln(2) / 2, exp(r) by its Taylor polynomial of degree 13.
    """
    x = -LARGEST if a > LARGEST else -a
    shifted = x * LOG2_E + ROUNDING
    n = shifted - ROUNDING
    r = (x - n * LN2_HIGH) - n * LN2_LOW
    series = 1.0 / 6227020800.0
    series = series * r + 1.0 / 479001600.0
    series = series * r + 1.0 / 39916800.0
    series = series * r + 1.0 / 3628800.0
    series = series * r + 1.0 / 362880.0
    series = series * r + 1.0 / 40320.0
    series = series * r + 1.0 / 5040.0
    series = series * r + 1.0 / 720.0
    series = series * r + 1.0 / 120.0
    series = series * r + 1.0 / 24.0
    series = series * r + 1.0 / 6.0
    series = series * r + 0.5
    series = series * r + 1.0
    series = series * r + 1.0
    return series * _as_double((_as_integer(shifted) + 1023) << 52)


@numba.njit(error_model="numpy", fastmath={"reassoc", "contract"})
def total(values: np.ndarray, n: int) -> float:
    """Sum of the first ``n`` values."""
    result = 0.0
    for i in range(n):
        result += values[i]
    return result


@numba.njit(error_model="numpy", fastmath={"reassoc", "contract"})
def product(values: np.ndarray, n: int) -> float:
    """Product of the first ``n`` values."""
    result = 1.0
    for i in range(n):
        result *= values[i]
    return result


@numba.njit(error_model="numpy", fastmath={"reassoc", "contract"})
def dot(left: np.ndarray, right: np.ndarray, n: int) -> float:
    """Inner product of the first ``n`` entries."""
    result = 0.0
    for i in range(n):
        result += left[i] * right[i]
    return result
