"""How fast the survey engine is, as ratios from one run.

Run as

    uv run python tests/benchmarks/survey_speed.py            # this package alone: about five minutes on two cores
    uv run --with bambi python tests/benchmarks/survey_speed.py --peers    # with R and Bambi: about twenty

``--only gradient mle`` runs some of the parts, ``--json FILE`` keeps every number. R's side is ``survey_peers.R``; it
needs ordinal, brms and jsonlite, and brms a C++ compiler. Peers that are not installed are left out, and the table says
so. The exit status is 1 if a target is missed.

The problem is that of ``bayesgov.survey.simulate.benchmark_design``: 10,808 rows, 14 predictors, 6 levels, 105
villages. All programs read the same rows. Every part is a process of its own, with single-threaded linear algebra for
all. "Cold" is a first run with empty caches of compiled code, "warm" the process after it. Seconds of a whole process
count from its start, with imports. Effective sample sizes that are compared with peers are bulk ones, the smallest over
coefficients, thresholds and the villages' standard deviation; seconds of sampling include the sampler's warm-up phase.

The machine should have nothing else to do. Its load is printed, and processor seconds beside wall seconds where other
work would show.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from survey_parts import MARK, Numbers

HERE = Path(__file__).parent
NOTE_BRMS = 0.18  # min ESS per second of sampling that the design note measured on this problem
R_PARTS = ("clm", "clmm", "brms")
OURS = ("gradient", "horseshoe", "normal", "mle", "selection", "million_mle", "million_sampling")
THEIRS = (*R_PARTS, "bambi_default", "bambi_centred")
# the posterior is compiled once with empty caches and once with what the first process left there
TWICE = ("horseshoe", "normal", "bambi_default")
# draws that are scored and projected, and the other side of a ratio
NEEDS = {
    "selection": "horseshoe",
    "brms": "horseshoe",
    "bambi_default": "normal",
    "bambi_centred": "normal",
    "clm": "mle",
    "clmm": "mle",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: a number, and the target that it is held against."""

    what: str
    value: float | None
    unit: str = ""
    target: str = ""
    met: bool | None = None
    remark: str = ""


def at_most(what: str, value: float, limit: float, unit: str = "", remark: str = "") -> Row:
    return Row(what, value, unit, f"<= {limit:,g}", value <= limit, remark)


def at_least(what: str, value: float, limit: float, unit: str = "", remark: str = "") -> Row:
    return Row(what, value, unit, f">= {limit:,g}", value >= limit, remark)


def below(what: str, value: float, limit: float, unit: str = "") -> Row:
    return Row(what, value, unit, f"< {limit:,g}", value < limit)


def above(what: str, value: float, limit: float, unit: str = "") -> Row:
    return Row(what, value, unit, f"> {limit:,g}", value > limit)


# --- running parts ----------------------------------------------------------------------------------------------------


def run(part: str, folder: Path, caches: Path) -> Numbers | str:
    """The numbers of one part, or why there are none."""
    environment = os.environ | {
        **dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
        "PYTENSOR_FLAGS": f"base_compiledir={caches / 'pytensor'}",
        "NUMBA_CACHE_DIR": str(caches / "numba"),
        "BENCHMARK_START": str(time.time()),
    }
    program = [sys.executable, str(HERE / "survey_parts.py"), part, str(folder)]
    if part in R_PARTS:
        program = ["Rscript", str(HERE / "survey_peers.R"), part, str(folder / "rows.csv")]
    print(f"  {part} ...", file=sys.stderr, flush=True)
    done = subprocess.run(program, env=environment, capture_output=True, text=True, check=False)
    for line in done.stdout.splitlines():
        if line.startswith(MARK):
            numbers: Numbers = json.loads(line.removeprefix(MARK))
            return numbers
    last = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no output"]
    return f"exit status {done.returncode}: {last[0]}"


def run_all(parts: tuple[str, ...], folder: Path) -> dict[str, Numbers | str]:
    """Every part's numbers; parts that compile have caches of their own and come as ``cold`` and ``warm``."""
    found: dict[str, Numbers | str] = {"rows": run("rows", folder, folder / "caches")}
    for part in parts:
        if part in R_PARTS and not shutil.which("Rscript"):
            found[part] = "Rscript is not installed"
        elif part.startswith("bambi") and not importlib.util.find_spec("bambi"):
            found[part] = "bambi is not installed"
        elif part in TWICE:
            for state in ("cold", "warm"):
                found[f"{part}_{state}"] = run(part, folder, folder / f"caches_{part}")
        else:
            found[part] = run(part, folder, folder / "caches")
    return found


