"""The public figures: what they draw is what the fits say, whatever kind of fit; what they cannot draw they refuse."""

from __future__ import annotations

import re
from types import SimpleNamespace

import arviz
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from comparison.comparison_samples import estimator, normal_draws, posterior
from matplotlib.lines import Line2D
from panel.panel_samples import sample_spec, simulate
from report.drawn_text import drawn_texts, outside, overlapping

import bayesgov
from bayesgov.comparison.multiverse import Multiverse
from bayesgov.data import Table
from bayesgov.fits import EstimatorFit, PosteriorFit, estimator_tree
from bayesgov.panel.analysis import PanelAnalysis
from bayesgov.panel.frequentist.multiverse import instrument_multiverse
from bayesgov.panel.prepare import prepare_panel
from bayesgov.panel.variation import RegionalIndex, Resampling, variation_table
from bayesgov.published.coefficients import frequentist
from bayesgov.published.coefficients.design import read_readings
from bayesgov.report import comparison_figures
from bayesgov.report.style import FONT_SIZE, MAX_WIDTH, broken
from bayesgov.runs import Run, record
from bayesgov.spec import SamplingSpec, read_published_spec
from bayesgov.study import load_study, models_folder
from bayesgov.survey.dial import Dial

SMALL = SamplingSpec(seed=1, chains=2, draws=100, tune=100, target_accept=0.9)
LONG = "Clarity of the policy framework for all "  # 40 characters
UNBROKEN = "index_of_services_of_cities_of_a_region_"


def _survey():
    wine = pd.read_csv(models_folder() / "survey" / "data" / "wine.csv")
    spec = bayesgov.CumulativeSpec(formula="rating ~ temp + contact + (1|judge)", sampling=SMALL)
    fits = [bayesgov.fit(spec, wine, approach) for approach in ("frequentist", "bayesian")]
    return SimpleNamespace(frequentist=fits[0], bayesian=fits[1], design=bayesgov.build_design(spec, wine), wine=wine)


def _panel():
    frame = simulate(24, 6, 2, seed=1, n_predictors=1)
    spec = sample_spec(1, sampling=SMALL)
    fits = [bayesgov.fit(spec, frame, approach) for approach in ("frequentist", "bayesian")]
    complete = bayesgov.fit(spec.model_copy(update={"pooling": "complete"}), frame, label="complete")
    prepared = prepare_panel(frame, spec)
    index = RegionalIndex(
        np.exp(prepared.panel.panel.values["y"]),
        prepared.panel.panel.times,
        prepared.panel.unit_region,
        prepared.panel.regions,
    )
    tables = {
        "multiverse": instrument_multiverse(prepared.panel, spec, depths=(1, None)),
        "variation": variation_table(index, Resampling(seed=1, draws=200)),
        "flow": pd.DataFrame({"reason": ["rows in the data", LONG], "lost": [0, 36], "left": [216, 180]}),
    }
    return SimpleNamespace(
        frequentist=fits[0], bayesian=fits[1], complete=complete, spec=spec, prepared=prepared, tables=tables
    )


def _published():
    """The printed estimates of the survey study, and a posterior of their kind by region."""
    study = load_study("survey")
    spec = read_published_spec(study.folder)
    printed = frequentist.fit(read_readings(study, spec.coefficients)[0])
    record(printed, spec=spec, data=study.key, checksum=study.checksum, seed=1)
    coords = {"term": ["L1.y", "x"], "region": ["north", "far north", "east"]}

    def group(sd):
        drawn = [[normal_draws(0.2 * place, sd, 400, 2) for place in range(3)] for _ in range(2)]
        return xr.Dataset({"theta": (("chain", "draw", "term", "region"), np.moveaxis(drawn, (0, 1), (2, 3)))}, coords)

    tree = xr.DataTree.from_dict({"posterior": group(0.1), "prior": group(1.0)})
    regional = PosteriorFit("regions-printed", tree, ("theta",), ())
    record(regional, spec=spec, data=study.key, checksum=study.checksum, seed=1)
    return SimpleNamespace(frequentist=printed, bayesian=regional)


