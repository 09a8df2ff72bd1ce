"""The HTML page: valid structure, accessible, self-contained, and honest about what failed."""

from __future__ import annotations

import csv
import dataclasses
import html
import itertools
import re
from pathlib import Path

import pandas as pd
import pytest
from markupsafe import Markup
from report import report_samples
from report.outline import Outline

from bayesgov.published.audit.registry import registered
from bayesgov.report import page as page_module
from bayesgov.report.audit_view import bounds_text, check_question
from bayesgov.report.content import Document, ReportTable, Section, StudyPart
from bayesgov.report.equations import equation_svg
from bayesgov.report.page import PlacedPart, brief, linked, render_page, traced
from bayesgov.report.stored import StoredRun
from bayesgov.report.svg import inline_svg


@pytest.fixture(scope="module")
def outline(page: str) -> Outline:
    return Outline(page)


def test_tags_are_balanced(outline: Outline) -> None:
    assert outline.unbalanced == []
    assert outline.open == []


def test_ids_are_unique(outline: Outline) -> None:
    ids = outline.values("id")
    assert len(ids) == len(set(ids))
    assert not [value for value in ids if re.search(r"\s", value)]


def test_every_reference_has_its_target(outline: Outline, page: str, run_folder: Path) -> None:
    ids = set(outline.values("id"))
    targets = [name for value in outline.values("aria-labelledby") for name in value.split()]
    targets += re.findall(r"url\(#([^)]+)\)", page)
    links = outline.values("href")
    targets += [link[1:] for link in links if link.startswith("#")]
    assert set(targets) <= ids
    files = [link for link in links if not link.startswith(("#", "https:", "data:"))]
    assert files
    assert [name for name in files if not (run_folder / name).is_file()] == []


def test_nothing_is_loaded_from_anywhere(outline: Outline, page: str) -> None:
    assert outline.values("src") == []
    assert not re.search(r"<script|@import|\bsrcset\b|xlink:", page)
    assert [attrs["href"] for tag, attrs in outline.elements if tag == "link"] == ["data:,"]
    addressed = {tag for tag, attrs in outline.elements if attrs.get("href", "").startswith(("http", "//"))}
    assert addressed == {"a"}
    assert "default-src 'none'" in page


def test_every_drawing_has_a_text_alternative(outline: Outline) -> None:
    drawings = [(index, attrs) for index, (tag, attrs) in enumerate(outline.elements) if tag == "svg"]
    assert len(drawings) >= 10
    for index, attrs in drawings:
        assert attrs["role"] == "img"
        assert outline.children[index][0] == "title"


def test_every_table_has_a_caption_and_scoped_headings(outline: Outline) -> None:
    tables = [index for index, (tag, _) in enumerate(outline.elements) if tag == "table"]
    assert all(outline.children[index][0] == "caption" for index in tables)
    assert all(attrs.get("scope") in ("col", "row") for tag, attrs in outline.elements if tag == "th")


