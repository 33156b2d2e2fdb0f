from __future__ import annotations

import hashlib
import io
import json
import tarfile
from dataclasses import replace

import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont

from training.data.assets import AssetPack
from training.data.pages import make_page
from training.data.public_fonts import (
    FONTS,
    LANGUAGES,
    OTHERS,
    RUSSIAN,
    PublicFont,
    add_cut_fonts,
    add_loose_fonts,
    common,
    cut,
    load_fonts,
)
from training.data.public_packages import BuildError

pytestmark = pytest.mark.training

SUM = "0" * 64
PLAIN_LATIN = "".join(map(chr, range(33, 127)))
LETTERS = {
    "en": PLAIN_LATIN,
    "ja": PLAIN_LATIN + "、。ーあいうえおかきくけこアイウエオカキクケコ" + "今昨明先学世本気人類時代大切約束戦力剣魔法",
    "ko": PLAIN_LATIN + "나너우리그이저왜뭐정말진짜래아니네안돼괜찮사람시간",
    "zh": PLAIN_LATIN + "，。我你他她们什么怎为不是的了在有没知道可以",
    "ru": PLAIN_LATIN + "".join(map(chr, range(0x410, 0x450))) + "Ёё",
}


def squares(characters: str, *, blank: str = "") -> bytes:
    """A font that draws every character as a square, and those of `blank` not at all."""
    pen = TTGlyphPen(None)
    for number, corner in enumerate([(50, 0), (50, 700), (700, 700), (700, 0)]):
        (pen.lineTo if number else pen.moveTo)(corner)
    pen.closePath()
    square, nothing = pen.glyph(), TTGlyphPen(None).glyph()
    drawn = sorted(set(characters) - set(blank))
    names = {ord(character): f"g{ord(character)}" for character in sorted({*characters, *blank, " "})}
    builder = FontBuilder(1000)
    builder.setupGlyphOrder([".notdef", *names.values()])
    builder.setupCharacterMap(names)
    builder.setupGlyf({".notdef": nothing, **{name: square if chr(code) in drawn else nothing
                                              for code, name in names.items()}})  # fmt: skip
    builder.setupHorizontalMetrics(dict.fromkeys([".notdef", *names.values()], (750, 50)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Squares", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    stream = io.BytesIO()
    builder.save(stream)
    return stream.getvalue()


@pytest.fixture(scope="module")
def data():
    """A font for each language."""
    return {language: squares(letters) for language, letters in LETTERS.items()}


@pytest.fixture
def fonts(data):
    """A table of one font for each language, with the checksums of what the registry has."""
    return [
        PublicFont(f"apt:fonts-{language}", f"share/{language}.ttf", hashlib.sha256(data[language]).hexdigest(),
                   f"Squares {language}", "OFL-1.1", language, ("dlg",))
        for language in LANGUAGES
    ]  # fmt: skip


@pytest.fixture
def fetch(data):
    """A registry of packages with a font and a licence each."""

    def fetch(package, folder):
        language = package.removeprefix("apt:fonts-")
        for name, contents in ((f"share/{language}.ttf", data[language]), ("usr/share/doc/x/copyright", b"Free.")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(contents)
        return folder

    return fetch


def test_the_table_has_fonts_for_every_language_and_all_styles_of_a_page():
    """A net that is trained without any base pack sees all scripts, plain and loud."""
    assert {language: sum(font.language == language for font in FONTS) for language in LANGUAGES} == {
        "en": 33, "ja": 28, "ko": 6, "zh": 3, "ru": 7,
    }  # fmt: skip
    assert {font.styles[0] for font in OTHERS if font.language == "ja"} >= {"dlg", "hand", "pop", "sfx", "sfxo"}
    assert set(RUSSIAN) | set(OTHERS) == set(FONTS)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"language": "xx"}, r"language is 'xx'; expected one of en, ja"),
        ({"styles": ("loud",)}, r"styles are \['loud'\]; expected one of dlg"),
        ({"styles": ("dlg", "sfx")}, r"styles are \['dlg', 'sfx'\]; expected one of dlg"),
    ],
)
def test_a_line_of_the_table_that_makes_no_sense_is_refused(wrong, said):
    """The value seen and those expected are named."""
    with pytest.raises(BuildError, match=said):
        replace(OTHERS[0], **wrong)