def _dial():
    log_lambda = np.linspace(-7, -1, 5)
    rows = [
        {"term": term, "lambda": np.exp(x), "log_lambda": x, "scale": 0.01 / np.exp(x), "lasso": size * -x}
        | {"median": size * -x + 0.1, "lower": size * -x - 1, "upper": size * -x + 1}
        for term, size in ((LONG, 0.5), (UNBROKEN, -0.2))
        for x in log_lambda
    ]
    return Dial(pd.DataFrame({"lambda": np.exp(log_lambda)}), pd.DataFrame(rows), ())


def _multiverse():
    """Six of seven combinations with an estimate, one of them doubtful."""
    rows = [(link, sample) for link in ("logit", "probit") for sample in (LONG, "city", "town")]
    universes = pd.DataFrame(rows, columns=["link", "sample"]).assign(status="fitted", reason="")
    universes.insert(0, "universe", range(1, 7))
    universes.loc[1, "status"] = "doubtful"
    lost = pd.DataFrame([[7, "cauchit", "city", "invalid", "no such link"]], columns=universes.columns)
    middle = np.array([0.3, -0.1, 0.5, 0.2, 0.1, 0.4])
    estimates = universes.drop(columns=["status", "reason"]).assign(
        term="beta[x]", estimate=middle, std_error=0.2, lower=middle - 0.4, upper=middle + 0.4,
        interval="95% Wald confidence", p_value=0.1,
    )  # fmt: skip
    return Multiverse("frequentist", ("link", "sample"), estimates, pd.concat([universes, lost], ignore_index=True))


@pytest.fixture(scope="module")
def made():
    survey, panel = _survey(), _panel()
    return SimpleNamespace(
        survey=survey,
        panel=panel,
        published=_published(),
        dial=_dial(),
        multiverse=_multiverse(),
        comparison=bayesgov.compare(survey.frequentist, survey.bayesian, rope=0.1),
    )


FIGURES = {
    "forest of both schools": lambda m: bayesgov.plot_forest(m.survey.frequentist, m.survey.bayesian, level=0.9),
    "forest of a panel": lambda m: bayesgov.plot_forest(m.panel.frequentist, m.panel.bayesian),
    "forest of printed estimates": lambda m: bayesgov.plot_forest(m.published.frequentist),
    "caterpillar": lambda m: bayesgov.plot_caterpillar(m.panel.frequentist, m.panel.bayesian, m.panel.complete),
    "caterpillar of printed estimates": lambda m: bayesgov.plot_caterpillar(m.published.bayesian, level=0.9),
    "shrinkage": lambda m: bayesgov.plot_shrinkage(m.survey.frequentist, m.survey.bayesian),
    "thresholds": lambda m: bayesgov.plot_thresholds(m.survey.frequentist, m.survey.bayesian, level=0.9),
    "prior and posterior": lambda m: bayesgov.plot_prior_posterior(m.survey.bayesian, terms=["beta"]),
    "prior and posterior of a panel": lambda m: bayesgov.plot_prior_posterior(m.panel.bayesian, terms=["alpha"]),
    "probabilities": lambda m: bayesgov.plot_probabilities(m.survey.bayesian, m.survey.design, level=0.9),
    "probabilities of an estimator": lambda m: bayesgov.plot_probabilities(
        m.survey.frequentist, m.survey.design, "temp"
    ),
    "ppc": lambda m: bayesgov.plot_ppc(m.survey.bayesian, m.survey.design, "temp"),
    "ppc of an estimator": lambda m: bayesgov.plot_ppc(m.survey.frequentist, m.survey.design),
    "coefficient path": lambda m: bayesgov.plot_coefficient_path(m.dial),
    "concordance": lambda m: bayesgov.plot_concordance(m.comparison),
    "specification curve": lambda m: bayesgov.plot_specification_curve(m.multiverse),
    "impulse responses": lambda m: bayesgov.plot_impulse_responses(m.panel.bayesian, m.panel.complete, level=0.9),
    "instrument multiverse": lambda m: bayesgov.plot_instrument_multiverse(m.panel.tables["multiverse"]),
    "variation": lambda m: bayesgov.plot_variation(m.panel.tables["variation"]),
    "row flow": lambda m: bayesgov.plot_row_flow(m.panel.tables["flow"]),
}


