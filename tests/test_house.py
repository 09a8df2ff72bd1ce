"""The rules of the house that a machine can check."""

import ast
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "bayesgov"
MODULES = sorted(PACKAGE.rglob("*.py"))


def _imports(path):
    """Modules of this package that a file imports at any level, type-checking imports included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _name(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_import_rules(path):
    name, imported = _name(path), set(_imports(path))

    def uses(prefix):
        return any(module == prefix or module.startswith(f"{prefix}.") for module in imported)

    if name.startswith("bayesgov.survey"):
        assert not uses("bayesgov.panel")
    if name.startswith("bayesgov.panel"):
        assert not uses("bayesgov.survey")
    if "bayesian" in name.split("."):
        assert not any("frequentist" in module.split(".") for module in imported)
    if "frequentist" in name.split("."):
        assert not any("bayesian" in module.split(".") for module in imported)
    if not name.startswith("bayesgov.report"):
        assert not uses("matplotlib")
    if name not in ("bayesgov.cli", "bayesgov.published.reanalysis"):
        assert not uses("bayesgov.cli")
    # bayesgov names the public figures and loads them on first use
    if name not in ("bayesgov", "bayesgov.cli") and not name.startswith("bayesgov.report"):
        assert not uses("bayesgov.report"), "results never depend on how they are reported"


def test_nothing_but_sampling_samples():
    for path in MODULES:
        sampler = {module for module in _imports(path) if module.split(".")[0] == "nutpie"}
        # fused.py hands a log-density over; it draws nothing
        handed_over = {
            f"nutpie.{name}"
            for name in (
                *("compiled_pyfunc", "compiled_pyfunc.from_pyfunc"),
                *("compile_pymc", "compile_pymc.CompiledPyMCModel"),  # holds a density's address; draws nothing
            )
        }
        assert path.name == "sampling.py" or sampler <= (handed_over if path.name == "fused.py" else set()), path


def test_top_level_is_fixed():
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    top = {line.split("/")[0] for line in listed.stdout.splitlines()}
    fixed = {"bayesgov", "models", "tests", "notebooks", "pyproject.toml", "README.md"}
    allowed = fixed | {"LICENSE", "CHANGELOG.md", "CONTRIBUTING.md"}
    assert {entry for entry in top if not entry.startswith(".")} <= allowed
    assert fixed - {"notebooks"} <= top


def test_no_python_among_the_models():
    assert not list((ROOT / "models").rglob("*.py"))


def _seconds(*command):
    start = time.perf_counter()
    subprocess.run([sys.executable, *command], check=True, capture_output=True)
    return time.perf_counter() - start


@pytest.mark.parametrize(
    ("command", "limit"), [(("-c", "import bayesgov"), 0.3), (("-m", "bayesgov.cli", "--help"), 0.5)]
)
def test_starting_is_fast(command, limit):
    # the best of five: the limit is on the program, not on what else the machine does
    assert min(_seconds(*command) for _ in range(5)) < limit


def test_wheel_carries_the_models():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    included = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert included == {"models": "bayesgov/models"}


def test_public_names_resolve():
    import bayesgov

    for name in bayesgov.__all__:
        assert getattr(bayesgov, name) is not None
    with pytest.raises(AttributeError, match="public names"):
        _ = bayesgov.no_such_name