def test_headings_skip_no_level(outline: Outline) -> None:
    levels = [int(tag[1]) for tag, _ in outline.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_scrolling_regions_can_be_reached_by_keyboard(outline: Outline) -> None:
    regions = [attrs for _, attrs in outline.elements if "scroll" in attrs.get("class", "").split()]
    assert all(attrs["tabindex"] == "0" and attrs["role"] == "region" and attrs["aria-label"] for attrs in regions)


def test_the_order_of_the_page(outline: Outline) -> None:
    ids = [value for value in outline.values("id") if "-" not in value]
    wanted = [
        "main",
        "problems",
        "verdicts",
        "survey",
        "panel",
        "diagnostics",
        "methods",
        "checklist",
        "references",
        "provenance",
        "files",
    ]
    assert ids == wanted


def test_the_kind_of_data_is_always_said(page: str) -> None:
    source = report_samples.survey_part(failing=False).source
    assert page.split('id="problems"', maxsplit=1)[0].count(source) == 1  # in the head, for both studies
    for key in ("survey", "panel"):
        assert source in page.split(f'<section id="{key}">')[1].split("<section", maxsplit=1)[0]


def test_different_kinds_of_data_are_said_study_by_study() -> None:
    whole = report_samples.document(failing=False)
    first, second = whole.parts
    other = dataclasses.replace(second, source="rows that a user brought")
    bare = [dataclasses.replace(part, sections=(), audit_figures=()) for part in (first, other)]
    mixed = render_page([StoredRun(dataclasses.replace(whole, parts=tuple(bare)))])
    head = mixed.split('id="problems"', maxsplit=1)[0]
    assert first.source in head
    assert "rows that a user brought" in head


def test_the_brief_counts_the_verdicts_it_stands_above() -> None:
    part = report_samples.survey_part(failing=False)
    words = brief(part)
    both = [v for v in part.verdicts if "not checkable" not in (v.frequentist.answer, v.posterior.answer)]
    alike = [v for v in both if v.frequentist.answer == v.posterior.answer]
    assert f"they give the same answer to {len(alike)}." in words.schools
    assert f"Of {len(part.verdicts)} claim" in words.claims
    flagged = len(part.audit.with_verdict("inconsistent", "impossible"))
    assert words.audit.startswith(f"{flagged} of {len(part.audit.rows)} checks")
    assert words.diagnostics == f"0 of {len(part.diagnostics)} fits failed a diagnostic."


def test_the_brief_of_a_study_without_claims() -> None:
    part = dataclasses.replace(report_samples.survey_part(failing=True), verdicts=())
    assert brief(part).claims == "No claim of this study is declared."
    assert not brief(part).diagnostics.startswith("0 of")


@pytest.mark.parametrize("kind", sorted(registered()))
def test_every_registered_check_asks_a_question_in_plain_words(kind: str) -> None:
    words = check_question(kind)
    assert words != kind.replace("_", " ")
    assert not words.endswith(".")
    assert ":func:" not in words


def test_an_unregistered_check_is_shown_by_its_name() -> None:
    assert check_question("made_up_check") == "made up check"


def test_failures_come_first_and_in_words(page: str) -> None:
    problems = page.split('id="problems"')[1].split('id="verdicts"', maxsplit=1)[0]
    assert "impulse responses crashed" in problems
    assert "survey-r2d2" in problems
    assert re.search(r"R-hat, largest = 1\.062, threshold 1\.01\. Advice: run longer or reparameterise", problems)
    assert "No fit failed" not in problems


def test_the_error_section_stands_when_nothing_failed() -> None:
    empty = Document("Title", "Lead.", (), (), (), {}, ())
    text = render_page([StoredRun(empty)])
    assert "No fit failed a diagnostic; no step crashed." in text
    assert Outline(text).unbalanced == []


def test_each_claim_shows_each_ruling_as_a_word_and_a_sentence(page: str) -> None:
    row = page.split('id="claim-survey-all-significant"')[1].split("</tr>", maxsplit=1)[0]
    words = re.findall(r'class="badge is-[a-z-]+"><span aria-hidden="true">\S+</span> ([a-z ]+)</span>', row)
    assert words == ["does not hold", "does not hold", "undetermined"]
    assert "3 of 14 values of p_holm are &lt; 0.05" in row
    assert "0.38 under R2D2" in row


def test_flags_have_a_line_each_and_their_detail_on_demand(page: str) -> None:
    audit = page.split('id="survey-audit"')[1].split('id="survey-contingency"', maxsplit=1)[0]
    flags, _, rest = audit.partition("Undetermined: rounding")
    summaries = re.findall(
        r'<summary><strong>(.+?)</strong>: (.+?)\. <span class="count">(\d+) of (\d+)', " ".join(flags.split())
    )
    assert summaries
    assert all(0 < int(flagged) <= int(checked) for _, _, flagged, checked in summaries)
    assert "Agrees under:</strong> one misprinted digit in 7/1/estimate (6.528 → 6.582) (4.169)" in flags
    assert "2 readings tried that do not agree</summary><small>Yates correction (118.2); G² instead of χ² (121.9)." in (
        " ".join(flags.split())
    )
    assert "The check would notice 12 % of one-digit typos." in flags
    assert "within [−0.42, −0.4]" in flags  # the bounds stand in where no text of the recomputed value is given
    assert "chi2-3<" not in flags
    assert "chi2-3<" in rest
    assert "is printed empty" in rest


def test_text_is_escaped(page: str) -> None:
    assert "multi-participation &lt;mechanism&gt; &amp; feedback" in page
    assert "<mechanism>" not in page


def test_a_missing_ess_is_not_shown_as_passed(page: str) -> None:
    diagnostics = page.split('id="diagnostics"')[1]
    assert "one parameter only" in diagnostics
    own = diagnostics.split("survey-r2d2 (Bayesian).</strong>")[1].split("</table>")[0]
    assert own.split("<tbody>")[1].count("<tr>") == 2  # its own checks, and no word of the others
    assert "pass" not in own


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("see doi:10.65102/is2026532.", "https://doi.org/10.65102/is2026532"),
        ("(https://doi.org/10.1007/s11222-023-10366-5).", "https://doi.org/10.1007/s11222-023-10366-5"),
    ],
)
def test_references_become_links(text: str, target: str) -> None:
    assert f'href="{target}"' in linked(text)