@pytest.fixture(scope="module")
def drawn(made):
    """Every figure, drawn once when first asked for."""
    known = {}

    def figure(name):
        if name not in known:
            known[name] = FIGURES[name](made)
        return known[name]

    return figure


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_is_readable_and_says_what_it_is(drawn, name):
    figure = drawn(name)
    assert overlapping(figure) == []
    assert outside(figure) == []
    assert figure.get_figwidth() <= MAX_WIDTH
    texts = drawn_texts(figure)
    assert min(entry.size for entry in texts) >= FONT_SIZE
    _require_caption(bayesgov.plot_caption(figure), name, " ".join(entry.text for entry in texts))


def _require_caption(text, name, inside):
    """Data, model, kind and level of the intervals, between the caption and the figure's own words."""
    assert text.endswith(".")
    assert ".." not in text
    of_fits = name.split()[0] not in ("coefficient", "concordance", "specification", "instrument", "variation", "row")
    assert ("Data: " in text and "Model: " in text) == of_fits
    if of_fits:
        assert "not recorded" not in text
    if name not in ("row flow", "prior and posterior", "prior and posterior of a panel"):
        wanted = "90" if name in NINETY else "95"
        assert wanted in re.findall(r"(\d+)%", inside + text)


NINETY = ("forest of both schools", "caterpillar of printed estimates", "thresholds", "probabilities",
          "impulse responses")  # fmt: skip


@pytest.mark.parametrize("kind", ["svg", "pdf", "png"])
def test_a_figure_is_saved_without_pyplot(drawn, tmp_path, kind):
    path = tmp_path / f"figure.{kind}"
    drawn("forest of both schools").savefig(path)
    start = {"svg": b"<?xml", "pdf": b"%PDF", "png": b"\x89PNG"}[kind]
    assert path.read_bytes().startswith(start)
    assert path.stat().st_size > 5000


def test_a_notebook_shows_the_figure(drawn):
    assert drawn("forest of both schools")._repr_png_().startswith(b"\x89PNG")


def _points(axes, y_of=None):
    """Positions of all marks drawn without a joining line, as (x, y) rows."""
    lines = [line for line in axes.get_lines() if isinstance(line, Line2D) and line.get_marker() not in ("", "None")]
    return np.concatenate([np.column_stack(line.get_data()).astype(float) for line in lines])


def test_the_forest_draws_the_estimates_of_every_fit(made, drawn):
    (axes,) = drawn("forest of both schools").axes
    marks = _points(axes)
    terms = ["beta[temp[warm]]", "beta[contact[yes]]"]
    for fit in (made.survey.frequentist, made.survey.bayesian):
        wanted = fit.estimates().set_index("term").loc[terms, "estimate"]
        for row, value in enumerate(wanted):
            own = marks[np.round(marks[:, 1]) == row]
            assert np.abs(own[:, 0] - value).min() < 1e-12
    assert len(marks) == 4
    assert [label.get_text() for label in axes.get_yticklabels()] == ["temp[warm]", "contact[yes]"]
    limits = np.sort(np.concatenate([segment[:, 0] for part in axes.collections for segment in part.get_segments()]))
    frames = [
        fit.estimates(0.9).set_index("term").loc[terms] for fit in (made.survey.frequentist, made.survey.bayesian)
    ]
    np.testing.assert_allclose(
        limits, np.sort(np.concatenate([f[["lower", "upper"]].to_numpy().ravel() for f in frames]))
    )


