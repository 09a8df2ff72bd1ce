"""The notebooks: what is committed can be read, and executing it again says the same.

``BAYESGOV_WRITE_NOTEBOOKS=1 uv run pytest -m notebook -n 0`` executes them and keeps the new outputs.
"""

import ast
import html
import math
import os
import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
ALLOWED = {"bayesgov", "pandas", "matplotlib", "arviz", "pathlib", "tempfile"}  # the last two hold a study of one's own

_SECONDS = 300  # for one cell, on a machine much slower than those that the notebooks are meant for
_BYTES = 400_000
_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
_MARKUP = re.compile(r"<style.*?</style>|<[^>]+>", re.DOTALL)
_NUMBER = re.compile(r"(?<![\w.])[-+]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?(?![\w.]*\w)|(?<!\w)NaN(?!\w)")
# Draws differ between machines in their last digits and, chains being chaotic, in more: a median's Monte Carlo error
# is a few hundredths at most here.
_ABSOLUTE, _RELATIVE = 0.06, 0.06


def _read(path):
    return nbformat.read(path, as_version=4)


def _code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _texts(outputs):
    """What a reader reads: streams, tables and results as text; a picture is there or not."""
    texts = []
    for output in outputs:
        if output.output_type == "stream":
            texts.append(f"{output.name}: {output.text}")
        elif "image/png" in output.data:
            texts.append("picture")
        elif "text/html" in output.data:  # the plain text of a wide table breaks where the numbers' widths say
            texts.append(html.unescape(_MARKUP.sub(" ", output.data["text/html"])))
        else:
            texts.append(output.data["text/plain"])
    return texts


def differences(first, second):
    """Why two texts are not the same up to sampling; empty if they are.

    Words must be equal, numbers without decimals too; spaces and rules of tables follow the numbers' widths.
    """
    words = [re.sub(r"[\s\\-]+", " ", _NUMBER.sub("#", text)).strip() for text in (first, second)]
    if words[0] != words[1]:
        return f"{words[0]!r} and {words[1]!r}"
    numbers = zip(_NUMBER.findall(first), _NUMBER.findall(second), strict=True)
    apart = [f"{one} and {other}" for one, other in numbers if not _near(one, other)]
    return "; ".join(apart)


def _near(one, other):
    if "NaN" in (one, other) or not any(mark in text for text in (one, other) for mark in ".e"):
        return one == other or float(one.replace(",", "")) == float(other.replace(",", ""))
    values = (float(text.replace(",", "")) for text in (one, other))
    return math.isclose(*values, rel_tol=_RELATIVE, abs_tol=_ABSOLUTE)


def _imported(source):
    python = "\n".join(line for line in source.splitlines() if not line.startswith("%"))
    for node in ast.walk(ast.parse(python)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "."


def test_there_are_five():
    assert [path.stem[0] for path in NOTEBOOKS] == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_is_committed_as_executed(path):
    notebook = _read(path)
    nbformat.validate(notebook)
    cells = _code(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert {output.output_type for output in outputs} <= {"stream", "execute_result", "display_data"}
    assert {output.name for output in outputs if output.output_type == "stream"} <= {"stdout"}
    assert "picture" in _texts(notebook.cells[-1].outputs), "ends with a picture"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_is_clean(path):
    """Neither where it was executed nor when: the same outputs are the same bytes."""
    notebook = _read(path)
    assert path.stat().st_size < _BYTES
    assert [cell.id for cell in notebook.cells] == [
        f"cell-{number:02d}" for number in range(1, len(notebook.cells) + 1)
    ]
    assert not any(cell.metadata for cell in notebook.cells)
    assert notebook.metadata == _METADATA
    shown = [cell.source for cell in notebook.cells] + [
        text for cell in _code(notebook) for text in _texts(cell.outputs)
    ]
    for text in shown:
        assert not re.search(r"(?<![\w.:/])/\w+/\w|[A-Z]:\\|\bat 0x|~/", text), text


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_uses_the_public_interface_only(path):
    import bayesgov

    sources = [cell.source for cell in _code(_read(path))]
    for source in sources:
        for module in _imported(source):
            assert module.split(".")[0] in ALLOWED, module
            assert not module.startswith("bayesgov."), module
        for name in re.findall(r"\bbayesgov\.(\w+)", source):
            assert name in bayesgov.__all__, name


def test_differences_are_found():
    assert differences("R-hat 1.00 of 72 rows", "R-hat  1.01 of 72 rows") == ""
    assert differences("term\n----\nx  -0.00", "term\n---\nx 0.01") == ""
    assert differences("beta[x] 2.61", "beta[x] 2.95") == "2.61 and 2.95"
    assert differences("p 2.7e-07", "p 3.1e-07") == ""
    assert differences("72 rows", "73 rows") == "72 and 73"
    assert "effect" in differences("x effect 0.75", "x undecided 0.75")
    assert differences("1,681", "1,682") == "1,681 and 1,682"
    assert differences("NaN", "0.00") == "NaN and 0.00"


@pytest.mark.notebook
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_says_the_same_when_executed_again(path, tmp_path):
    from nbclient import NotebookClient

    committed, notebook = _read(path), _read(path)
    for cell in _code(notebook):
        cell.outputs, cell.execution_count = [], None
    place = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=_SECONDS, kernel_name="python3", record_timing=False, resources=place).execute()
    if os.environ.get("BAYESGOV_WRITE_NOTEBOOKS"):
        notebook.metadata = _METADATA  # the kernel adds its version
        nbformat.write(notebook, path)
        return
    for old, new in zip(_code(committed), _code(notebook), strict=True):
        assert len(_texts(old.outputs)) == len(_texts(new.outputs)), new.source
        for before, after in zip(_texts(old.outputs), _texts(new.outputs), strict=True):
            assert not (found := differences(before, after)), f"{found}\n{new.source}"