def test_links_do_not_let_markup_through() -> None:
    assert "<b>" not in linked("<b> doi:10.1000/1 <b>")
    assert 'href="https://a.b/&#34;onclick=x"' in linked('https://a.b/"onclick=x')


def test_inline_drawings_do_not_share_ids() -> None:
    text = (
        '<?xml version="1.0"?><svg viewBox="0 0 10 20" version="1.1"><g id="figure_1">'
        '<clipPath id="p1"/><g clip-path="url(#p1)"/></g></svg>'
    )
    one, other = (inline_svg(text, key, "T & U", "D") for key in ("a", "b"))
    assert 'id="a--1"' in one
    assert "url(#a--1)" in one
    assert "figure_1" not in one
    assert not set(re.findall(r'id="([^"]+)"', one)) & set(re.findall(r'id="([^"]+)"', other))
    assert '<title id="a--title">T &amp; U</title>' in one


def test_an_equation_is_one_path_with_its_words() -> None:
    drawing = equation_svg(r"\frac{b_0 + b_1}{1 - \alpha}", "Long-run effect < 1")
    assert isinstance(drawing, Markup)
    assert "<title>Long-run effect &lt; 1</title>" in drawing
    width, height = map(float, re.search(r'viewBox="0 0 (\S+) (\S+)"', drawing).groups())  # type: ignore[union-attr]
    numbers = [float(value) for value in re.findall(r"-?\d+\.\d+", drawing.split(' d="')[1])]
    assert min(numbers) >= 0
    assert max(numbers) <= max(width, height)


def test_a_bad_equation_is_named() -> None:
    with pytest.raises(ValueError, match=r"undefinedcommand"):
        equation_svg(r"\undefinedcommand{x}", "words")


def test_colours_have_contrast() -> None:
    style = (Path(page_module.__file__).parent / "templates" / "style.css").read_text(encoding="utf-8")
    for block in re.findall(r":root \{(.*?)\}", style, re.DOTALL):
        colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6})", block))
        for ink in ("ink", "muted", "link"):
            for ground in ("paper", "soft"):
                assert _contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground)
        for word in ("good", "bad", "doubt", "plain"):
            assert _contrast(colours[word], colours[f"{word}-soft"]) >= 4.5, word
        assert _contrast(colours["paper"], colours["bad"]) >= 4.5


