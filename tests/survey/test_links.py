"""The links against arithmetic in 60 and more decimal digits, and their derivatives against each other."""

from decimal import Decimal, localcontext
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayesgov.survey import links
from bayesgov.survey.spec import LINKS

DIGITS = 60


@cache
def pi() -> Decimal:
    """Machin's formula."""
    return 4 * (4 * arctan_series(1 / Decimal(5)) - arctan_series(1 / Decimal(239)))


def arctan_series(x: Decimal) -> Decimal:
    total, power, k = Decimal(0), x, 1
    while abs(power) > Decimal(10) ** -(DIGITS + 10):
        total += power / k
        power *= -x * x
        k += 2
    return total


def arctan(x: Decimal) -> Decimal:
    # atan x = 2 atan(x / (1 + sqrt(1 + x²))), until the series converges quickly
    for _ in range(4):
        x = x / (1 + (1 + x * x).sqrt())
    return 16 * arctan_series(x)


def normal_integral(x: Decimal) -> Decimal:
    """The normal distribution function minus one half: phi(x) (x + x³/3 + x⁵/(3·5) + ...), all terms of one sign."""
    term, total, k = x, x, 1
    while abs(term) > abs(total) * Decimal(10) ** -(3 * DIGITS + 450):
        k += 2
        term *= x * x / k
        total += term
    return (-x * x / 2).exp() / (2 * pi()).sqrt() * total


def exact(link: str, lower: float, upper: float) -> Decimal:
    """F(upper) - F(lower) as a difference of long decimals."""
    low, high = Decimal(lower), Decimal(upper)
    match link:
        case "logit":
            return 1 / (1 + (-high).exp()) - 1 / (1 + (-low).exp())
        case "probit":
            return normal_integral(high) - normal_integral(low)
        case "cloglog":
            return (-low.exp()).exp() - (-high.exp()).exp()
        case "loglog":
            return (-(-high).exp()).exp() - (-(-low).exp()).exp()
        case _:
            return (arctan(high) - arctan(low)) / pi()


INTERVALS = [
    *((-1.0, 1.0), (-0.3, 2.0), (0.25, 0.2500001), (3.0, 5.0), (-5.0, -4.999)),
    *((-30.0, -29.0), (29.0, 30.0), (-8.0, 8.0), (-25.0, -0.5), (5.0, 5.5), (-12.0, -11.9), (6.0, 6.0001)),
]


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize(("lower", "upper"), INTERVALS)
def test_interval_against_long_arithmetic(link, lower, upper):
    if link == "cloglog":  # exp(exp(6)) is beyond any arithmetic
        lower, upper = min(lower, 5.0), min(upper, 5.5)
    if link == "loglog":
        lower, upper = max(lower, -5.5), max(upper, -5.0)
    with localcontext() as context:
        # wide enough that the difference of two numbers near 1 or near 1/2 keeps DIGITS digits
        context.prec = 4 * DIGITS + 500
        expected = float(exact(link, lower, upper).ln())
    found = float(links.log_interval(link, np.array(lower), np.array(upper)).value)
    # the log probability carries the rounding of the bounds: one unit in the last place of its largest part
    assert found == pytest.approx(expected, rel=1e-14, abs=1e-15)


bound = st.floats(-12, 12)


@pytest.mark.parametrize("link", LINKS)
@settings(max_examples=40)
@given(lower=bound, gap=st.floats(1e-3, 15))
def test_derivatives_follow_from_differences(link, lower, gap):
    if link == "cloglog":
        lower = min(lower, 3.0)
    if link == "loglog":
        lower = max(lower, -3.0)
        gap = max(gap, 0.01)
    upper = lower + gap
    step = 1e-4 * min(1.0, gap)
    here = links.log_interval(link, np.array(lower), np.array(upper))
    raised, dropped = (links.log_interval(link, np.array(lower), np.array(upper + d)) for d in (step, -step))
    moved, back = (links.log_interval(link, np.array(lower + d), np.array(upper)) for d in (step, -step))

    def close(found, plus, minus):
        size = max(1.0, abs(float(found)), abs(float(here.d2_cross)))
        assert float(found) == pytest.approx(float(plus - minus) / (2 * step), abs=2e-5 * size)

    close(here.d_upper, raised.value, dropped.value)
    close(here.d_lower, moved.value, back.value)
    close(here.d2_upper, raised.d_upper, dropped.d_upper)
    close(here.d2_lower, moved.d_lower, back.d_lower)
    close(here.d2_cross, raised.d_lower, dropped.d_lower)


