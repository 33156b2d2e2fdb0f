"""Pages of a comic from its own sources: what is art, what a bubble, what a letter, and what is never taken."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from PIL import Image

from training.data.build_comics import EASTERN, LATIN, ComicError, add_comics, parts_of, with_font

pytestmark = pytest.mark.training

DRAWING = """<svg xmlns="http://www.w3.org/2000/svg" xmlns:inkscape="http://www.inkscape.org/namespaces/inkscape">
<defs><filter id="glow"/></defs>
<g inkscape:label="artwork"><image id="art"/><path id="frame"/></g>
<g inkscape:label="speechbubbles"><path id="bubble"/></g>
<g inkscape:label="txt"><path id="late-bubble"/><g><text id="words" style="font-family:Lavi;fill:#000000"/></g></g>
</svg>"""


def ids(drawing: ET.Element) -> set[str]:
    return {node.get("id") for node in drawing.iter()} - {None}


def draw(drawing: ET.Element, beside: Path, png: Path, *, fonts: Path, clear: bool) -> None:
    """A black square for each thing that is drawn; nothing where nothing is."""
    assert fonts.is_file()
    things = ids(drawing) - {"glow"}
    Image.new("RGBA", (8, 8), (0, 0, 0, 255 if things or not clear else 0)).save(png)


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    folder = tmp_path / "pack"
    for part in ("fonts", "comic_pairs/art", "comic_pairs/layers"):
        (folder / part).mkdir(parents=True)
    with tarfile.open(folder / "fonts" / "fonts.tar.xz", "w:xz") as archive:
        archive.addfile(tarfile.TarInfo("some.ttf"), io.BytesIO())
    (folder / "comic_pairs" / "pairs.json").write_text(json.dumps([{"id": "e01p01"}]), "utf-8")
    return folder


def sources(tmp_path: Path, *episodes: str, page: str = "01", text: str = DRAWING) -> Path:
    for episode in episodes:
        for language in (*LATIN, *EASTERN):
            folder = tmp_path / "sources" / f"comic_ep{episode}" / language
            folder.mkdir(parents=True)
            (folder / f"Comic_E{episode}P{page}.svg").write_text(text, "utf-8")
    return tmp_path / "sources"


def index(pack: Path) -> list[dict]:
    return json.loads((pack / "comic_pairs" / "pairs.json").read_text("utf-8"))


def test_a_shape_among_the_letters_is_a_bubble_and_filters_stay() -> None:
    parts = parts_of(ET.fromstring(DRAWING))  # noqa: S314  our own
    assert ids(parts.art) == {"glow", "art", "frame"}
    assert ids(parts.bubbles) == {"glow", "bubble", "late-bubble"}
    assert ids(parts.letters) == {"glow", "words"}


def test_the_packs_font_stands_in_for_the_comics_own() -> None:
    assert "font-family:'Bangers';fill:#000000" in with_font(DRAWING, "Bangers")


def test_a_page_is_added_once_with_a_layer_for_each_language(pack: Path, tmp_path: Path) -> None:
    folder = sources(tmp_path, "07")
    assert add_comics(folder, pack, draw=draw) == 1
    assert add_comics(folder, pack, draw=draw) == 0
    old, page = index(pack)
    assert old == {"id": "e01p01"}
    assert (page["id"], page["episode"]) == ("e07p01", "07")
    assert [variant["lang"] for variant in page["variants"]] == ["de", "es", "zh"]
    for variant in page["variants"]:
        assert (pack / "comic_pairs" / variant["letters"]).is_file()
        assert (pack / "comic_pairs" / variant["bubbles"]).is_file()


def test_a_page_without_letters_is_added_as_art_alone(pack: Path, tmp_path: Path) -> None:
    text = DRAWING.replace('<text id="words" style="font-family:Lavi;fill:#000000"/>', "")
    add_comics(sources(tmp_path, "07", text=text), pack, draw=draw)
    assert index(pack)[1]["variants"] == []


@pytest.mark.parametrize("episode", ["11", "16"])
def test_episodes_that_measure_the_result_are_never_added(pack: Path, tmp_path: Path, episode: str) -> None:
    assert add_comics(sources(tmp_path, episode), pack, draw=draw) == 0


def test_a_page_that_cannot_be_drawn_leaves_the_index_as_it_was(pack: Path, tmp_path: Path) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ComicError("nothing drawn")

    before = index(pack)
    with pytest.raises(ComicError, match="nothing drawn"):
        add_comics(sources(tmp_path, "07"), pack, draw=fail)
    assert index(pack) == before
