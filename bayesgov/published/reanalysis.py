"""The main job: audit the printed tables, fit both schools, rule on every claim.

Each block of a published spec (contingency, coefficients, regions) is a job of its own; jobs run side by side in
worker processes, since compiling a model occupies one core for seconds. A job that crashes is reported as crashed and
does not take the others with it.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

import pandas as pd

from bayesgov.claims import Claim, read_claims
from bayesgov.errors import InputError
from bayesgov.fits import Fit
from bayesgov.flips import flip_table
from bayesgov.published.audit import AuditReport, audit
from bayesgov.runs import record
from bayesgov.spec import PublishedSpec
from bayesgov.study import Study
from bayesgov.verdicts import ClaimVerdict, check_claims, judge

if TYPE_CHECKING:
    from multiprocessing.queues import Queue

type Progress = Callable[[str], None]


class BlockResult(Protocol):
    """What reanalysing one block of a published spec returns."""

    @property
    def fits(self) -> tuple[Fit, ...]: ...

    @property
    def tables(self) -> Mapping[str, pd.DataFrame]: ...

    @property
    def assumptions(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class StudyReanalysis:
    """Everything that was found about one study.

    Attributes
    ----------
    audit : AuditReport
    blocks : mapping
        "contingency", "coefficients", "regions" -> the block's fits, tables and assumptions.
    verdicts : tuple of ClaimVerdict
        One for each claim, in the order of ``claims.toml``.
    problems : tuple of str
        Jobs that crashed and claims that could not be judged for that reason.
    seconds : mapping
        Wall time of each block.
    flips : DataFrame
        What would flip each verdict, as :func:`bayesgov.flips.flip_table` returns it.
    """

    study: Study
    spec: PublishedSpec
    audit: AuditReport
    blocks: Mapping[str, BlockResult]
    verdicts: tuple[ClaimVerdict, ...]
    problems: tuple[str, ...]
    seconds: Mapping[str, float] = field(default_factory=dict)
    flips: pd.DataFrame = field(default_factory=pd.DataFrame)

    @property
    def fits(self) -> dict[str, Fit]:
        return {fit.label: fit for block in self.blocks.values() for fit in block.fits}

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """All result tables by "block/table"."""
        return {f"{name}/{key}": frame for name, block in self.blocks.items() for key, frame in block.tables.items()}


def _silent(_message: str) -> None:
    pass


def reanalyse(study: Study, spec: PublishedSpec, *, progress: Progress = _silent, workers: int = 0) -> StudyReanalysis:
    """Reanalyse one study from its printed tables; see :func:`reanalyse_all`."""
    return reanalyse_all([(study, spec)], progress=lambda _block, message: progress(message), workers=workers)[0]


def reanalyse_all(
    jobs: Sequence[tuple[Study, PublishedSpec]],
    *,
    progress: Callable[[str, str], None] = lambda _block, _message: None,
    workers: int = 0,
) -> tuple[StudyReanalysis, ...]:
    """Reanalyse studies from their printed tables.

    Parameters
    ----------
    jobs : sequence of (Study, PublishedSpec)
    progress : callable
        Called with "study/block" and a message, in this process.
    workers : int
        Worker processes that run blocks side by side. 0 runs them here, one after the other: a script that starts
        processes must guard its entry point with ``if __name__ == "__main__"``.

    Returns
    -------
    tuple of StudyReanalysis, in the order of ``jobs``

    Raises
    ------
    InputError
        If a printed table or a claim cannot be used as the spec or ``claims.toml`` says.
    """
    # Audits and claims first: they take no time and stop at once on input that cannot be used.
    audits = [audit(study) for study, _ in jobs]
    claims = [read_claims(study.folder) for study, _ in jobs]
    for (study, spec), report, claimed in zip(jobs, audits, claims, strict=True):
        check_claims(claimed, study, audited={row.id for row in report.rows}, blocks=spec.blocks)
    outcomes = _run_blocks(jobs, progress, workers)
    return tuple(
        _conclude(study, spec, report, claimed, {block: o for (index, block), o in outcomes.items() if index == number})
        for number, ((study, spec), report, claimed) in enumerate(zip(jobs, audits, claims, strict=True))
    )


def _conclude(
    study: Study,
    spec: PublishedSpec,
    report: AuditReport,
    claims: Sequence[Claim],
    outcomes: Mapping[str, _Outcome],
) -> StudyReanalysis:
    """Judge the claims on what the blocks found, and account for blocks that crashed."""
    found = StudyReanalysis(
        study,
        spec,
        report,
        blocks={block: outcome.result for block, outcome in outcomes.items() if outcome.result is not None},
        verdicts=(),
        problems=tuple(f"{study.key}: {name} crashed: {o.error}" for name, o in outcomes.items() if o.result is None),
        seconds={block: outcome.seconds for block, outcome in outcomes.items()},
    )
    verdicts = tuple(
        judge(
            claim,
            study,
            audit_verdicts={row.id: row.verdict for row in report.rows},
            tables=found.tables,
            fits=found.fits,
            crashed=tuple(set(outcomes) - set(found.blocks)),
        )
        for claim in claims
    )
    flips = flip_table(claims, verdicts, study=study, tables=found.tables, fits=found.fits)
    return replace(found, verdicts=verdicts, flips=flips)


@dataclass(frozen=True, slots=True)
class _Outcome:
    result: BlockResult | None
    error: str
    seconds: float


def _run_blocks(
    jobs: Sequence[tuple[Study, PublishedSpec]], progress: Callable[[str, str], None], workers: int
) -> dict[tuple[int, str], _Outcome]:
    planned = [(number, block) for number, (_, spec) in enumerate(jobs) for block in spec.blocks]
    if workers == 0:
        return {
            (number, block): _run_block(*jobs[number], block, os.cpu_count() or 1, progress)
            for number, block in planned
        }
    # spawn, not fork: numba and BLAS threads do not survive a fork
    context = multiprocessing.get_context("spawn")
    messages: Queue[tuple[str, str]] = context.Queue()
    cores = max(1, (os.cpu_count() or 1) // min(workers, len(planned) or 1))
    others = set(multiprocessing.active_children())
    with ProcessPoolExecutor(min(workers, len(planned) or 1), context, _share_queue, (messages,)) as pool:
        futures: dict[tuple[int, str], Future[_Outcome]] = {
            (number, block): pool.submit(_run_block, *jobs[number], block, cores) for number, block in planned
        }
        while not all(future.done() for future in futures.values()):
            if any(future.done() and future.exception() for future in futures.values()):
                break
            try:
                progress(*messages.get(timeout=0.2))
            except queue.Empty:
                continue
        refused = next((error for f in futures.values() if f.done() and (error := f.exception())), None)
        if refused:  # a table that cannot be used: the neighbours' minutes of sampling would be for nothing
            pool.shutdown(wait=False, cancel_futures=True)
            for process in set(multiprocessing.active_children()) - others:
                process.terminate()
            raise refused
        while not messages.empty():
            progress(*messages.get())
        return {key: future.result() for key, future in futures.items()}


_messages: Queue[tuple[str, str]] | None = None  # a worker's line to the parent, set once by the pool's initialiser


def _share_queue(messages: Queue[tuple[str, str]]) -> None:
    global _messages  # noqa: PLW0603  a pool initialiser has no other way to hand over an object
    _messages = messages


def _to_parent(block: str, message: str) -> None:
    if _messages is not None:
        _messages.put((block, message))


def _run_block(
    study: Study, spec: PublishedSpec, block: str, cores: int, progress: Callable[[str, str], None] = _to_parent
) -> _Outcome:
    name = f"{study.key}/{block}"
    start = time.perf_counter()
    progress(name, "loading the sampler")
    try:
        # loaded here, so that a worker compiles one block while its neighbour already samples
        from bayesgov.published import coefficients, contingency, regions
        from bayesgov.sampling import SamplingOptions

        run: dict[str, Callable[..., BlockResult]] = {
            "contingency": contingency.reanalyse,
            "coefficients": coefficients.reanalyse,
            "regions": regions.reanalyse,
        }
        options = SamplingOptions(**spec.sampling.model_dump(), cores=cores)
        result = run[block](study, getattr(spec, block), options, lambda message: progress(name, message))
        for fit in result.fits:
            record(fit, spec=spec, data=study.key, checksum=study.checksum, seed=options.seed)
    except InputError:  # the reader's to mend, in one line
        raise
    except Exception as error:  # a crash of one block is a state of the report, not the end of the others
        traceback.print_exc()
        progress(name, "crashed")
        return _Outcome(None, f"{type(error).__name__}: {error}", time.perf_counter() - start)
    progress(name, "done")
    return _Outcome(result, "", time.perf_counter() - start)
