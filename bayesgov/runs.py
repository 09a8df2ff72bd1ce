"""Fits that last: what a tree needs to be a Fit again, and run folders read back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pandas as pd
import xarray as xr
from pydantic import BaseModel

from bayesgov.data import EMPTY_CELLS
from bayesgov.errors import InputError
from bayesgov.fits import Check, EstimatorFit, Fit, PosteriorFit, Predictor
from bayesgov.sampling_distribution import sampling_distribution

PROVENANCE = "provenance.json"  # marks a run folder, which a new run may replace
_ATTRIBUTES = ("label", "approach", "estimands", "checks", "spec_kind", "spec")


@dataclass(frozen=True, slots=True)
class Run:
    """A run folder.

    Attributes
    ----------
    fits : dict of str to Fit
        By the name of their file in ``trees/``; the frequentist ones first, since shrinkage is against them.
    tables : dict of str to pandas.DataFrame
        By the name of their file in ``tables/``.
    provenance : dict of str to str
    """

    fits: dict[str, Fit]
    tables: dict[str, pd.DataFrame]
    provenance: dict[str, str]


def record[F: Fit](fit: F, *, spec: BaseModel, data: str, checksum: str, seed: int, n_obs: int | None = None) -> F:
    """Write into a fit's tree what :func:`load_fit` needs, and what it was fitted to.

    An estimator's tree gets its group ``sampling_distribution`` as well, unless a bootstrap has left it there.

    Parameters
    ----------
    fit : Fit
        Complete: nothing may change its checks afterwards.
    spec : pydantic.BaseModel
    data, checksum : str
        Name of the data and SHA-256.
    seed : int
    n_obs : int, optional
        Observations; None leaves what the tree says.

    Returns
    -------
    Fit
        The same.
    """
    if isinstance(fit, EstimatorFit) and "sampling_distribution" not in fit.tree:
        fit.tree["sampling_distribution"] = xr.DataTree(sampling_distribution(fit.tree, seed))
    fit.tree.attrs.update(
        label=fit.label,
        approach=fit.approach,
        estimands=json.dumps(fit.terms if isinstance(fit, PosteriorFit) else []),
        checks=json.dumps([asdict(check) for check in fit.checks()], ensure_ascii=False),
        spec_kind=type(spec).__name__,
        spec=spec.model_dump_json(),
        data=data,
        data_sha256=checksum,
        seed=seed,
    )
    if n_obs is not None:
        fit.tree.attrs["n_obs"] = n_obs
    return fit


def fit_of(tree: xr.DataTree, what: str = "the tree") -> Fit:
    """The Fit whose tree this is.

    Parameters
    ----------
    tree : xarray.DataTree
        As :func:`record` left it.
    what : str
        How messages name it.

    Raises
    ------
    InputError
        If the tree does not say of which fit it is.
    """
    if missing := [name for name in _ATTRIBUTES if name not in tree.attrs]:
        raise InputError(f"{what}: no fit that this version of bayesgov wrote (no {', '.join(missing)}): fit it again")
    group = "posterior" if tree.attrs["approach"] == "bayesian" else "estimates"
    if group not in tree:
        raise InputError(f"{what}: damaged, it has no group {group}: fit it again")
    label = str(tree.attrs["label"])
    checks = tuple(Check(**entry) for entry in json.loads(tree.attrs["checks"]))
    predictor = _predictor(str(tree.attrs["spec_kind"]), json.loads(tree.attrs["spec"]))
    if tree.attrs["approach"] == "bayesian":
        return PosteriorFit(label, tree, tuple(json.loads(tree.attrs["estimands"])), checks, predictor)
    return EstimatorFit(label, tree, checks, predictor)


def load_fit(path: str | Path) -> Fit:
    """Read a fit from the tree that a run folder keeps of it.

    Parameters
    ----------
    path : str or Path
        ``RUN/trees/NAME.zarr``, or what ``fit.tree.to_zarr`` of a fit of :func:`bayesgov.fit` wrote.

    Raises
    ------
    InputError
        If there is no such tree, or it is no fit's.
    """
    path = Path(path)
    if not (path / "zarr.json").is_file():
        raise InputError(f"{path}: a fit's tree was wanted, such as RUN/trees/NAME.zarr; there is none")
    try:
        with xr.open_datatree(path, engine="zarr", consolidated=False, chunks=None) as stored:
            tree = _plain_text(stored.load())
        return fit_of(tree, str(path))
    except InputError:
        raise
    except Exception as error:  # what a codec or a parser makes of a damaged file
        raise _damaged(path, error) from None


def load_run(folder: str | Path) -> Run:
    """Read a run folder.

    Parameters
    ----------
    folder : str or Path
        What ``bayesgov fit`` or ``bayesgov reanalyse`` wrote.

    Raises
    ------
    InputError
        If the folder is no run, or its fits cannot be read.
    """
    folder = Path(folder)
    if not (folder / PROVENANCE).is_file():
        raise InputError(f"{folder}: a run folder was wanted; it has no {PROVENANCE}: make one with bayesgov fit")
    try:
        provenance = json.loads((folder / PROVENANCE).read_text("utf-8"))
    except ValueError as error:
        raise _damaged(folder / PROVENANCE, error) from None
    read = [(path.stem, load_fit(path)) for path in sorted((folder / "trees").glob("*.zarr"))]
    return Run(
        fits=dict(sorted(read, key=lambda entry: entry[1].approach != "frequentist")),
        tables={path.stem: _read_csv(path) for path in sorted((folder / "tables").glob("*.csv"))},
        provenance=provenance,
    )


def load_fits(places: Sequence[str | Path]) -> tuple[Fit, ...]:
    """The fits of run folders and of single trees, with labels that tell them apart.

    Parameters
    ----------
    places : sequence of str or Path
        Run folders, of which all fits are taken, or trees.

    Returns
    -------
    tuple of Fit
        Labelled by the name of their file; where two have the same, by their run as well.

    Raises
    ------
    InputError
        If a place is neither, or is named twice.
    """
    if len({Path(place).resolve() for place in places}) < len(places):
        raise InputError(f"each run or fit should be named once; got {' '.join(map(str, places))}")
    found: list[tuple[Path, Fit]] = []
    for place in map(Path, places):
        if place.suffix == ".zarr":
            found.append((place, load_fit(place)))
        else:
            found += [(place / "trees" / f"{name}.zarr", fit) for name, fit in load_run(place).fits.items()]
    paths = [path.resolve() for path, _ in found]
    ways = (
        [path.stem for path in paths],
        [f"{path.parent.parent.name}/{path.stem}" for path in paths],
        [str(path) for path, _ in found],
    )
    labels = next((labels for labels in ways if len(set(labels)) == len(labels)), ways[-1])
    return tuple(_labelled(fit, label) for label, (_, fit) in zip(labels, found, strict=True))


def _plain_text(tree: xr.DataTree) -> xr.DataTree:
    """Labels as NumPy's fixed-width text, as before they were stored; zarr's variable width does not cast to it."""
    for node in tree.subtree:
        dataset = node.to_dataset(inherit=False)
        wide = {name: found for name, found in dataset.variables.items() if found.dtype.kind == "T"}
        if wide:
            texts = {name: (found.dims, found.values.astype(object).astype(str)) for name, found in wide.items()}
            node.dataset = dataset.assign(texts)
    return tree


def _damaged(path: Path, error: Exception) -> InputError:
    return InputError(f"{path}: damaged, run the analysis again ({type(error).__name__}: {str(error).strip()[:100]})")


def _labelled(fit: Fit, label: str) -> Fit:
    assert isinstance(fit, PosteriorFit | EstimatorFit)  # what load_fit returns
    return replace(fit, label=label)


def _read_csv(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, keep_default_na=False, na_values=list(EMPTY_CELLS))


def _predictor(kind: str, spec: Mapping[str, str]) -> Predictor | None:
    if kind != "CumulativeSpec":
        return None
    from bayesgov.survey.predict import RowPredictor

    return RowPredictor(spec["family"], spec["link"])  # type: ignore[arg-type]  # validated when it was written
