"""Every kind of Fit does what a Fit promises: explained, compared, drawn, stored, and put into a report."""

from __future__ import annotations

from html import unescape

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from comparison.comparison_samples import estimator, posterior
from panel.latent.latent_samples import measured_spec, simulate_measured
from panel.panel_samples import sample_spec, simulate

import bayesgov
from bayesgov.cli import main
from bayesgov.fits import GLOSSARY, Check
from bayesgov.glossary import describe
from bayesgov.panel.bayesian.fit import fit_bayesian
from bayesgov.panel.latent import fit_latent
from bayesgov.panel.prepare import prepare_panel
from bayesgov.published.coefficients import bayesian as printed_bayesian
from bayesgov.published.coefficients import frequentist as printed_frequentist
from bayesgov.published.coefficients.design import read_readings
from bayesgov.published.contingency import bayesian as tables_bayesian
from bayesgov.published.contingency import frequentist as tables_frequentist
from bayesgov.published.contingency import saturated
from bayesgov.published.contingency.design import make_design
from bayesgov.published.regions import bayesian as regions_bayesian
from bayesgov.published.regions.design import read_region_table
from bayesgov.published.regions.reading import analyse_reading
from bayesgov.published.regions.reanalysis import estimator_fits
from bayesgov.report.content import Document, FitDiagnostics, StudyPart
from bayesgov.report.document import write_run
from bayesgov.report.rebuild import report_runs
from bayesgov.runs import record
from bayesgov.sampling import SamplingOptions, compile_model
from bayesgov.spec import ContingencySpec, SamplingSpec, read_published_spec
from bayesgov.study import load_study, models_folder

FEW = {"seed": 1, "chains": 2, "draws": 100, "tune": 100, "target_accept": 0.9}
SMALL = SamplingSpec(**FEW)
OPTIONS = SamplingOptions(**FEW, prior_draws=100)
SCHOOLS = ("frequentist", "bayesian")
DAMAGED = ("zarr.json", "estimates/estimate/c/0")
COUNTS = np.array([[[30.0, 40, 20], [15, 45, 50], [25, 30, 35]], [[20, 30, 60], [22, 28, 55], [18, 30, 58]]])


def _recorded(fits, spec, n_obs=None):
    return tuple(record(fit, spec=spec, data="made up", checksum="ab", seed=1, n_obs=n_obs) for fit in fits)


def _printed_counts():
    """Maximum likelihood and a posterior of a model; and two posteriors without one."""
    words = {"items": ("a", "b"), "outcome": ("low", "mid", "high"), "options": ("1", "2", "3")}
    spec = ContingencySpec(table="1", expected_nonzero_items=1.0, **words)
    design = make_design(COUNTS, *(words[name] for name in ("items", "options", "outcome")))
    posterior = tables_bayesian.fit(tables_bayesian.prepare(design, spec, "normal"), OPTIONS)
    free = (saturated.fit(design, 1), saturated.fit(design, 1, concentration=0.5))
    return _recorded((tables_frequentist.fit(design), posterior, *free), spec)


def _printed_coefficients():
    study = load_study("survey")
    spec = read_published_spec(study.folder).coefficients
    reading = read_readings(study, spec)[0]
    posterior = printed_bayesian.fit(printed_bayesian.prepare(reading, spec), reading, spec, OPTIONS)
    return _recorded((printed_frequentist.fit(reading), posterior), spec)


def _printed_regions():
    """No, complete and partial pooling of printed estimates by moments, and the hierarchical posterior."""
    study = load_study("panel")
    spec = read_published_spec(study.folder).regions
    table = read_region_table(study, spec).read_signs("estimate")
    inputs = regions_bayesian.model_inputs(table, spec.mean_prior_scale, spec.heterogeneity_prior_scale)
    model = compile_model(regions_bayesian.build_model(table, inputs))
    posterior = regions_bayesian.fit(model, inputs, OPTIONS, label="hierarchical")
    return _recorded((*estimator_fits(analyse_reading(table, posterior)), posterior), spec)


def _rows(**changes):
    wine = pd.read_csv(models_folder() / "survey" / "data" / "wine.csv")
    wine.loc[::9, "contact"] = None
    spec = bayesgov.CumulativeSpec(formula="rating ~ temp + contact", sampling=SMALL, **changes)
    return tuple(bayesgov.fit(spec, wine, approach) for approach in SCHOOLS)


def _imputed_rows():
    return _rows(missing="impute", imputations=2)