@pytest.mark.parametrize("link", LINKS)
@settings(max_examples=40)
@given(lower=st.floats(-3, 3), gap=st.floats(0.1, 6), ends=st.sampled_from(["both", "lower", "upper"]))
def test_curvature_slopes_follow_from_differences(link, lower, gap, ends):
    low = np.array(-np.inf if ends == "upper" else lower)
    high = np.array(np.inf if ends == "lower" else lower + gap)
    step = 1e-4 * min(1.0, gap)

    def curvature(d_low, d_high):
        return float(links.log_interval(link, low + d_low, high + d_high).curvature)

    expected = [
        (curvature(step, 0) - curvature(-step, 0)) / (2 * step),
        (curvature(0, step) - curvature(0, -step)) / (2 * step),
    ]
    found = [float(part) for part in links.curvature_slopes(link, low, high)]
    scale = max(1.0, *np.abs(expected))
    np.testing.assert_allclose(found, expected, atol=2e-4 * scale / min(1.0, gap))


@pytest.mark.parametrize("link", LINKS)
def test_half_lines_are_the_distribution_function(link):
    e = np.linspace(-5, 5, 41)
    everywhere = np.full_like(e, np.inf)
    np.testing.assert_allclose(links.log_interval(link, -everywhere, e).value, links.log_cdf(link, e), rtol=1e-13)
    np.testing.assert_allclose(links.log_interval(link, e, everywhere).value, links.log_sf(link, e), rtol=1e-13)
    np.testing.assert_allclose(links.cdf(link, e) + np.exp(links.log_sf(link, e)), 1, rtol=1e-14)
    below = links.log_interval(link, -everywhere, e)
    np.testing.assert_allclose(below.d_upper, np.exp(links.log_pdf(link, e) - links.log_cdf(link, e)), rtol=1e-10)
    assert np.all(below.d_lower == 0)
    assert np.all(below.d2_lower == 0)
    assert np.all(below.d2_cross == 0)


@pytest.mark.parametrize(("link", "far"), [("logit", 700), ("probit", 1e5), ("cloglog", 600), ("cauchit", 1e7)])
def test_tails_stay_finite(link, far):
    lower, upper = np.array([-far - 1, -far, far - 1]), np.array([-far, -far + 1, far])
    for name, sign in ((link, 1), (links.mirrored(link), -1)):
        found = links.log_interval(name, *((lower, upper) if sign == 1 else (-upper, -lower)))
        for part in (found.value, found.d_lower, found.d_upper, found.d2_lower, found.d2_upper, found.d2_cross):
            assert np.all(np.isfinite(part))


@pytest.mark.parametrize("link", LINKS)
def test_quantile_inverts(link):
    p = np.concatenate([[1e-12, 1e-6], np.linspace(0.01, 0.99, 25), [1 - 1e-6]])
    np.testing.assert_allclose(links.cdf(link, links.quantile(link, p)), p, rtol=1e-9)


@pytest.mark.parametrize("link", LINKS)
def test_score_is_the_slope_of_the_log_density(link):
    e, step = np.linspace(-4, 4, 33), 1e-5
    slope = (links.log_pdf(link, e + step) - links.log_pdf(link, e - step)) / (2 * step)
    np.testing.assert_allclose(links.score(link, e), slope, rtol=1e-7, atol=1e-8)
    bend = (links.score(link, e + step) - links.score(link, e - step)) / (2 * step)
    np.testing.assert_allclose(links.score_slope(link, e), bend, rtol=1e-7, atol=1e-8)


def test_latent_variances_are_those_of_the_distributions():
    grid = np.linspace(-40, 40, 400_001)
    for link in ("logit", "probit", "cloglog", "loglog"):
        density = links.pdf(link, grid)
        mean = np.trapezoid(grid * density, grid)
        assert np.trapezoid((grid - mean) ** 2 * density, grid) == pytest.approx(links.latent_variance(link), rel=1e-8)
    assert links.latent_variance("cauchit") == np.inf


def test_bounds_out_of_order_are_impossible():
    for link in LINKS:
        found = links.log_interval(link, np.array([1.0, 0.0]), np.array([0.0, 0.0]))
        assert np.all(found.value == -np.inf)
        assert np.all(found.d_upper == 0)


def test_unknown_link_names_the_known_ones():
    with pytest.raises(ValueError, match="link must be one of logit, probit, cloglog, loglog, cauchit; got 'logti'"):
        links.log_cdf("logti", np.zeros(1))