def _contrast(one: str, other: str) -> float:
    """Contrast ratio of WCAG 2, which asks for 4.5 in text."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    channels = [int(digits[index : index + 2], 16) / 255 for index in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (None, None, ""),
        (0.0, None, "at least 0"),
        (None, -1.5, "at most −1.5"),
        (119.5712, 119.5713, "within [119.5712, 119.5713]"),
    ],
)
def test_bounds_in_words(low: float | None, high: float | None, text: str) -> None:
    assert bounds_text(low, high) == text


def test_a_sentence_that_names_its_table_leads_there() -> None:
    table = ReportTable("screening", "Screening", "All.", pd.DataFrame({"n": [1]}))
    part = StudyPart("rows", "T", "C", "rows", (), None, (Section("one", "One", (table,)),), ())
    placed = PlacedPart(StoredRun(Document("T", "L", (part,), (), (), {}, ()), anchor="a-"), part)
    assert traced("3 of 16 (table screening) & more", placed) == (
        '3 of 16 (table <a href="#a-table-screening">screening</a>) &amp; more'
    )
    assert traced("the table below, table nowhere", placed) == "the table below, table nowhere"


NUMBER = re.compile(r"(?P<digits>−?\d+(?:\.\d+)?)(?: × 10(?P<power>[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+))?")
POWERS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


@pytest.mark.parametrize("run", ["run_folder", "rows_run"])
def test_every_number_of_a_table_is_in_its_csv(run: str, request: pytest.FixtureRequest) -> None:
    """As a number that rounds to what is shown, or within a text that is shown."""
    folder: Path = request.getfixturevalue(run)
    page = (folder / "report.html").read_text(encoding="utf-8")
    tables = re.findall(r'<div class="table[^"]*" id="table-([^"]+)">(.*?)<p class="files">(.*?)</p>', page, re.DOTALL)
    assert len(tables) >= 2
    compared = 0
    for key, body, files in tables:
        assert f'href="tables/{key}.csv"' in files
        with (folder / "tables" / f"{key}.csv").open(encoding="utf-8", newline="") as stream:
            _, *rows = csv.reader(stream)
        shown = re.findall(r"<tr><th scope=\"row\">(.*?)</tr>", body, re.DOTALL)
        assert len(shown) == len(rows), key
        for line, row in zip(shown, rows, strict=True):
            text = html.unescape(re.sub(r"<[^>]+>", " ", line))
            for match in NUMBER.finditer(text):
                assert _is_from(match, text, row), (key, match[0], row)
                compared += 1
    assert compared > 50


def _is_from(match: re.Match[str], text: str, row: list[str]) -> bool:
    digits = match["digits"].replace("−", "-")
    numeric = [re.fullmatch(r"-?(\d[\d.]*(e[-+]?\d+)?|inf)", cell) is not None for cell in row]
    if any(digits in cell for cell, number in zip(row, numeric, strict=True) if not number):
        return True
    power = int((match["power"] or "0").translate(POWERS))
    value, unit = float(digits) * 10.0**power, 10.0 ** (power - len(digits.partition(".")[2]))
    numbers = [float(cell) for cell, number in zip(row, numeric, strict=True) if number]
    before = text[: match.start()].rstrip()[-1:]
    if before in ("<", ">"):  # a bound of a p-value or probability
        return any(number < value if before == "<" else number > value for number in numbers)
    return any(abs(number - value) <= 0.5001 * unit for number in numbers)


def test_the_search_for_a_number_can_fail() -> None:
    def found(text: str, *row: str) -> bool:
        return all(_is_from(match, text, list(row)) for match in NUMBER.finditer(text))

    assert found("[−0.701, 3.17]", "-0.70123", "3.1699")
    assert found("2.10 × 10⁻⁷", "2.1004e-07")
    assert found("&lt; 0.001".replace("&lt;", "<"), "1e-12")
    assert not found("3.18", "3.1699")
    assert not found("1", "0.1")
    assert not found("< 0.001", "0.2")
