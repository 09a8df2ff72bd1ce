"""Every figure: readable at print size, nothing overlapping or cut off, no series told by colour alone."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from report import report_samples as samples
from report import row_samples as rows
from report.drawn_text import drawn_texts, outside, overlapping

from bayesgov.report import categories, figures, selection
from bayesgov.report.densities import density_curves
from bayesgov.report.marks import robust_limits
from bayesgov.report.style import FONT_SIZE, MAX_WIDTH, VERDICTS, series_styles, wrapped

FIGURES: dict[str, Callable[[], Figure]] = {
    "caterpillar": lambda: figures.caterpillar(samples.pooling(), xlabel="coefficient with 95% interval"),
    "caterpillar of one term": lambda: figures.caterpillar(samples.pooling().query("term == 'Constant'")),
    "caterpillar with a band": lambda: figures.caterpillar(samples.pooling(), band="complete pooling (95% confidence)"),
    "dot_interval": lambda: figures.dot_interval(samples.item_intervals(), xlabel="Cramér's V", reference=0.1),
    "shrinkage": lambda: figures.shrinkage(samples.published_against_shrunken(), xlabel="log odds ratio"),
    "prior_posterior": lambda: figures.prior_posterior(density_curves(samples.draws(0), samples.draws(1))),
    "profiles": lambda: figures.profiles(samples.outcome_profiles()),
    "audit_overview": lambda: figures.audit_overview(samples.verdict_counts()),
    "printed_recomputed": lambda: figures.printed_recomputed(samples.printed_and_recomputed(), xlabel="χ² statistic"),
    "sensitivity": lambda: figures.sensitivity(
        samples.dial(), xlabel="power", ylabel="median", reference=1.0, log=True
    ),
    "lasso_error": lambda: selection.lasso_error(rows.errors(), rows.error_choices()),
    "coefficient_paths": lambda: selection.coefficient_paths(rows.paths(), rows.path_choices()),
    "selection_paths": lambda: selection.selection_paths(*rows.selection()),
    "probability_curves": lambda: categories.probability_curves(rows.probabilities(named=False)),
    "probability_curves of named values": lambda: categories.probability_curves(rows.probabilities(named=True)),
    "replicated_shares": lambda: categories.replicated_shares(rows.shares()),
    "row_flow": lambda: categories.row_flow(rows.flow()),
}


@pytest.fixture(scope="module", params=FIGURES)
def figure(request: pytest.FixtureRequest) -> Figure:
    return FIGURES[request.param]()


def test_no_text_overlaps_another(figure: Figure) -> None:
    assert overlapping(figure) == []


def test_no_text_leaves_the_canvas(figure: Figure) -> None:
    assert outside(figure) == []


def test_text_is_large_enough_at_print_size(figure: Figure) -> None:
    assert figure.get_figwidth() <= MAX_WIDTH
    assert min(entry.size for entry in drawn_texts(figure)) >= FONT_SIZE


def test_the_overlap_finder_finds_an_overlap_and_a_cut_label() -> None:
    figure = Figure()
    figure.text(0.5, 0.5, "one label")
    figure.text(0.51, 0.505, "another")
    figure.text(0.98, 0.1, "leaves on the right")
    assert overlapping(figure) == [("one label", "another")]
    assert outside(figure) == ["leaves on the right"]


def test_series_differ_in_marker_and_line_beside_colour() -> None:
    styles = list(series_styles("abcdef").values())
    assert len({style.marker for style in styles}) == len(styles)
    for one, other in itertools.pairwise(styles):
        assert one.line != other.line
        assert one.filled != other.filled or one.marker != other.marker


def test_more_series_than_styles_is_an_error() -> None:
    with pytest.raises(ValueError, match="6 series apart; got 7"):
        series_styles("abcdefg")


def test_verdicts_stay_apart_in_grey() -> None:
    # Rec. 709 luma; a difference of 0.1 is visible side by side, hatches tell the rest
    def luma(colour: str) -> float:
        return float(np.dot(to_rgb(colour), (0.2126, 0.7152, 0.0722)))

    for one, other in itertools.combinations(VERDICTS.values(), 2):
        assert one.hatch != other.hatch or abs(luma(one.fill) - luma(other.fill)) > 0.1


def test_every_series_and_row_is_drawn() -> None:
    texts = {entry.text for entry in drawn_texts(figures.caterpillar(samples.pooling()))}
    assert {"Northeast", "All regions", "New region"} <= texts
    assert set(samples.pooling()["series"]) <= texts


def test_an_interval_far_longer_than_the_others_does_not_set_the_scale() -> None:
    estimate = np.array([0.0, 1.0, 2.0, 1.0])
    lower, upper = estimate - 1, estimate + 1
    lower[3], upper[3] = -1000.0, np.inf
    limits = robust_limits(estimate, lower, upper, zero=True)
    # below, four median half-widths from the lowest estimate; above, the highest finite limit; a margin of a twentieth
    assert limits.low == pytest.approx(-4 - 0.05 * 7)
    assert limits.high == pytest.approx(3 + 0.05 * 7)


def test_ordinary_intervals_are_shown_whole() -> None:
    limits = robust_limits(np.array([1.0, 2.0]), np.array([0.5, 1.0]), np.array([1.5, 3.0]), zero=False)
    assert limits.low < 0.5
    assert limits.high > 3.0


def test_a_wide_interval_ends_in_arrow_heads() -> None:
    axes = figures.caterpillar(samples.pooling()).axes[0]
    markers = {line.get_marker() for line in axes.lines}
    assert {"<", ">"} <= markers
    assert not {"<", ">"} & {
        line.get_marker() for line in figures.dot_interval(samples.item_intervals(), xlabel="V").axes[0].lines
    }


def test_a_confidence_set_in_two_pieces_leaves_its_gap_open() -> None:
    frame = pd.DataFrame(
        {
            "label": ["North", "South"],
            "series": "Fieller",
            "estimate": [1.0, 0.0],
            "lower": [-2.0, -np.inf],
            "upper": [-0.5, np.inf],
            "set_kind": ["complement", "whole line"],
        }
    )
    axes = figures.dot_interval(frame, xlabel="long-run effect").axes[0]
    low, high = axes.get_xlim()
    drawn = {tuple(line[:, 0].tolist()) for entry in axes.collections for line in entry.get_segments()}
    assert drawn == {(low, -2.0), (-0.5, high), (low, high)}


def test_a_banded_series_takes_no_row() -> None:
    frame = pd.DataFrame(
        {
            "label": ["North", "South"] * 2,
            "series": ["no pooling"] * 2 + ["complete pooling"] * 2,
            "estimate": [1.0, 2.0, 1.5, 1.5],
            "lower": [0.0, 1.0, 1.2, 1.2],
            "upper": [2.0, 3.0, 1.8, 1.8],
        }
    )
    axes = figures.caterpillar(frame, band="complete pooling").axes[0]
    assert sum(len(entry.get_segments()) for entry in axes.collections) == 2
    bands = [patch for patch in axes.patches if patch.get_x() == 1.2]
    assert [patch.get_width() for patch in bands] == [pytest.approx(0.6)]


@pytest.mark.parametrize(
    ("draw", "column"),
    [
        (figures.caterpillar, "lower"),
        (lambda frame: figures.dot_interval(frame, xlabel=""), "series"),
    ],
)
def test_a_missing_column_is_named(draw: Callable[[pd.DataFrame], Figure], column: str) -> None:
    with pytest.raises(ValueError, match=column):
        draw(samples.item_intervals().drop(columns=column))


def test_an_empty_frame_is_an_error() -> None:
    with pytest.raises(ValueError, match="empty"):
        figures.audit_overview(samples.verdict_counts().head(0))


def test_density_curves_integrate_to_the_share_of_draws_they_show() -> None:
    rng = np.random.default_rng(7)
    curves = density_curves({"b": rng.normal(0, 1, 4000)}, {"b": rng.normal(0, 1, 4000)})
    for _, curve in curves.groupby("series"):
        # 99 % of the draws; a kernel estimate loses at most another per cent at its ends
        assert np.trapezoid(curve["density"], curve["x"]) == pytest.approx(0.99, abs=0.015)


def test_density_curves_cut_a_heavy_tailed_prior_near_the_posterior() -> None:
    rng = np.random.default_rng(8)
    curves = density_curves({"b": rng.standard_cauchy(4000)}, {"b": rng.normal(0, 0.1, 4000)})
    prior = curves[curves["series"] == "prior"]
    assert prior["x"].abs().max() < 8 * 0.8  # posterior draws span about 0.8


def test_density_curves_want_the_same_names() -> None:
    with pytest.raises(ValueError, match=r"\['a', 'b'\]"):
        density_curves({"a": np.zeros(3)}, {"b": np.zeros(3)})


def test_wrapping_keeps_long_words() -> None:
    assert wrapped("cross-departmental responsibility", 10).split("\n")[-1] == "responsibility"
