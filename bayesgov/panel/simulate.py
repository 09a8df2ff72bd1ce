"""A simulated panel of cities with known truth, at the panel study's design: indicators driven by a dynamic level."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import pandas as pd

from bayesgov.errors import InputError

# Prefecture-level cities and municipalities of the provinces at the end of 2009, those whose status lasted to 2018
# (National Bureau of Statistics of China, China City Statistical Yearbook 2010: 287, of which Chaohu was dissolved in
# 2011), by the seven regions that the study names.
CITIES: Mapping[str, int] = MappingProxyType(
    {
        "northeastern": 34,  # Liaoning 14, Jilin 8, Heilongjiang 12
        "northern": 33,  # Beijing 1, Tianjin 1, Hebei 11, Shanxi 11, Inner Mongolia 9
        "northwestern": 30,  # Shaanxi 10, Gansu 12, Qinghai 1, Ningxia 5, Xinjiang 2
        "southwestern": 32,  # Chongqing 1, Sichuan 18, Guizhou 4, Yunnan 8, Tibet 1
        "southern": 37,  # Guangdong 21, Guangxi 14, Hainan 2
        "central": 42,  # Henan 17, Hubei 12, Hunan 13
        "eastern": 78,  # Shanghai 1, Jiangsu 13, Zhejiang 11, Anhui 16, Fujian 9, Jiangxi 11, Shandong 17
    }
)

ALPHA: Mapping[str, float] = MappingProxyType(
    {
        "northeastern": 0.45,
        "northern": 0.50,
        "northwestern": 0.40,
        "southwestern": 0.55,
        "southern": 0.50,
        "central": 0.60,
        "eastern": 0.65,
    }
)
# Change of the level with digital government, now and a year later: little now, more with a delay
BETA: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "northeastern": (0.05, 0.10),
        "northern": (0.10, 0.15),
        "northwestern": (0.00, 0.10),
        "southwestern": (0.05, 0.15),
        "southern": (0.10, 0.20),
        "central": (0.10, 0.15),
        "eastern": (0.15, 0.25),
    }
)

PREDICTORS = ("digital", "industry", "gdp")
AREAS = ("urban", "rural")
_BURN_IN = 50  # years before the first, after which the start no longer matters at any persistence below 0.9


@dataclass(frozen=True, slots=True)
class Indicator:
    """How a second-level indicator follows the level of public services.

    Attributes
    ----------
    dimension : str
        Its first-level index.
    mean, deviation : float
        In its own unit.
    loading : float
        Correlation with the level over all cities, years and areas; negative where less is better.
    """

    dimension: str
    mean: float
    deviation: float
    loading: float


INDICATORS: Mapping[str, Indicator] = MappingProxyType(
    {
        "roads": Indicator("infrastructure", 14.0, 2.4, 0.75),  # m² a person
        "water": Indicator("infrastructure", 75.0, 4.0, 0.70),  # % of people
        "gas": Indicator("infrastructure", 65.0, 5.0, 0.80),  # % of people
        "pupils_per_teacher": Indicator("education", 16.0, 2.0, -0.70),
        "school_spending": Indicator("education", 8.0, 1.2, 0.80),  # 1,000 yuan a pupil
        "beds": Indicator("health", 45.0, 7.0, 0.80),  # for 10,000 people
        "doctors": Indicator("health", 24.0, 3.8, 0.85),  # for 10,000 people
        "pensions": Indicator("security", 60.0, 5.5, 0.75),  # % of people
        "unemployment": Indicator("security", 3.6, 0.5, -0.60),  # %
        "sewage": Indicator("environment", 68.0, 5.0, 0.75),  # % treated
        "waste": Indicator("environment", 70.0, 4.5, 0.70),  # % treated
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelSimulation:
    """Options of a simulated panel; the sizes are the panel study's, the effects are assumptions.

    Attributes
    ----------
    seed : int
        Levels, indicators and missing cells have streams of their own.
    first_year, last_year : int
    cities : mapping of str to int
        By region.
    alpha : mapping of str to float
        Persistence of the level and of the urban-rural gap, by region.
    beta : mapping of str to (float, float)
        Effects of digital government on the level, this year's and last year's.
    controls : (float, float, float, float)
        Effects on the level of industry, last year's industry, gdp, last year's gdp.
    gap_beta : (float, float)
        Effects of digital government on the gap between urban and rural level, this year's and last year's.
    gap_mean : float
        Long-run mean of the gap at average predictors.
    unit_sd, year_sd, error_sd : float
        Standard deviations of city effects, year effects and errors of the level; the gap's are half of them.
    selection : float
        Correlation of city effects with the cities' mean digital government: what makes them no random effects.
    feedback : float
        Effect of last year's level on digital government; digital government is strictly exogenous at 0.
    yearly_noise : float
        Share of an indicator's variance around the level that is new every year; the rest stays with the city.
    missing_share : float
        Of the indicators' cells; a third of them in runs of two to three years.
    """

    seed: int
    first_year: int = 2009
    last_year: int = 2018
    cities: Mapping[str, int] = field(default_factory=lambda: CITIES)
    alpha: Mapping[str, float] = field(default_factory=lambda: ALPHA)
    beta: Mapping[str, tuple[float, float]] = field(default_factory=lambda: BETA)
    controls: tuple[float, float, float, float] = (0.05, 0.05, 0.10, 0.05)
    gap_beta: tuple[float, float] = (0.0, -0.05)
    gap_mean: float = 1.0
    unit_sd: float = 0.4
    year_sd: float = 0.1
    error_sd: float = 0.3
    selection: float = 0.5
    feedback: float = 0.0
    yearly_noise: float = 0.1
    missing_share: float = 0.03

    @property
    def years(self) -> tuple[int, ...]:
        """Every year."""
        return tuple(range(self.first_year, self.last_year + 1))


@dataclass(frozen=True, slots=True, eq=False)
class PanelTruth:
    """What made a simulated panel.

    Attributes
    ----------
    level, gap : ndarray, shape (n_cities, n_years)
        Latent level of public services, and urban less rural level.
    unit_effect, gap_unit_effect : ndarray, shape (n_cities,)
    year_effect, gap_year_effect : ndarray, shape (n_years,)
        Sum to zero over the years.
    level_mean, level_sd : float
        Of urban and rural levels together, by which indicators standardise them.
    """

    level: np.ndarray
    gap: np.ndarray
    unit_effect: np.ndarray
    gap_unit_effect: np.ndarray
    year_effect: np.ndarray
    gap_year_effect: np.ndarray
    level_mean: float
    level_sd: float


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedPanel:
    """A simulated panel.

    Attributes
    ----------
    options : PanelSimulation
    frame : pandas.DataFrame
        ``city, region, year, digital, industry, gdp`` and ``<indicator>_urban``, ``<indicator>_rural``, with missing
        cells.
    complete : pandas.DataFrame
        The same before cells were lost.
    latent : pandas.DataFrame
        ``city, region, year, digital, industry, gdp, services`` (the level)``, differentiation`` (the gap)``,
        services_urban, services_rural``.
    truth : PanelTruth
    """

    options: PanelSimulation
    frame: pd.DataFrame
    complete: pd.DataFrame
    latent: pd.DataFrame
    truth: PanelTruth


def simulate_panel(options: PanelSimulation) -> SimulatedPanel:
    r"""Simulate cities whose level of public services follows the study's first equation, and their gap the second.

    .. math:: y_{it} = \alpha_r y_{i,t-1} + \beta_{0r} d_{it} + \beta_{1r} d_{i,t-1} + \gamma_0 s_{it}
              + \gamma_1 s_{i,t-1} + \varphi_0 g_{it} + \varphi_1 g_{i,t-1} + \mu_i + \rho_t + e_{it}

    The process runs fifty years before the first, so that first values come from it. Urban and rural levels are
    :math:`y \pm` half the gap; indicators are their noisy linear images.

    Raises
    ------
    InputError
        If an option cannot be met.
    """
    _require(options)
    region = np.repeat(np.arange(len(options.cities)), list(options.cities.values()))
    dynamics, measurement, loss = (np.random.default_rng([options.seed, stream]) for stream in range(3))
    predictors, truth = _dynamics(options, region, dynamics)
    keys = _keys(options, region)
    areas = {"urban": truth.level + 0.5 * truth.gap, "rural": truth.level - 0.5 * truth.gap}
    complete = keys.assign(**{name: values.ravel() for name, values in predictors.items()})
    latent = complete.assign(
        services=truth.level.ravel(),
        differentiation=truth.gap.ravel(),
        **{f"services_{area}": values.ravel() for area, values in areas.items()},
    )
    indicators = _indicators(areas, truth, options.yearly_noise, measurement)
    complete = pd.concat([complete, pd.DataFrame(indicators)], axis=1)
    frame = complete.copy()
    for name in indicators:
        frame.loc[_lost(options, region.size, loss).ravel(), name] = np.nan
    return SimulatedPanel(options, frame, complete, latent, truth)


def _require(options: PanelSimulation) -> None:
    for name, table in (("alpha", options.alpha), ("beta", options.beta)):
        if set(table) != set(options.cities):
            raise InputError(f"{name} should name the regions {', '.join(options.cities)}; got {', '.join(table)}")
    unstable = [region for region, alpha in options.alpha.items() if not abs(alpha) < 0.95]
    if unstable:
        raise InputError(
            f"alpha should lie between -0.95 and 0.95; {unstable[0]} has {options.alpha[unstable[0]]:g}: nearer to "
            "one, fifty years do not reach the stationary distribution"
        )
    if min(options.cities.values(), default=0) < 1 or options.last_year <= options.first_year:
        raise InputError("every region needs a city and the panel two years or more")
    limits = {"missing_share": (0.0, 0.5), "yearly_noise": (0.0, 1.0), "selection": (-1.0, 1.0)}
    for name, (low, high) in limits.items():
        if not low <= getattr(options, name) <= high:
            raise InputError(f"{name} should lie between {low:g} and {high:g}; got {getattr(options, name):g}")


def _keys(options: PanelSimulation, region: np.ndarray) -> pd.DataFrame:
    n_years = len(options.years)
    names = np.array(list(options.cities))
    cities = [f"city {number:03d}" for number in range(1, region.size + 1)]
    return pd.DataFrame(
        {
            "city": np.repeat(cities, n_years),
            "region": np.repeat(names[region], n_years),
            "year": np.tile(options.years, region.size),
        }
    )


def _dynamics(
    options: PanelSimulation, region: np.ndarray, rng: np.random.Generator
) -> tuple[dict[str, np.ndarray], PanelTruth]:
    """Predictors and levels of the observed years, shape (n_cities, n_years)."""
    n, n_years = region.size, len(options.years)
    total = _BURN_IN + n_years
    alpha = np.array([options.alpha[name] for name in options.cities])[region]
    beta = np.array([options.beta[name] for name in options.cities])[region]
    # cities differ lastingly in all three predictors, which are correlated, and in their effects
    means = rng.multivariate_normal(np.zeros(3), 0.5 * np.eye(3) + 0.5, size=n)
    own = rng.standard_normal(n)
    unit = options.unit_sd * (options.selection * means[:, 0] + np.sqrt(1 - options.selection**2) * own)
    gap_unit = 0.5 * options.unit_sd * rng.standard_normal(n)
    years = np.zeros((2, total))
    years[:, _BURN_IN:] = rng.standard_normal((2, n_years)) * options.year_sd * np.array([[1.0], [0.5]])
    years[:, _BURN_IN:] -= years[:, _BURN_IN:].mean(axis=1, keepdims=True)
    trend = np.zeros(total)
    trend[_BURN_IN:] = 0.08 * np.arange(n_years)  # all three rise over the observed years
    state, before = means.copy(), means.copy()
    level, gap = unit / (1 - alpha), np.full(n, options.gap_mean)
    kept: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for year in range(total):
        shocks = 0.5 * rng.standard_normal((n, 3))
        errors = options.error_sd * rng.standard_normal((n, 2)) * np.array([1.0, 0.5])
        target = means + trend[year]
        state = target + 0.6 * (before - target) + shocks
        state[:, 0] += options.feedback * level
        pair = np.stack([state[:, 0], before[:, 0]])
        control = np.stack([state[:, 1], before[:, 1], state[:, 2], before[:, 2]], axis=1) @ options.controls
        level = alpha * level + (beta.T * pair).sum(axis=0) + control + unit + years[0, year] + errors[:, 0]
        pull = (1 - alpha) * options.gap_mean + np.array(options.gap_beta) @ pair
        gap = alpha * gap + pull + gap_unit + years[1, year] + errors[:, 1]
        before = state
        if year >= _BURN_IN:
            kept.append((state.copy(), level, gap))
    states = np.stack([entry[0] for entry in kept], axis=1)
    levels, gaps = (np.stack([entry[index] for entry in kept], axis=1) for index in (1, 2))
    areas = np.concatenate([levels + 0.5 * gaps, levels - 0.5 * gaps])
    truth = PanelTruth(
        level=levels,
        gap=gaps,
        unit_effect=unit,
        gap_unit_effect=gap_unit,
        year_effect=years[0, _BURN_IN:],
        gap_year_effect=years[1, _BURN_IN:],
        level_mean=float(areas.mean()),
        level_sd=float(areas.std()),
    )
    return {name: states[:, :, index] for index, name in enumerate(PREDICTORS)}, truth


def _indicators(
    areas: Mapping[str, np.ndarray], truth: PanelTruth, yearly_noise: float, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Indicator columns: the standardised level times the loading, and noise that partly stays with the city."""
    n, n_years = truth.level.shape
    columns = {}
    for name, indicator in INDICATORS.items():
        for area in AREAS:
            standard = (areas[area] - truth.level_mean) / truth.level_sd
            lasting, new = rng.standard_normal((n, 1)), rng.standard_normal((n, n_years))
            noise = np.sqrt(1 - yearly_noise) * lasting + np.sqrt(yearly_noise) * new
            value = indicator.loading * standard + np.sqrt(1 - indicator.loading**2) * noise
            columns[f"{name}_{area}"] = np.round(indicator.mean + indicator.deviation * value, 3).ravel()
    return columns


def _lost(options: PanelSimulation, n: int, rng: np.random.Generator) -> np.ndarray:
    """Cells that a yearbook does not print, shape (n_cities, n_years)."""
    n_years = len(options.years)
    lost = rng.random((n, n_years)) < options.missing_share * 2 / 3
    # a run of two or three years covers 2.5 cells on average
    start = rng.random((n, n_years)) < options.missing_share / 3 / 2.5
    length = rng.integers(2, 4, size=(n, n_years))
    for later in range(3):
        lost[:, later:] |= (start & (length > later))[:, : n_years - later]
    return lost
