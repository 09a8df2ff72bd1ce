"""The register of consistency checks: a name, a pure function and what the engine must know to run it.

A check is declared in a study as ``[[audit]] check = "name"``; the annotations of the function's keyword parameters
say what each argument binds:

========================================  =====================================================================
annotation                                what the declaration gives
========================================  =====================================================================
``PrintedNumber``                         a cell reference ``table/row/column`` of one printed number
``Mapping[str, PrintedNumber]``           a reference with ``*``, or a list of references: ordered reference -> cell
``Mapping[str, PrintedNumber | str]``     the same, words and empty cells allowed
``str``                                   words: a constant, or a reference to a cell of words
``float``, ``int``, ``bool``, tuples      a constant
========================================  =====================================================================

A parameter with a default may be left out of the declaration.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bayesgov.printed import PrintedNumber
from bayesgov.published.audit.finding import Explanation, Finding

type CheckFunction = Callable[..., Finding]
type Explainer = Callable[..., tuple[Explanation, ...]]
type Binding = Literal["number", "numbers", "cells", "constant"]
type Reading = Literal["truncated", "sign", "typo", "transposed", "neighbour"]

CELL_READINGS: tuple[Reading, ...] = ("truncated", "sign", "typo", "transposed")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One keyword parameter of a check: what it binds, the constant's type, and whether it may be left out."""

    binding: Binding
    constant: tuple[type, ...]
    required: bool


@dataclass(frozen=True, slots=True)
class CheckKind:
    """A registered check.

    Attributes
    ----------
    name : str
    function : callable
        Pure; keyword arguments only; returns a Finding.
    parameters : mapping
    classical : bool
        Whether it is an identity of classical inference (Wald, normal interval, likelihood ratio), which robust,
        clustered or weighted inference need not obey.
    target : str or None
        The parameter whose printed number the others imply, with ``Finding.low`` and ``high`` on its scale. The power
        of a check that already disagrees is evaluated with this cell repaired.
    explain : callable or None
        Takes the same arguments and returns the readings that belong to this kind only (one-tailed p, another df).
        Called once, for numbers that do not agree.
    readings : tuple of str
        Readings of single cells that the engine tries for every kind that lists them.
    typo_limit : int
        At most so many one-digit typos are tried, evenly spaced.
    """

    name: str
    function: CheckFunction
    parameters: Mapping[str, Parameter]
    classical: bool
    target: str | None
    explain: Explainer | None
    readings: tuple[Reading, ...]
    typo_limit: int

    @property
    def question(self) -> str:
        """What the check asks, in the words of its function's first line: "whether a correlation …"."""
        line = (self.function.__doc__ or "").strip().split("\n", maxsplit=1)[0].rstrip(".")
        return f"{line[:1].lower()}{line[1:]}" if line else self.name.replace("_", " ")


_REGISTER: dict[str, CheckKind] = {}


def check(
    name: str,
    *,
    classical: bool = False,
    target: str | None = None,
    explain: Explainer | None = None,
    readings: tuple[Reading, ...] = CELL_READINGS,
    typo_limit: int = 2000,
) -> Callable[[CheckFunction], CheckFunction]:
    """Register a pure function as the check ``name``; see :class:`CheckKind` for the arguments.

    Raises
    ------
    ValueError
        If the name is taken, or ``target`` is no ``PrintedNumber`` parameter of the function.
    """

    def register(function: CheckFunction) -> CheckFunction:
        parameters = _parameters(function)
        if name in _REGISTER:
            raise ValueError(f"a check named {name!r} is registered already")
        if target is not None and (target not in parameters or parameters[target].binding != "number"):
            raise ValueError(f"target {target!r} of check {name!r} should be one of its PrintedNumber parameters")
        _REGISTER[name] = CheckKind(name, function, parameters, classical, target, explain, readings, typo_limit)
        return function

    return register


def registered() -> Mapping[str, CheckKind]:
    """All checks by name; import :mod:`bayesgov.published.audit.catalogue` first."""
    return dict(_REGISTER)


def _parameters(function: CheckFunction) -> dict[str, Parameter]:
    hints = typing.get_type_hints(function)
    signature = inspect.signature(function).parameters.values()
    return {p.name: _parameter(hints[p.name], p.default is inspect.Parameter.empty) for p in signature}


def _parameter(hint: Any, required: bool) -> Parameter:
    members = tuple(member for member in (typing.get_args(hint) or (hint,)) if member is not type(None))
    origin = typing.get_origin(hint)
    if origin is Mapping:
        mixed = typing.get_args(hint)[1] is not PrintedNumber
        return Parameter("cells" if mixed else "numbers", (), required)
    if origin is tuple:
        return Parameter("constant", (tuple,), required)
    if members == (PrintedNumber,):
        return Parameter("number", (), required)
    types = tuple(typing.get_origin(member) or member for member in members)
    # TOML writes a whole number without a point
    return Parameter("constant", (*types, int) if float in types else types, required)