def _panel():
    """GMM by region and the posterior with partial pooling."""
    frame = simulate(24, 6, 2, seed=1, n_predictors=1)
    return tuple(bayesgov.fit(sample_spec(1, sampling=SMALL), frame, approach) for approach in SCHOOLS)


def _latent_panel():
    """The plug-in score of the indicators, and the outcome as their latent factor."""
    spec = measured_spec(pooling="complete", sampling=SMALL)
    frame = simulate_measured(24, 6, seed=1)
    prepared = prepare_panel(frame, spec)
    fits = fit_bayesian(prepared.design, spec, "composite", 1), fit_latent(frame, prepared, spec, seed=1)
    return _recorded(fits, spec, prepared.design.n_obs)


KINDS = {
    "printed counts": _printed_counts,
    "printed coefficients": _printed_coefficients,
    "printed regions": _printed_regions,
    "rows": _rows,
    "imputed rows": _imputed_rows,
    "panel": _panel,
    "latent panel": _latent_panel,
}


SLOW = ("printed regions", "latent panel")  # to compile


def _kind(name):
    return pytest.param(KINDS[name], id=name, marks=[pytest.mark.slow] if name in SLOW else [])


@pytest.fixture(scope="module", params=[_kind(name) for name in KINDS])
def fits(request):
    return request.param()


def test_estimates_speak_one_vocabulary(fits):
    """And every number of every check is a number: no NaN passes for a diagnosis."""
    for fit in fits:
        other = "p_value" if fit.approach == "bayesian" else "probability_positive"
        frame = fit.estimates(0.9)
        assert list(frame) == [name for name in GLOSSARY if name in frame]
        assert other not in frame
        assert (frame["lower"] <= frame["estimate"]).all()
        assert (frame["estimate"] <= frame["upper"]).all()
        word = "credible" if fit.approach == "bayesian" else "confidence"
        assert frame["interval"].str.fullmatch(rf"90% .*{word}").all()
        assert frame["term"].is_unique


def test_every_check_is_explained(fits):
    for fit in fits:
        checks = fit.checks()
        assert {type(check) for check in checks} <= {Check}
        if fit.approach == "bayesian" and "sample_stats" in fit.tree:
            assert {"rhat_max", "divergences"} <= {check.name for check in checks}
        for check in checks:
            entry = describe(check)
            assert entry.title
            assert entry.measures
            assert entry.school in ("either", "frequentist" if fit.approach == "frequentist" else "Bayesian")
            assert check.advice or check.status == "pass"
            assert check.value is None or not np.isnan(check.value)


def test_siblings_are_compared(fits):
    found = bayesgov.compare(*fits, level=0.9, rope=0.05)
    assert set(found.estimates["fit"]) == {fit.label for fit in fits}
    for fit in fits:
        own = fit.estimates(0.9).set_index("term")
        rows = found.estimates[found.estimates["fit"] == fit.label].set_index("term")
        shared = [name for name in own if name in rows]
        pd.testing.assert_frame_equal(rows[shared], own.loc[rows.index, shared], check_dtype=False)
    assert set(found.checks["check"]) >= {check.name for fit in fits for check in fit.checks()}
    rules = {"frequentist": "p < 0.1", "bayesian": "P(direction) > 0.95"}
    deciding = found.decisions.groupby("approach")["rule"].unique()
    assert len(deciding)
    for approach, made in deciding.items():
        assert rules[approach] in set(made)
    assert not (found.decisions["p_value"].notna() & found.decisions["probability_of_direction"].notna()).any()


def test_a_forest_is_drawn_of_each(fits):
    for fit in fits:
        frame = fit.estimates()
        term = frame["term"].iloc[0]
        figure = bayesgov.plot_forest(fit, terms=[term])
        (axes,) = figure.axes
        marks = [x for line in axes.get_lines() for x in line.get_xdata() if line.get_marker() not in ("", "None")]
        assert np.isclose(marks, frame["estimate"].iloc[0], rtol=1e-12).any()
        assert frame["interval"].iloc[0] in bayesgov.plot_caption(figure)


def _run(folder, title, fits):
    checks = tuple(FitDiagnostics("fits", fit.label, fit.approach, fit.checks()) for fit in fits)
    part = StudyPart("fits", title, title, "a test", (), None, (), checks)
    document = Document(title, "Lead.", (part,), (), (), {"seed": "1"}, ())
    write_run(folder, document, {fit.label: fit.tree for fit in fits}, {})
    return folder


