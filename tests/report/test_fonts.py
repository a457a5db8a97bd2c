import warnings
from types import SimpleNamespace

import pytest

from interfere.report import _fonts, languages_figure, write_figures
from tests.report._drawn import svg_text, texts
from tests.report._results import make_result

JAPANESE = "日本語"


@pytest.fixture
def fonts(monkeypatch):
    """Installed fonts that a test names, with the characters that each has, beside matplotlib's own."""

    def install(listed, later=()):
        has = {name: set(characters) for name, characters in {**dict(listed), **dict(later)}.items()}
        entries = [SimpleNamespace(name=n, fname=n, index=0, style="normal", weight=400) for n in has]
        manager = SimpleNamespace(ttflist=[e for e in entries if e.name in dict(listed)])
        manager.addfont = lambda path: manager.ttflist.extend(e for e in entries if e.fname == path)
        monkeypatch.setattr(_fonts.font_manager, "fontManager", manager)
        monkeypatch.setattr(_fonts.font_manager, "findSystemFonts", lambda: list(has))
        real = _fonts._has
        monkeypatch.setattr(_fonts, "_has", lambda p, i, cs: has[p] & set(cs) if p in has else real(p, i, cs))
        _fonts._covering.cache_clear()

    yield install
    _fonts._covering.cache_clear()


def test_no_font_is_looked_for_where_matplotlibs_own_has_all(monkeypatch):
    monkeypatch.setattr(_fonts, "_covering", lambda missing: pytest.fail("looked") if missing else ())
    assert _fonts.families(["de", "Ελληνικά", "العربية", "עברית", "a\u200db", "− ρ …"]) == ["DejaVu Sans", "sans-serif"]


def test_the_fewest_fonts_that_have_what_is_missing_are_taken(fonts):
    fonts(
        {"Noto Serif X": JAPANESE, "Noto Sans X": JAPANESE, "Mono": "日本", "Thai": "ไทย", "Last Resort": "日本語ไทย"}
    )
    assert _fonts.families([JAPANESE, "ไทย"])[1:-1] == ["Noto Sans X", "Thai"]


def test_a_font_that_was_installed_after_matplotlibs_list_was_made_is_found(fonts):
    fonts({"Other": "abc"}, later={"New": JAPANESE})
    assert _fonts.families([JAPANESE]) == ["DejaVu Sans", "New", "sans-serif"]


def test_without_a_font_the_picture_says_so_and_the_svg_keeps_the_text(monkeypatch, tmp_path):
    monkeypatch.setattr(_fonts, "_covering", lambda missing: ())
    result = make_result(["de", JAPANESE], groups=["encoder.0"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drawings = write_figures(result, tmp_path)
    assert any("no installed font" in t for t in texts(languages_figure(result)))
    for drawing in drawings:
        assert any(JAPANESE in t for t in svg_text(drawing.svg))
        # Where none of these is, any font without serifs will do.
        assert "font-family: 'DejaVu Sans', 'Verdana', sans-serif" in drawing.svg.read_text(encoding="utf-8")


def test_files_that_are_no_fonts_have_no_characters(tmp_path):
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    assert _fonts._has(str(tmp_path / "broken.ttf"), 0, "a") == set()
    assert _fonts._has(str(tmp_path / "gone.ttf"), 0, "a") == set()