def test_a_font_may_stand_in_the_table_once_for_a_language(tmp_path):
    """A double would be seen twice as often."""
    line = (
        f'{{package = "apt:x", file = "a.ttf", sha256 = "{SUM}", family = "A", licence = "OFL-1.1", '
        'language = "en", styles = ["dlg"]},'
    )
    (tmp_path / "table.toml").write_text(f"fonts = [{line}{line}]")

    with pytest.raises(BuildError, match=r"table.toml lists a.ttf twice"):
        load_fonts(tmp_path / "table.toml")


@pytest.mark.parametrize("add", [add_loose_fonts, add_cut_fonts])
def test_a_font_that_is_not_the_one_that_was_chosen_is_refused(tmp_path, fonts, fetch, add):
    """The checksum found and the one expected are both named."""
    other = replace(fonts[0], sha256=SUM)

    with pytest.raises(BuildError, match=rf"en\.ttf: sha256 is {fonts[0].sha256}; expected {SUM}"):
        add(tmp_path, [other], fetch=fetch)


def test_loose_fonts_stay_whole_and_have_an_index(tmp_path, fonts, fetch, data):
    """An index with families and licences lies beside them, and the pack opens without any archive."""
    add_loose_fonts(tmp_path, [fonts[-1]], fetch=fetch)

    (about,) = json.loads((tmp_path / "fonts" / "extra" / "fonts.json").read_text())
    assert (about["family"], about["source"], about["styles"]) == ("Squares ru", "apt:fonts-ru", ["dlg"])
    assert (tmp_path / "fonts" / "extra" / "ru.ttf").read_bytes() == data["ru"]
    assert AssetPack.open(tmp_path).languages == ("en", "ru")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_built_pack_draws_pages_in_each_language(tmp_path, fonts, fetch, language):
    """Fonts of that language alone letter pages, and draw what they are said to; one page may have little to say."""
    add_loose_fonts(tmp_path, fonts[-1:], fetch=fetch)
    add_cut_fonts(tmp_path, fonts[:-1], fetch=fetch)
    pack = AssetPack.open(tmp_path)

    faces = [face for face in pack.faces if face.language == language]
    pages = [make_page(AssetPack(None, faces), number, size_px=192, kind="page") for number in range(4)]

    assert faces[0].known - {" "} == set(LETTERS[language])
    assert sum(np.count_nonzero(page.strokes) for page in pages) > 400


def test_a_pack_says_whose_its_fonts_are(tmp_path, fonts, fetch):
    """Licences by family, and the texts that came with the packages."""
    add_cut_fonts(tmp_path, fonts[:-1], fetch=fetch)

    with tarfile.open(tmp_path / "fonts" / "notices.tar.xz") as notices:
        assert notices.getnames() == [f"apt-fonts-{language}.txt" for language in sorted(LANGUAGES) if language != "ru"]
    assert "| OFL-1.1 | Squares en, Squares ja, Squares ko, Squares zh |" in (
        tmp_path / "fonts" / "LICENCES.md"
    ).read_text("utf-8")
    assert {about["licence"] for about in json.loads((tmp_path / "fonts" / "fonts.json").read_text())} == {"OFL-1.1"}


def test_a_cut_font_promises_only_what_it_draws(fonts):
    """A character that a font lists but leaves blank would be text without ink."""
    smaller, characters = cut(squares("AB", blank="C"), fonts[0])

    assert characters == " AB"
    assert set(TTFont(io.BytesIO(smaller)).getBestCmap()) == set(map(ord, " AB"))


@pytest.mark.parametrize(("style", "most"), [("dlg", 1800), ("sfx", 1000)])
def test_fonts_of_a_language_keep_different_shares_of_it(fonts, style, most):
    """Each keeps as much as the pack has room for, the same at every build; together they have more than one has."""
    whole = squares(common("ja"))
    one, other = (replace(fonts[1], file=name, styles=(style,)) for name in ("one.ttf", "other.ttf"))

    first, second, again = (set(cut(whole, font)[1]) - {" "} for font in (one, other, one))

    assert len(first) == len(second) == most
    assert first == again
    assert len(first | second) > 1.1 * most


def test_common_characters_are_those_of_the_national_standards():
    """Level 1 of JIS X 0208 and GB 2312, and the hangul of KS X 1001; an alphabet has none."""
    assert {language: len(common(language)) for language in LANGUAGES} == {
        "en": 0, "ja": 2965, "ko": 2350, "zh": 3755, "ru": 0,
    }  # fmt: skip
    assert ("亜" in common("ja"), "가" in common("ko"), "啊" in common("zh")) == (True, True, True)
