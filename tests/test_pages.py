"""Pages from templates: every value is escaped, a missing one is a bug, and all of them are in the package."""

from pathlib import Path

import pytest
from jinja2 import UndefinedError

from fourfloor import pages

TEMPLATES = sorted(path.name for path in Path(pages.__file__).parent.glob("*.html"))


def test_a_table_escapes_its_cells_and_marks_what_they_hold() -> None:
    template = '{% from "parts.html" import table %}{{ table(rows, judged=true) }}'
    rows = [["row", "value", "passes"], ["<b>loops", "0.25", "yes"], ["others", "-", "no"]]
    page = pages._environment().from_string(template).render(rows=rows)
    assert "&lt;b&gt;loops" in page
    assert '<tr class="judged"><td class="words">&lt;b&gt;loops</td><td>0.25</td><td class="yes">yes</td></tr>' in page
    assert '<th class="words">row</th><th>value</th>' in page


def test_what_holds_no_numbers_is_said() -> None:
    template = '{% from "parts.html" import curve, strip %}{{ strip(plot) }}{{ curve(plot) }}'
    page = pages._environment().from_string(template).render(plot={"title": "a & b", "marks": [], "line": []})
    assert "a &amp; b: no numbers" in page
    assert "a &amp; b: no steps" in page


@pytest.mark.parametrize("template", [name for name in TEMPLATES if name not in ("parts.html", "report.html")])
def test_a_page_without_its_values_is_a_bug(template: str) -> None:
    with pytest.raises(UndefinedError):
        pages.render(template)