# --- the table --------------------------------------------------------------------------------------------------------


def gradient_rows(now: Numbers) -> Iterator[Row]:
    yield Row("X @ beta and X.T @ r, by rows", now["products_by_row"], "ms")
    yield Row("X @ beta and X.T @ r, by columns", now["products_by_column"], "ms")
    yield Row("likelihood with gradient", now["kernel"], "ms")
    yield at_most("likelihood with gradient / the faster products", now["ratio"], 3)
    yield Row("whole posterior density with gradient / the same", now["posterior_ratio"])


def horseshoe_rows(now: Numbers, state: str) -> Iterator[Row]:
    name, processor = f"horseshoe, {state}", f"{now['processor_seconds']:.1f} s of processor"
    yield at_most(f"{name}: whole process", now["total_seconds"], {"cold": 40, "warm": 20}[state], "s", processor)
    yield Row(f"{name}: compilation", now["compile_seconds"], "s")
    yield Row(f"{name}: sampling", now["sampling_seconds"], "s", remark=f"{now['steps_per_draw']:.1f} leapfrogs a draw")
    yield below(f"{name}: R-hat, largest", now["rhat_max"], 1.01)
    yield at_most(f"{name}: divergences", now["divergences"], 0)
    yield above(f"{name}: bulk ESS, smallest of all parameters", now["ess_bulk_min"], 1000)
    yield above(f"{name}: tail ESS, smallest of all parameters", now["ess_tail_min"], 1000)
    yield Row(f"{name}: peak memory", now["peak_gib"], "GiB")


def against_brms(ours: Numbers, brms: Numbers | None) -> Iterator[Row]:
    speed = ours["ess"] / ours["sampling_seconds"]
    yield Row("horseshoe: min ESS per second of sampling", speed, "1/s", remark=f"ESS {ours['ess']:.0f}")
    yield at_least("... / brms in the design note", speed / NOTE_BRMS, 500, remark=f"brms {NOTE_BRMS}")
    if brms:
        theirs = brms["ess"] / brms["sampling_seconds"]
        text = f"brms {brms['version']}: ESS {brms['ess']:.0f} in {brms['sampling_seconds']:.0f} s"
        yield at_least("... / brms in this run", speed / theirs, 500, remark=text)
        ratio = ours["ess"] / ours["total_seconds"] / (brms["ess"] / brms["total_seconds"])
        yield Row("... / brms, whole processes", ratio, remark=f"brms {brms['total_seconds']:.0f} s with compilation")


def against_bambi(ours: Numbers, bambi: Numbers, name: str) -> Iterator[Row]:
    text = f"Bambi {bambi['version']}: ESS {bambi['ess']:.0f}, {bambi['divergences']} divergences"
    for seconds, words in (("sampling_seconds", "sampling"), ("fit_seconds", "compilation and sampling")):
        speed, theirs = ours["ess"] / ours[seconds], bambi["ess"] / bambi[seconds]
        times = f"{ours[seconds]:.1f} s against {bambi[seconds]:.1f} s"
        yield at_least(f"normal priors: min ESS per second / {name}, {words}", speed / theirs, 20, remark=times)
    yield Row(f"normal priors: smallest ESS, ours / {name}", ours["ess"] / bambi["ess"], remark=text)


def mle_rows(now: Numbers) -> Iterator[Row]:
    yield Row("maximum likelihood from a data frame", now["seconds"], "s")
    yield Row("maximum likelihood from arrays", now["arrays_seconds"], "s")
    yield Row("village intercepts, 10 nodes, from a data frame", now["mixed_seconds"], "s")
    yield Row("village intercepts, Laplace, from arrays", now["mixed_laplace_seconds"], "s")


def against_clm(ours: Numbers, clm: Numbers) -> Iterator[Row]:
    text = f"clm {clm['seconds']:.2f} s; estimates differ by {_distance(ours['estimates'], clm['estimates']):.0e}"
    yield at_most("maximum likelihood / ordinal::clm", ours["seconds"] / clm["seconds"], 3, remark=text)


def against_clmm(ours: Numbers, clmm: Numbers) -> Iterator[Row]:
    gap = _distance(ours["mixed_estimates"], clmm["estimates"])
    text = f"clmm {clmm['seconds']:.1f} s; Laplace estimates differ by {gap:.0e}"
    yield at_most(
        "village intercepts, 10 nodes / clmm (Laplace)", ours["mixed_seconds"] / clmm["seconds"], 3, remark=text
    )