def test_terms_are_chosen_by_name_and_by_variable(made):
    fit = made.survey.bayesian
    figure = bayesgov.plot_forest(fit, terms=["threshold[2|3]", "beta"])
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == [
        "threshold 2|3", "temp[warm]", "contact[yes]",
    ]  # fmt: skip
    other = estimator([1.0], [0.2], label="other study", terms=["effect of warmth"])
    names = {"other study": {"effect of warmth": "beta[temp[warm]]"}}
    figure = bayesgov.plot_forest(other, fit, names=names)
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["temp[warm]"]
    assert 1.0 in _points(figure.axes[0])[:, 0]


def test_the_caterpillar_puts_every_estimate_into_its_region(made, drawn):
    figure = drawn("caterpillar")
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["L1.y", "x0", "L1.x0"]
    for axes, term in zip(figure.axes, ("alpha[{}, L1.y]", "beta[{}, x0]", "beta[{}, L1.x0]"), strict=True):
        marks = _points(axes)
        for fit, regions in ((made.panel.frequentist, ("r0", "r1", "all")), (made.panel.bayesian, ("r0", "r1"))):
            found = fit.estimates().set_index("term")["estimate"]
            for row, region in enumerate(regions):
                own = marks[np.round(marks[:, 1]) == row, 0]
                assert np.abs(own - found[term.format(region)]).min() < 1e-12
    band = made.panel.complete.estimates().set_index("term").loc["alpha[r0, L1.y]", "estimate"]
    assert any(np.allclose(line.get_xdata(), band) for line in figure.axes[0].get_lines())
    assert "Vertical line and band: complete" in bayesgov.plot_caption(figure)


def test_a_region_whose_name_ends_another_keeps_its_estimates(drawn):
    """ "north" and "far north" are told apart."""
    axes = drawn("caterpillar of printed estimates").axes[0]
    marks = _points(axes)
    np.testing.assert_allclose(marks[np.argsort(marks[:, 1]), 0], [0.0, 0.2, 0.4], atol=1e-3)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["north", "far north", "east"]


def test_shrinkage_joins_the_two_estimates(made, drawn):
    (axes,) = drawn("shrinkage").axes
    frames = [fit.estimates().set_index("term")["estimate"] for fit in (made.survey.frequentist, made.survey.bayesian)]
    joined = [line.get_xdata() for line in axes.get_lines() if line.get_marker() == "None" and line.get_zorder() == 3]
    np.testing.assert_allclose(
        joined, [[frame[f"beta[{t}]"] for frame in frames] for t in ("temp[warm]", "contact[yes]")]
    )


def test_an_estimators_band_is_that_of_its_threshold(made):
    """At the reference level P(y <= 1) = F(threshold 1): the band's limits are those of the threshold, transformed."""
    wine = pd.read_csv(models_folder() / "survey" / "data" / "wine.csv")
    spec = bayesgov.CumulativeSpec(formula="rating ~ temp")
    fit = bayesgov.fit(spec, wine, "frequentist")
    figure = bayesgov.plot_probabilities(fit, bayesgov.build_design(spec, wine))
    first = figure.axes[0].collections[0].get_segments()[0][:, 1]
    found = fit.estimates().set_index("term").loc["threshold[1|2]", ["lower", "estimate", "upper"]].astype(float)
    chance = 1 / (1 + np.exp(-found.to_numpy()))
    # limits are interpolated between the quantiles of a thousand draws
    np.testing.assert_allclose(first, chance[[0, 2]], rtol=0.01)
    np.testing.assert_allclose(figure.axes[0].get_lines()[0].get_ydata()[0], chance[1], rtol=1e-9)


