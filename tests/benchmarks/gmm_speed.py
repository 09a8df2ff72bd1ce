"""How fast GMM is, as ratios from one run.

Run as

    uv run python tests/benchmarks/gmm_speed.py             # this package alone: under a minute
    uv run python tests/benchmarks/gmm_speed.py --peers     # with R's plm and with pydynpd: some minutes

The specification is the Blundell-Bond example of Roodman (2009, doi:10.1177/1536867X0900900106) in two steps, with
Windmeijer's correction and every test: 113 instruments for 140 firms (EmplUK). Larger panels are copies of these firms
with noise of standard deviation 0.05. Every part is a process of its own with single-threaded linear algebra; memory
is the process's largest, with Python and its libraries. Peers that are not installed are left out, and the table says
so. pydynpd runs in an environment of its own (``uv run --no-project``), because it does not work with the current
numpy. The exit status is 1 if a target is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd

HERE = Path(__file__).parent
DATA = HERE.parents[1] / "models" / "panel" / "data" / "EmplUK.csv"
FIRMS = (140, 1_400, 14_000)
REPEATS = {140: 20, 1_400: 5, 14_000: 1}
SECONDS_MAX, MEBIBYTES_MAX = 5.0, 1024.0  # at 14,000 firms
PLM_TIMES, PYDYNPD_TIMES = 8.0, 5.0  # how much faster than these at 140 firms
SINGLE = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")

PYDYNPD = """
import sys, time, json, io, contextlib
import pandas as pd
from statistics import median
from pydynpd import regression
rows = pd.read_csv(sys.argv[1])
command = "n L1.n w L1.w k L1.k | gmm(n, 2:.) gmm(w, 2:.) gmm(k, 2:.) | timedumm"
times = []
for _ in range(int(sys.argv[2])):
    start = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        regression.abond(command, rows, ["firm", "year"])
    times.append(time.perf_counter() - start)
print(json.dumps({"seconds": median(times)}))
"""


def firms(n: int) -> pd.DataFrame:
    """Rows of EmplUK and of copies with noise."""
    frame = pd.read_csv(DATA)
    columns = {"n": "emp", "w": "wage", "k": "capital"}
    base = frame[["firm", "year"]].assign(**{name: np.log(frame[source]) for name, source in columns.items()})
    rng = np.random.default_rng(20260104)
    copies = []
    for copy in range(n // 140):
        noise = 0.05 * rng.standard_normal((len(base), 3)) * (copy > 0)
        copies.append(
            base.assign(
                firm=base["firm"] + 1000 * copy,
                **dict(zip("nwk", (base[["n", "w", "k"]] + noise).to_numpy().T, strict=True)),
            )
        )
    return pd.concat(copies, ignore_index=True)


def part(n: int) -> dict[str, float]:
    """Seconds of one fit with its tests and the process's memory, in this process."""
    from bayesgov.panel.cube import panel_from_frame
    from bayesgov.panel.gmm import fit_gmm
    from bayesgov.panel.instruments import GmmModel, GmmStyle, Regressor

    panel = panel_from_frame(firms(n), "firm", "year", ["n", "w", "k"])
    regressors = (Regressor("n", 1), Regressor("w"), Regressor("w", 1), Regressor("k"), Regressor("k", 1))
    styles = tuple(GmmStyle(name, 2) for name in "nwk")
    model = GmmModel("n", regressors, styles, system=True, time_effects="level")
    times = []
    for _ in range(REPEATS[n]):
        start = time.perf_counter()
        fit = fit_gmm(panel, model)
        times.append(time.perf_counter() - start)
    assert fit.n_instruments == 113
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 if sys.platform != "darwin" else 1024) / 1024
    return {"seconds": median(times), "mebibytes": memory}


def _run(command: list[str]) -> dict[str, float] | str:
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | SINGLE, check=False)
    if done.returncode:
        return done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"exit status {done.returncode}"
    result: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def peers(folder: Path) -> dict[str, dict[str, float] | str]:
    """plm and pydynpd at 140 firms, or why they are left out."""
    rows = folder / "firms.csv"
    firms(140).to_csv(rows, index=False)
    script = folder / "pydynpd_part.py"
    script.write_text(PYDYNPD)
    found: dict[str, dict[str, float] | str] = {"plm": "Rscript is not installed", "pydynpd": "uv is not installed"}
    if shutil.which("Rscript"):
        found["plm"] = _run(["Rscript", str(HERE / "gmm_speed.R"), str(rows), "5"])
    if shutil.which("uv"):
        needs = ["--with", "numpy<2.4", "--with", "pydynpd"]
        found["pydynpd"] = _run(["uv", "run", "--no-project", *needs, "python", str(script), str(rows), "5"])
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--part", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.part:
        print(json.dumps(part(arguments.part)))
        return 0
    missed = 0
    print(f"load {os.getloadavg()[0]:.1f}; one thread; Roodman's specification, two-step, all tests")
    ours = {}
    for n in FIRMS:
        found = _run([sys.executable, __file__, "--part", str(n)])
        if isinstance(found, str):
            print(f"{n:>7,} firms: {found}")
            return 1
        ours[n] = found
        print(f"{n:>7,} firms  {found['seconds']:8.4f} s  {found['mebibytes']:6.0f} MiB")
    largest = ours[FIRMS[-1]]
    for what, value, limit in (
        ("seconds at 14,000 firms", largest["seconds"], SECONDS_MAX),
        ("MiB at 14,000 firms", largest["mebibytes"], MEBIBYTES_MAX),
    ):
        missed += value > limit
        print(f"{what}: {value:.3g} <= {limit:g}: {'met' if value <= limit else 'MISSED'}")
    if arguments.peers:
        with tempfile.TemporaryDirectory() as folder:
            for name, found in peers(Path(folder)).items():
                if isinstance(found, str):
                    print(f"{name}: left out ({found})")
                    continue
                limit = PLM_TIMES if name == "plm" else PYDYNPD_TIMES
                ratio = found["seconds"] / ours[140]["seconds"]
                missed += ratio < limit
                print(
                    f"{name}: {found['seconds']:.4f} s at 140 firms, {ratio:.1f} x ours >= {limit:g}: "
                    f"{'met' if ratio >= limit else 'MISSED'}"
                )
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
