"""Claims put to rows: what is found wrong before sampling, what is left open, what is judged."""

import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayesgov.cli import main
from bayesgov.errors import InputError
from bayesgov.fits import PosteriorFit
from bayesgov.panel.bayesian import pipeline as panel_bayesian
from bayesgov.panel.frequentist import pipeline as panel_frequentist
from bayesgov.row_claims import PANEL_TABLES, SURVEY_TABLES, claims_beside, judge_rows, read_row_claims
from bayesgov.study import models_folder
from bayesgov.survey.bayesian import pipeline as survey_bayesian
from bayesgov.survey.frequentist import pipeline as survey_frequentist

HEAD = 'sentence = "s"\nplace = "p"\nestimand = "e"\nrule = "r"\n'
FREQUENTIST = 'frequentist = { table = "screening", column = "p_holm", each = "< 0.05" }\n'
POSTERIOR = 'posterior = { fit = "bayesian", variable = "beta", each = "> 0" }\n'


def _file(tmp_path, *claims):
    path = tmp_path / "mine.claims.toml"
    path.write_text("".join(f'[[claims]]\nid = "{i}"\n{HEAD}{claim}' for i, claim in enumerate(claims)), "utf-8")
    return path


def _read(path):
    return read_row_claims(path, tables=SURVEY_TABLES, fits=("bayesian",))


def _found(**changes):
    draws = np.linspace(-0.5, 9.5, 200).reshape(1, 100, 2)
    posterior = xr.Dataset({"beta": (("chain", "draw", "term"), draws)}, {"term": ["x", "z"]})
    fit = PosteriorFit("bayesian", xr.DataTree.from_dict({"posterior": posterior}), ("beta",), ())
    tables = {"screening": pd.DataFrame({"item": ["x", "z"], "p_holm": [0.01, 0.02]})}
    return SimpleNamespace(**{"fits": {"bayesian": fit}, "tables": tables} | changes)


def test_claims_are_judged_on_tables_and_draws(tmp_path):
    judged = judge_rows(_read(_file(tmp_path, FREQUENTIST + POSTERIOR)), _found())
    (verdict,) = judged.verdicts
    assert (verdict.printed.answer, verdict.printed.text) == ("not checkable", "no printed table")
    assert verdict.frequentist.answer == "holds"
    assert (verdict.posterior.answer, verdict.posterior.probability) == ("holds", pytest.approx(0.95))
    assert set(judged.flips["source"]) == {"frequentist", "posterior"}
    assert judged.problems == ()


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        (FREQUENTIST.replace("screening", "screning") + POSTERIOR, r"'screning' is none .*did you mean 'screening'"),
        (FREQUENTIST + POSTERIOR.replace('"bayesian"', '"bayes"'), r"fit 'bayes' is none"),
        (FREQUENTIST + POSTERIOR + 'printed = { cells = ["1/a/b"], each = "> 0" }\n', "leave printed out"),
        (FREQUENTIST.replace("< 0.05", "less") + POSTERIOR, "'less'"),
        (FREQUENTIST, "'claims.0.posterior' is missing"),
    ],
)
def test_what_is_wrong_is_found_without_an_analysis(tmp_path, claim, message):
    with pytest.raises(InputError, match=message):
        _read(_file(tmp_path, claim))


def test_each_claim_needs_its_own_id(tmp_path):
    path = _file(tmp_path, FREQUENTIST + POSTERIOR)
    path.write_text(path.read_text("utf-8") * 2, "utf-8")
    with pytest.raises(InputError, match="'0' stands more than once"):
        _read(path)


def test_one_school_alone_leaves_the_other_open(tmp_path):
    claims = _read(_file(tmp_path, FREQUENTIST + POSTERIOR))
    (verdict,) = judge_rows(claims, _found(fits={})).verdicts
    assert verdict.frequentist.answer == "holds"
    assert verdict.posterior.text == "there is no fit bayesian in this analysis"
    (verdict,) = judge_rows(claims, _found(tables={})).verdicts
    assert verdict.frequentist.text == "this analysis made no table screening"
    assert verdict.posterior.answer == "holds"


def test_a_name_that_only_the_analysis_can_know_costs_the_verdict_and_not_the_run(tmp_path):
    wrong = FREQUENTIST.replace("p_holm", "p_hommel") + POSTERIOR
    judged = judge_rows(_read(_file(tmp_path, wrong, FREQUENTIST + POSTERIOR)), _found())
    assert "no column 'p_hommel'" in judged.problems[0]
    assert [verdict.frequentist.answer for verdict in judged.verdicts] == ["not checkable", "holds"]
    # the source that names something wrong is the one that is left open
    assert judged.verdicts[0].posterior.answer == "holds"


def test_missing_fits_beside_are_left_out(tmp_path):
    claim = FREQUENTIST + POSTERIOR.replace("each", 'robust = ["bayesian"], each')
    claims = read_row_claims(_file(tmp_path, claim), tables=SURVEY_TABLES, fits=("bayesian", "latent"))
    (verdict,) = judge_rows(claims, _found()).verdicts
    assert verdict.robustness.startswith("Same ruling")


def test_claims_lie_beside_their_spec(tmp_path):
    spec = tmp_path / "mine.toml"
    assert claims_beside(spec) is None
    path = _file(tmp_path, FREQUENTIST + POSTERIOR)
    assert claims_beside(spec) == path
    assert claims_beside(spec, tmp_path / "other.toml") == tmp_path / "other.toml"


@pytest.mark.parametrize("path", sorted(models_folder().glob("*/*.claims.toml")), ids=lambda path: path.name)
def test_shipped_claims_on_rows_can_be_read_and_belong_to_a_spec(path):
    tables, fits = {
        "survey": (SURVEY_TABLES, ("bayesian",)),
        "panel": (PANEL_TABLES, ("bayesian", "latent")),
    }[path.parent.name]
    assert read_row_claims(path, tables=tables, fits=fits)
    assert path.with_name(path.name.replace(".claims.toml", ".toml")).is_file()


@pytest.mark.parametrize(
    ("question", "known"),
    [
        (survey_frequentist.run_pipeline, SURVEY_TABLES),
        (survey_bayesian.question_posterior, SURVEY_TABLES),
        (panel_frequentist.run_pipeline, PANEL_TABLES),
        (panel_bayesian.question_posterior, PANEL_TABLES),
    ],
    ids=["survey, frequentist", "survey, Bayesian", "panel, frequentist", "panel, Bayesian"],
)
def test_tables_that_a_pipeline_documents_can_be_named(question, known):
    documented = question.__doc__.partition("Tables by name:")[2].partition(";")[0]
    names = set(re.findall(r'"([a-z_]+)"', documented))
    assert len(names) > 4
    assert names <= known


def test_wrong_claims_end_a_fit_before_it_starts(tmp_path, capsys):
    path = _file(tmp_path, FREQUENTIST.replace("screening", "screning") + POSTERIOR)
    output = tmp_path / "run"
    spec = models_folder() / "survey" / "wine.toml"
    assert main(["fit", str(spec), "--claims", str(path), "-o", str(output)]) == 2
    assert "did you mean 'screening'" in capsys.readouterr().err
    assert not output.exists()