@pytest.mark.parametrize(("nominal", "kind"), [("contact", "confidence bands"), ("temp", "without bands")])
def test_departures_of_an_estimator_leave_probabilities_in_order(nominal, kind):
    """Draws whose thresholds cross are left out; where a level is separated, some departures have no error at all."""
    wine = pd.read_csv(models_folder() / "survey" / "data" / "wine.csv")
    spec = bayesgov.CumulativeSpec(formula="rating ~ temp + contact", nominal=(nominal,))
    fit, design = bayesgov.fit(spec, wine, "frequentist"), bayesgov.build_design(spec, wine)
    figure = bayesgov.plot_probabilities(fit, design, nominal)
    assert kind in bayesgov.plot_caption(figure)
    bands = np.array([part.get_segments() for part in figure.axes[0].collections])[..., 1]
    assert np.isfinite(bands).all()
    assert bands.min() >= 0
    assert bands.max() <= 1
    assert (np.diff(bands, axis=-1).max() > 0.01) == (kind == "confidence bands")
    checked = bayesgov.plot_ppc(fit, design)
    assert ("from the estimates alone" in bayesgov.plot_caption(checked)) == (kind == "without bands")
    shares = np.array(checked.axes[0].collections[0].get_segments())[..., 1]
    assert (np.diff(shares, axis=-1) > 0).all()


def test_probabilities_are_the_medians_of_the_predictions(made, drawn):
    fit, design = made.survey.bayesian, made.survey.design
    axes = drawn("probabilities").axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["reference\nlevel", "warm"]
    shown = np.array([line.get_ydata() for line in axes.get_lines()])
    assert shown.shape == (5, 2)
    posterior_group = fit.tree["posterior"].to_dataset()
    contact = design.weights @ design.x[:, 1] / design.weights.sum()
    for column, warm in enumerate((0.0, 1.0)):
        eta = warm * posterior_group["beta"][..., 0] + contact * posterior_group["beta"][..., 1]
        at_most = 1 / (1 + np.exp(-(posterior_group["threshold"] - eta)))
        np.testing.assert_allclose(shown[0, column], np.median(at_most[..., 0]), rtol=1e-9)
        np.testing.assert_allclose(shown[4, column], np.median(1 - at_most[..., 3]), rtol=1e-9)


def test_the_predictive_check_counts_the_squares_outside(made, drawn):
    figure = drawn("ppc")
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["all rows", "temp: reference level", "temp: warm"]
    count = 0
    for axes in figure.axes:
        bands = np.array([segment[:, 1] for segment in axes.collections[0].get_segments()])
        squares = axes.get_lines()[1].get_ydata()
        count += int(((squares < bands[:, 0]) | (squares > bands[:, 1])).sum())
    assert f"{count} of 15 squares lie outside" in bayesgov.plot_caption(figure)
    np.testing.assert_allclose(
        figure.axes[0].get_lines()[1].get_ydata(), np.bincount(made.survey.design.y) / made.survey.design.n_obs
    )


def test_of_many_parts_those_that_fit_worst_are_drawn(made):
    figure = bayesgov.plot_ppc(made.survey.bayesian, made.survey.design, ["temp", "contact", "judge"])
    assert len(figure.axes) == 12
    assert figure.axes[0].get_title(loc="left") == "all rows"
    assert "the 12 of 14 parts" in bayesgov.plot_caption(figure)


def test_every_cell_of_the_concordance_has_its_mark(made, drawn):
    (axes,) = drawn("concordance").axes
    table = made.comparison.concordance()
    texts = {(round(t.get_position()[0]), round(t.get_position()[1])): t.get_text() for t in axes.texts}
    rules = [name for name in table if name != "agreement"]
    for row, term in enumerate(table.index):
        for column, rule in enumerate(rules):
            word = table.loc[term, rule]
            assert texts[column, row] == (word if isinstance(word, str) else "–")
        assert texts[len(rules), row] == f"{100 * table.loc[term, 'agreement']:.0f}%"


def test_a_rule_that_does_not_apply_is_no_answer():
    table = pd.DataFrame({"p < 0.05": ["effect", np.nan], "ROPE": ["no effect", "undecided"], "agreement": [0.5, 1.0]})
    figure = comparison_figures.decision_map(table.set_axis([LONG, UNBROKEN], axis=0))
    wanted = ["effect", "–", "no effect", "undecided", "50%", "100%"]
    assert [text.get_text() for text in figure.axes[0].texts] == wanted
    assert overlapping(figure) == outside(figure) == []