def test_stored_in_two_runs_they_come_back_and_make_one_report(fits, tmp_path):
    """The page explains every check of every fit; its files have every estimate in common."""
    parts = (fits[0], *fits[2:-1]), (fits[1], *fits[2:][-1:])
    runs = [_run(tmp_path / name, f"Run {name}", part) for name, part in zip("ab", parts, strict=True)]
    for run, part in zip(runs, parts, strict=True):
        for fit in part:
            again = bayesgov.load_run(run).fits[fit.label]
            assert (type(again), again.label, again.approach) == (type(fit), fit.label, fit.approach)
            pd.testing.assert_frame_equal(again.estimates(0.8), fit.estimates(0.8))
            assert again.checks() == fit.checks()
            assert set(again.tree.groups) == set(fit.tree.groups)
    text = unescape(report_runs(runs, tmp_path / "page.html").read_text("utf-8"))
    for fit in fits:
        for check in fit.checks():
            assert describe(check).title in text
    written = pd.read_csv(tmp_path / "page-comparison" / "tables" / "comparison-estimates.csv")
    assert set(written["fit"]) == {fit.label for fit in fits}
    for fit in fits:
        own = fit.estimates().set_index("term")
        rows = written[written["fit"] == fit.label].set_index("term")
        for name in ("estimate", "lower", "upper"):
            np.testing.assert_array_equal(rows[name], own.loc[rows.index, name])


def test_links_are_scales_of_their_own():
    wine = pd.read_csv(models_folder() / "survey" / "data" / "wine.csv")
    spec = bayesgov.CumulativeSpec(formula="rating ~ temp + contact")
    links = {link: spec.model_copy(update={"link": link}) for link in ("logit", "probit")}
    pair = [bayesgov.fit(own, wine, "frequentist", label=link) for link, own in links.items()]
    row = bayesgov.compare(*pair).checks.set_index("check").loc["same_scale"]
    assert (row["value"], row["status"]) == (2, "warn")
    assert "logit: cumulative logit; probit: cumulative probit" in row["advice"]
    alike = bayesgov.compare(pair[0], bayesgov.fit(spec, wine, "frequentist", label="other"))
    assert "same_scale" not in set(alike.checks["check"])


@pytest.mark.parametrize("rope", ["wide", [0.1], (0.1,), (-0.1, 0.1, 0.2), {"beta[a]": "wide"}])
def test_limits_of_another_kind_are_refused_in_one_line(rope):
    with pytest.raises(bayesgov.InputError, match="rope must be a positive number"):
        bayesgov.compare(estimator([0.4], [0.1]), posterior([0.4], [0.1]), rope=rope)


def test_what_is_no_fit_is_not_compared():
    with pytest.raises(bayesgov.InputError, match=r"a comparison takes fits, .* got DataFrame"):
        bayesgov.compare(estimator([0.4], [0.1]), pd.DataFrame())


def test_a_comparison_is_not_written_among_the_files_of_a_run(tmp_path, capsys):
    fits = _recorded((estimator([0.4], [0.1], label="one"), estimator([0.5], [0.1], label="two")), SMALL)
    run = _run(tmp_path / "run", "Run", fits)
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    assert main(["compare", str(run), "-o", str(run)]) == 2
    assert "holds files that are no comparison's" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before
    for _ in range(2):  # an earlier comparison is replaced
        assert main(["compare", str(run), "-o", str(tmp_path / "compared")]) == 0
    assert main(["compare", str(run), str(run / ".")]) == 2
    assert "should be named once" in capsys.readouterr().err


@pytest.mark.parametrize(
    "name", ["provenance.json", "trees/one.zarr/zarr.json", "trees/one.zarr/estimates/estimate/c/0"]
)
def test_a_damaged_run_is_refused_in_one_line(tmp_path, capsys, name):
    fits = _recorded((estimator([0.4], [0.1], label="one"), estimator([0.5], [0.1], label="two")), SMALL)
    file = _run(tmp_path / "run", "Run", fits) / name
    file.write_bytes(file.read_bytes()[:10])
    assert main(["compare", str(tmp_path / "run")]) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert "damaged, run the analysis again" in message


def test_labels_come_back_as_text_that_casts(tmp_path):
    """Names of groups that a data frame gave are objects; zarr returns them in a type that casts to nothing."""
    (fit,) = _recorded((posterior([0.4], [0.1]),), SMALL)
    fit.tree["extra"] = xr.DataTree(xr.Dataset(coords={"group": np.array(["a", "bb"], dtype=object)}))
    fit.tree.to_zarr(tmp_path / "fit.zarr", consolidated=False)
    group = bayesgov.load_fit(tmp_path / "fit.zarr").tree["extra"]["group"]
    assert group.astype(str).values.tolist() == ["a", "bb"]
