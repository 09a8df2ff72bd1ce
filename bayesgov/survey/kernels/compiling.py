"""Compiled entry points that later processes load from disk.

numba's own cache only notices a change of the file that defines a function, not of the functions that it calls. The
key here is a checksum of every source file that a kernel can call, and PyTensor's cache directory keeps the code.
No kernel may call itself, directly or through another: numba 0.68 crashes on loading such code from disk.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba
from pytensor.link.numba.cache import CACHED_SRC_FUNCTIONS

import bayesgov.shrinkage_kernel


def entry_point[F: Callable[..., Any]](function: F) -> F:
    """Compile a function that Python calls: without the interpreter's lock, kept on disk for the next process."""
    CACHED_SRC_FUNCTIONS[function] = f"bayesgov-{sources_checksum()}-{function.__name__}"
    compiled: F = numba.njit(error_model="numpy", nogil=True, cache=True)(function)
    return compiled


@cache
def sources_checksum() -> str:
    """Checksum of the kernels' source files."""
    files = [*sorted(Path(__file__).parent.glob("*.py")), Path(bayesgov.shrinkage_kernel.__file__)]
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:32]