def test_marks_stand_for_words_where_many_rules_leave_no_room():
    rules = {f"Bayes factor > 3 (prior {number})": ["effect", "no effect"] for number in range(9)}
    figure = comparison_figures.decision_map(pd.DataFrame(rules | {"agreement": 1.0}, index=[LONG, "b"]))
    assert {text.get_text() for text in figure.axes[0].texts} == {"●", "○", "100%"}
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["●  effect", "○  no effect"]
    assert overlapping(figure) == outside(figure) == []


def test_the_specification_curve_rises_and_marks_the_choices(made, drawn):
    figure = drawn("specification curve")
    curve, matrix = figure.axes
    marks = _points(curve)
    marks = marks[np.argsort(marks[:, 0])]
    order = [2, 5, 4, 1, 6, 3]  # universes by their estimates
    found = made.multiverse.estimates.set_index("universe")
    np.testing.assert_array_equal(marks[:, 1], found.loc[order, "estimate"])
    rows = [label.get_text().replace("\n", " ") for label in matrix.get_yticklabels()]
    assert rows == ["link: logit", "link: probit", f"sample: {LONG.strip()}", "sample: city", "sample: town"]
    probit = matrix.get_lines()[1].get_xdata()
    assert [order[int(place)] for place in probit] == [5, 4, 6]
    doubtful = [line for line in curve.get_lines() if line.get_marker() == "s"]
    assert [float(line.get_ydata()[0]) for line in doubtful] == [-0.1]
    assert "1 combinations" in bayesgov.plot_caption(figure)


def test_the_impulse_responses_are_medians_of_the_draws(made, drawn):
    axes = drawn("impulse responses").axes[1]
    draws = made.panel.bayesian.tree["effects"]["impulse_response"].sel(region="r1", variable="x0")
    limits = draws.quantile([0.05, 0.5, 0.95], ("chain", "draw")).values
    for line, wanted in zip(axes.get_lines()[:3], limits[[0, 2, 1]], strict=True):
        np.testing.assert_allclose(line.get_ydata(), wanted)


def test_the_coefficient_path_draws_both(made, drawn):
    axes = drawn("coefficient path").axes[0]
    path = made.dial.path[made.dial.path["term"] == LONG]
    curves = [line.get_ydata() for line in axes.get_lines() if line.get_marker() in ("o", "s")]
    np.testing.assert_allclose(curves, path[["lasso", "median"]].to_numpy().T)


def test_tables_come_from_analyses_runs_and_designs(made, drawn):
    panel = made.panel
    design = panel.prepared.design
    analysis = PanelAnalysis(
        panel.spec, Table("cities.csv", pd.DataFrame(), "0"), design, {}, {}, panel.tables, (), (), {}
    )
    stored = {"multiverse": panel.tables["multiverse"].rename(columns={"hansen_p": "p_hansen"})}
    run = Run({"frequentist": panel.frequentist}, stored, {})
    figure = bayesgov.plot_instrument_multiverse(run)
    for one, other in zip(figure.axes, drawn("instrument multiverse").axes, strict=True):
        np.testing.assert_array_equal(_points(one), _points(other))
    assert "by region, system GMM" in bayesgov.plot_caption(figure)
    assert f"Data: cities.csv, {design.n_obs} observations" in bayesgov.plot_caption(bayesgov.plot_variation(analysis))
    figure = bayesgov.plot_row_flow(design)
    assert f"{design.flow[0].left:,} in the data, {design.flow[-1].left:,} in the model" in bayesgov.plot_caption(
        figure
    )


def test_long_labels_and_many_terms_stay_apart():
    names = [f"{words}{place}" for place in range(30) for words in (LONG, UNBROKEN)]
    fit = EstimatorFit("x" * 40, estimator_tree([f"beta[{n}]" for n in names], np.arange(60.0), np.ones(60)), ())
    figure = bayesgov.plot_forest(fit)
    assert len(figure.axes[0].get_yticklabels()) == 60
    assert outside(figure) == []
    few = posterior([0.1, 0.5], [0.1, 0.1])
    groups = {name: group.to_dataset().assign_coords(term=names[:2]) for name, group in few.tree.children.items()}
    figure = bayesgov.plot_prior_posterior(PosteriorFit("y" * 40, xr.DataTree.from_dict(groups), ("beta",), ()))
    assert overlapping(figure) == outside(figure) == []


