"""Two-step GMM unit by unit, with loops and dense matrices: slow, and independent of the package's algebra."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bayesgov.panel.cube import Panel
from bayesgov.panel.instruments import GmmModel, GmmStyle


@dataclass(frozen=True)
class NaiveFit:
    one_step: np.ndarray
    one_step_se: np.ndarray
    two_step: np.ndarray
    two_step_se: np.ndarray
    hansen: float
    sargan: float
    autocorrelation: tuple[float, ...]
    n_instruments: int


def _value(series: np.ndarray, period: int) -> float:
    return float(series[period]) if 0 <= period < series.size else float("nan")


def _transformation(complete: np.ndarray, kind: str) -> np.ndarray:
    """Rows of the transformed equation over level periods; row t + 1 holds the deviation of period t."""
    n = complete.size
    matrix = np.zeros((n, n))
    for t in range(1, n):
        if kind == "difference":
            if complete[t] and complete[t - 1]:
                matrix[t, t], matrix[t, t - 1] = 1.0, -1.0
        else:
            later = [s for s in range(t, n) if complete[s]]
            if complete[t - 1] and later:
                scale = np.sqrt(len(later) / (len(later) + 1))
                matrix[t, t - 1] = scale
                for s in later:
                    matrix[t, s] = -scale / len(later)
    return matrix


def naive_gmm(panel: Panel, model: GmmModel) -> NaiveFit:
    """The estimates of a model without period effects."""
    n_times = len(panel.times)
    everything = np.ones(n_times, dtype=bool)
    lead = _transformation(everything, model.transformation)
    whole = np.vstack([lead, np.eye(n_times)]) if model.system else lead
    h = whole @ whole.T
    blocks = []
    for unit in range(len(panel.units)):
        series = {name: cube[unit] for name, cube in panel.values.items()}
        x = np.array([[_value(series[r.variable], t - r.lag) for r in model.regressors] for t in range(n_times)])
        y = series[model.outcome]
        complete = ~np.isnan(x).any(axis=1) & ~np.isnan(y)
        for entry in model.instruments:
            if not isinstance(entry, GmmStyle):
                complete &= ~np.isnan([_value(series[entry.variable], t - entry.lag) for t in range(n_times)])
        transform = _transformation(complete, model.transformation)
        blocks.append((series, np.where(complete[:, None], x, 0), np.where(complete, y, 0), complete, transform))
    z_columns = _instrument_list(model, n_times)
    stacked = [_stack(block, model, z_columns, n_times) for block in blocks]
    used = np.flatnonzero(np.any([np.abs(z).max(axis=0) > 0 for z, *_ in stacked], axis=0))
    stacked = [(z[:, used], x, y, rows) for z, x, y, rows in stacked]
    zhz = sum(z.T @ h @ z for z, *_ in stacked)
    zx, zy = sum(z.T @ x for z, x, *_ in stacked), sum(z.T @ y for z, x, y, _ in stacked)
    a1 = np.linalg.pinv(zhz, hermitian=True)
    bread1 = np.linalg.inv(zx.T @ a1 @ zx)
    b1 = bread1 @ zx.T @ a1 @ zy
    g1 = [z.T @ (y - x @ b1) for z, x, y, _ in stacked]
    s = sum(np.outer(g, g) for g in g1)
    v1 = bread1 @ zx.T @ a1 @ s @ a1 @ zx @ bread1
    a2 = np.linalg.inv(s)
    bread2 = np.linalg.inv(zx.T @ a2 @ zx)
    b2 = bread2 @ zx.T @ a2 @ zy
    total = sum(z.T @ (y - x @ b2) for z, x, y, _ in stacked)
    # Windmeijer (2005): D[., k] = bread2 X'Z A2 (dS/db_k) A2 Z'e2, dS/db_k = -sum Z'(x_k e' + e x_k')Z
    derivative = np.zeros((b2.size, b2.size))
    for k in range(b2.size):
        ds = sum(
            np.outer(z.T @ x[:, k], g) + np.outer(g, z.T @ x[:, k]) for (z, x, *_), g in zip(stacked, g1, strict=True)
        )
        derivative[:, k] = bread2 @ zx.T @ a2 @ ds @ a2 @ total
    v2 = bread2 + derivative @ bread2 + bread2 @ derivative.T + derivative @ v1 @ derivative.T
    residuals = np.concatenate([(y - x @ b1)[:n_times] for _, x, y, _ in stacked])
    n_rows = sum(int(rows[:n_times].sum()) for *_, rows in stacked)
    sigma2 = residuals @ residuals / ((2 if model.transformation == "difference" else 1) * n_rows)
    total1 = sum(g1)
    return NaiveFit(
        one_step=b1,
        one_step_se=np.sqrt(np.diag(v1)),
        two_step=b2,
        two_step_se=np.sqrt(np.diag(v2)),
        hansen=float(total @ a2 @ total),
        sargan=float(total1 @ a1 @ total1 / sigma2),
        autocorrelation=tuple(_ar(order, blocks, stacked, model, b2, v2, bread2 @ zx.T @ a2) for order in (1, 2)),
        n_instruments=int(np.linalg.matrix_rank(zhz)),
    )


def _instrument_list(model: GmmModel, n_times: int) -> list[tuple[str, object, int, int]]:
    """(kind, entry, lag, row): row -1 where one column covers all rows."""
    columns: list[tuple[str, object, int, int]] = []
    for entry in model.instruments:
        if not isinstance(entry, GmmStyle):
            columns.append(("iv", entry, entry.lag, -1))
            continue
        last = n_times - 1 if entry.last is None else entry.last
        if entry.equation != "level":
            for lag in range(entry.first, last + 1):
                rows = [-1] if entry.collapse else range(n_times)
                columns += [("lag", entry, lag, row) for row in rows]
        if model.system and entry.equation != "difference":
            lags = range(entry.first, last + 1) if entry.equation == "level" else [max(entry.first - 1, 0)]
            for lag in lags:
                rows = [-1] if entry.collapse else range(n_times)
                columns += [("change", entry, lag, row) for row in rows]
    if model.system:
        columns.append(("constant", None, 0, -1))
    return columns


def _stack(block, model: GmmModel, columns, n_times: int):
    """Instruments, regressors, outcome and mask of one unit's rows."""
    series, x, y, complete, transform = block
    mask = np.abs(transform).sum(axis=1) > 0
    if model.system:
        x = np.column_stack([x, complete.astype(float)])
        rows_x, rows_y = np.vstack([transform @ x, x]), np.concatenate([transform @ y, y])
        mask = np.concatenate([mask, complete])
    else:
        rows_x, rows_y = transform @ x, transform @ y
    z = np.zeros((mask.size, len(columns)))
    for index, (kind, entry, lag, row) in enumerate(columns):
        for t in range(n_times):
            if kind == "constant":
                z[n_times + t, index] = 1.0
                continue
            values = series[entry.variable]
            if kind == "lag" and row in (-1, t):
                z[t, index] = np.nan_to_num(_value(values, t - lag))
            if kind == "change" and row in (-1, t):
                z[n_times + t, index] = np.nan_to_num(_value(values, t - lag) - _value(values, t - lag - 1))
        if kind == "iv":
            known = np.nan_to_num(np.array([_value(series[entry.variable], t - lag) for t in range(n_times)]))
            if entry.equation != "level" or not model.system:
                z[:n_times, index] = transform @ known
            if model.system and entry.equation != "difference":
                z[n_times:, index] = known
    z[~mask] = 0.0
    rows_x[~mask], rows_y[~mask] = 0.0, 0.0
    return z, rows_x, rows_y, mask


def _ar(order: int, blocks, stacked, model: GmmModel, b: np.ndarray, v: np.ndarray, projection: np.ndarray) -> float:
    numerator, own, pull, joint = 0.0, 0.0, np.zeros(b.size), np.zeros(projection.shape[1])
    for (_, own_x, y, complete, _), (z, rows_x, rows_y, _) in zip(blocks, stacked, strict=True):
        x = np.column_stack([own_x, complete.astype(float)]) if model.system else own_x
        d = _transformation(complete, "difference")
        e, dx = d @ (y - x @ b), d @ x
        lagged = np.concatenate([np.zeros(order), e[:-order]])
        lagged[np.abs(d).sum(axis=1) == 0] = 0.0
        product = float(lagged @ e)
        numerator += product
        own += product**2
        pull += lagged @ dx
        joint += z.T @ (rows_y - rows_x @ b) * product
    variance = own - 2 * pull @ projection @ joint + pull @ v @ pull
    return float(numerator / np.sqrt(variance))