def selection_rows(now: Numbers) -> Iterator[Row]:
    for step in ("lasso_gaussian", "lasso_ordinal", "loo", "projection"):
        words = f"peak {now[f'{step}_peak_gib']:.2f} GiB"
        yield Row(step.replace("_", ", ").replace("loo", "leave-one-out"), now[f"{step}_seconds"], "s", remark=words)


def million_rows(now: Numbers, what: str, limit: float | None) -> Iterator[Row]:
    name = f"1,000,000 rows, {what}"
    yield (
        below(f"{name}: seconds", now["seconds"], limit, "s") if limit else Row(f"{name}: seconds", now["seconds"], "s")
    )
    yield below(f"{name}: peak memory", now["peak_gib"], 4, "GiB")


def _distance(one: list[float], other: list[float]) -> float:
    return max(abs(a - b) for a, b in zip(one, other, strict=True))


def table(found: dict[str, Numbers | str]) -> Iterator[Row]:
    """All rows that the numbers allow; a part without numbers has a row that says why."""
    makers: list[tuple[tuple[str, ...], Callable[..., Iterator[Row]]]] = [
        (("gradient",), gradient_rows),
        (("horseshoe_cold",), lambda now: horseshoe_rows(now, "cold")),
        (("horseshoe_warm",), lambda now: horseshoe_rows(now, "warm")),
        (("horseshoe_warm", "brms?"), against_brms),
        (("normal_cold", "bambi_default_cold"), lambda a, b: against_bambi(a, b, "Bambi, cold")),
        (("normal_warm", "bambi_default_warm"), lambda a, b: against_bambi(a, b, "Bambi, warm")),
        (("normal_warm", "bambi_centred"), lambda a, b: against_bambi(a, b, "Bambi with centred villages")),
        (("mle",), mle_rows),
        (("mle", "clm"), against_clm),
        (("mle", "clmm"), against_clmm),
        (("selection",), selection_rows),
        (("million_mle",), lambda now: million_rows(now, "maximum likelihood", 30)),
        (("million_sampling",), lambda now: million_rows(now, "sampling", None)),
    ]
    for needs, make in makers:
        given = [found.get(need.removesuffix("?")) for need in needs]
        known = [value if isinstance(value, dict) else None for value in given]
        if all(value or need.endswith("?") for need, value in zip(needs, known, strict=True)):
            yield from make(*known)
    for name, value in found.items():
        if isinstance(value, str):
            yield Row(name, None, met=False if name.startswith(OURS) else None, remark=value)


def show(rows: list[Row]) -> None:
    """Print the table, and how many targets are met."""
    width = max(len(row.what) for row in rows)
    for row in rows:
        value = "" if row.value is None else f"{row.value:,.4g}" if row.value < 1000 else f"{row.value:,.0f}"
        verdict = {True: "met", False: "MISSED", None: ""}[row.met]
        print(f"{row.what:<{width}}  {value:>8} {row.unit:<4} {row.target:>8}  {verdict:<6}  {row.remark}".rstrip())
    targets = [row for row in rows if row.met is not None]
    print(f"\n{sum(bool(row.met) for row in targets)} of {len(targets)} targets met")


def main() -> int:
    """Run the parts; the exit status is 1 if a target is missed."""
    parser = argparse.ArgumentParser(description="How fast the survey engine is, as ratios from one run.")
    parser.add_argument("--peers", action="store_true", help="also run R (ordinal, brms) and Bambi where installed")
    parser.add_argument("--only", nargs="+", choices=(*OURS, *THEIRS), default=[], help="run these parts only")
    parser.add_argument("--json", type=Path, help="keep every number in this file")
    options = parser.parse_args()
    wanted = set(options.only) or {*OURS, *(THEIRS if options.peers else ())}
    wanted |= {NEEDS[part] for part in wanted if part in NEEDS}
    parts = tuple(part for part in (*OURS, *THEIRS) if part in wanted)
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} cores, load {load:.1f}, Python {sys.version.split()[0]}", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        found = run_all(parts, Path(folder))
    rows = list(table(found))
    print(f"{os.cpu_count()} cores; load {load:.1f} before, {os.getloadavg()[0]:.1f} after\n")
    show(rows)
    if options.json:
        options.json.write_text(json.dumps({"numbers": found, "table": [asdict(row) for row in rows]}, indent=1))
    return int(any(row.met is False for row in rows))


if __name__ == "__main__":
    sys.exit(main())