def test_one_term_of_one_fit_is_a_figure():
    one = estimator([0.4], [0.1])
    for figure in (bayesgov.plot_forest(one), bayesgov.plot_shrinkage(one, posterior([0.3], [0.1]))):
        assert overlapping(figure) == outside(figure) == []


def test_an_estimate_without_limits_has_no_line():
    tree = estimator_tree(["beta[a]", "beta[separated]"], np.array([0.5, 3.0]), np.array([0.1, np.inf]))
    (axes,) = bayesgov.plot_forest(EstimatorFit("separated", tree, ())).axes
    np.testing.assert_array_equal(_points(axes)[:, 0], [0.5, 3.0])
    assert [len(part.get_segments()) for part in axes.collections] == [1]


def test_a_long_word_is_broken_after_its_underscores():
    assert broken("L1.index_of_services_of_cities", 18) == "L1.index_of_\nservices_of_cities"
    assert broken("one two", 18) == "one two"
    assert max(map(len, broken("x" * 50, 18).split("\n"))) == 18


def test_arviz_draws_the_trees_of_both_schools(made):
    for fit, group in ((made.survey.frequentist, "sampling_distribution"), (made.survey.bayesian, "posterior")):
        collection = arviz.plot_forest(fit.tree, group=group, var_names=["beta"], backend="none")
        assert "beta" in collection.viz["point_estimate"]


REFUSED = {
    "no fit": (lambda m: bayesgov.plot_forest(), "plot_forest takes fits"),
    "a frame in place of a fit": (lambda m: bayesgov.plot_forest(pd.DataFrame()), "got DataFrame"),
    "two fits of one label": (
        lambda m: bayesgov.plot_forest(m.survey.bayesian, m.panel.bayesian),
        "two are called 'bayesian'",
    ),
    "no effect in common": (
        lambda m: bayesgov.plot_forest(m.survey.frequentist, m.panel.bayesian),
        "share no effect .*map them with names=",
    ),
    "no such term": (lambda m: bayesgov.plot_forest(m.survey.bayesian, terms=["gdp"]), "no 'gdp'; there are: beta"),
    "names of no fit": (
        lambda m: bayesgov.plot_forest(m.survey.bayesian, names={"other": {}}),
        "'other' is the label of no fit",
    ),
    "names of no term": (
        lambda m: bayesgov.plot_forest(m.survey.bayesian, names={"bayesian": {"gdp": "x"}}),
        "names: 'bayesian' has no term 'gdp'",
    ),
    "names of a variable, which no one term has": (
        lambda m: bayesgov.plot_forest(m.survey.bayesian, names={"bayesian": {"beta": "x"}}),
        "names: 'bayesian' has no term 'beta'",
    ),
    "a level above one": (lambda m: bayesgov.plot_forest(m.survey.bayesian, level=95), "level must lie"),
    "seven fits": (
        lambda m: bayesgov.plot_forest(*(estimator([1.0], [0.1], label=str(n)) for n in range(7))),
        "tells 6 series apart; got 7",
    ),
    "regions of a survey": (lambda m: bayesgov.plot_caterpillar(m.survey.bayesian), "terms by region; 'bayesian'"),
    "regions of printed odds": (lambda m: bayesgov.plot_caterpillar(m.published.frequentist), "terms by region"),
    "no such regional term": (
        lambda m: bayesgov.plot_caterpillar(m.panel.bayesian, terms=["gdp"]),
        "no region has 'gdp'; there are: L1.y",
    ),
    "shrinkage of nothing shared": (
        lambda m: bayesgov.plot_shrinkage(m.survey.frequentist, m.panel.bayesian),
        "these have none",
    ),
    "thresholds of a panel": (lambda m: bayesgov.plot_thresholds(m.panel.bayesian), "'bayesian' has no thresholds"),
    "prior of an estimator": (
        lambda m: bayesgov.plot_prior_posterior(m.survey.frequentist),
        "is frequentist: fit with approach='bayesian'",
    ),
    "probabilities of a panel": (
        lambda m: bayesgov.plot_probabilities(m.panel.bayesian, m.survey.design),
        "ordinal regression on rows; 'bayesian' is none",
    ),
    "probabilities without a Design": (
        lambda m: bayesgov.plot_probabilities(m.survey.bayesian, pd.DataFrame()),
        "needs the Design of the fit.* got DataFrame",
    ),
    "probabilities of another Design": (
        lambda m: bayesgov.plot_probabilities(
            m.survey.bayesian,
            bayesgov.build_design(bayesgov.CumulativeSpec(formula="rating ~ temp"), m.survey.wine),
        ),
        "a prediction needs the terms of the fit",
    ),
    "no such predictor": (
        lambda m: bayesgov.plot_probabilities(m.survey.bayesian, m.survey.design, "gdp"),
        "no 'gdp' to move by itself; there are: temp, contact",
    ),
    "ppc of printed estimates": (
        lambda m: bayesgov.plot_ppc(m.published.bayesian, m.survey.design),
        "'regions-printed' is none",
    ),
    "ppc by what is no predictor": (
        lambda m: bayesgov.plot_ppc(m.survey.bayesian, m.survey.design, "gdp"),
        "no 'gdp'; it has: judge, temp, contact",
    ),
    "path of a fit": (lambda m: bayesgov.plot_coefficient_path(m.survey.bayesian), "lasso_prior_dial returns"),
    "path of another term": (lambda m: bayesgov.plot_coefficient_path(m.dial, terms=["gdp"]), "path has no 'gdp'"),
    "concordance of fits": (
        lambda m: bayesgov.plot_concordance(m.survey.bayesian),
        "compare returns; got PosteriorFit",
    ),
    "curve of a frame": (lambda m: bayesgov.plot_specification_curve(pd.DataFrame()), "multiverse returns"),
    "curve of another term": (
        lambda m: bayesgov.plot_specification_curve(m.multiverse, "beta[z]"),
        r"estimate of 'beta\[z\]'; there are: beta\[x\]",
    ),
    "impulses of a survey": (
        lambda m: bayesgov.plot_impulse_responses(m.survey.bayesian),
        "posterior of a dynamic panel with predictors; 'bayesian' is none",
    ),
    "impulses of GMM": (lambda m: bayesgov.plot_impulse_responses(m.panel.frequentist), "is frequentist"),
    "impulses to another variable": (
        lambda m: bayesgov.plot_impulse_responses(m.panel.bayesian, variables="gdp"),
        "no 'gdp'; it has: x0",
    ),
    "multiverse of a frame without tests": (
        lambda m: bayesgov.plot_instrument_multiverse(m.panel.tables["multiverse"].drop(columns="hansen_p")),
        "needs the column 'hansen_p'",
    ),
    "multiverse of another term": (
        lambda m: bayesgov.plot_instrument_multiverse(m.panel.tables["multiverse"], terms="gdp"),
        "no 'gdp'; there are: L1.y",
    ),
    "variation of a fit": (lambda m: bayesgov.plot_variation(m.panel.bayesian), "its table 'variation'; got Posterior"),
    "variation of a run without it": (
        lambda m: bayesgov.plot_variation(Run({}, {"multiverse": pd.DataFrame()}, {})),
        "needs the table 'variation'; there are: multiverse",
    ),
    "row flow of a fit": (lambda m: bayesgov.plot_row_flow(m.survey.bayesian), "its table 'flow'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_drawn_is_refused_in_one_line(made, case):
    draw, message = REFUSED[case]
    with pytest.raises(ValueError, match=message) as refused:
        draw(made)
    assert "\n" not in str(refused.value)
