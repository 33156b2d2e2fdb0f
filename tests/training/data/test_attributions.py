from __future__ import annotations

import json

import pytest

from training.data.attributions import list_attributions

pytestmark = pytest.mark.training

LICENCES = """
| source in art.json | what | licence | attribution that has to be given |
|---|---|---|---|
| faces/round | characters | CC-BY-4.0 | "Round Faces" by A. Painter, CC BY 4.0, changed |
| icons/AUTHOR | icons | CC-BY-3.0 | "Icons made by Somebody, CC BY 3.0" |
| clips/NAME | objects | public domain | none asked |
| unused | photos | CC-BY-2.0 | "Unused" |
"""


@pytest.fixture
def pack(tmp_path):
    """A pack's lists, without the material."""
    for name in ("art", "fonts/extra", "comic_pairs"):
        (tmp_path / name).mkdir(parents=True)
    sources = [("faces/round", "av"), ("icons/somebody", "icon"), ("clips/tree", "clip")]
    art = [{"source": source, "kind": kind} for source, kind in sources]
    (tmp_path / "art" / "art.json").write_text(json.dumps(art))
    (tmp_path / "art" / "LICENCES.md").write_text(LICENCES)
    (tmp_path / "fonts" / "fonts.json").write_text('[{"family": "Plain Sans", "licence": "OFL-1.1"}]')
    (tmp_path / "fonts" / "extra" / "fonts.json").write_text('[{"family": "Azbuka", "licence": "OFL-1.1"}]')
    (tmp_path / "comic_pairs" / "pairs.json").write_text("[]")
    (tmp_path / "comic_pairs" / "ATTRIBUTION.md").write_text(
        'Text for a model card: "Trained on pages by B. Drawer."\n'
    )
    return tmp_path


def test_every_source_in_use_is_named_with_what_it_asks_for(pack):
    """Art by source, fonts by licence, comic pages in the words that their author wants; nothing that was not used."""
    assert list_attributions(pack) == [
        'Art, av from faces/round: CC-BY-4.0. "Round Faces" by A. Painter, CC BY 4.0, changed',
        'Art, icon from icons/AUTHOR: CC-BY-3.0. "Icons made by Somebody, CC BY 3.0"',
        "Art, clip from clips/NAME: public domain",
        "Fonts under OFL-1.1: Azbuka, Plain Sans",
        "Trained on pages by B. Drawer.",
    ]


def test_a_pack_that_does_not_say_whose_it_is_trains_nothing(pack):
    """The missing list is named before a minute is spent."""
    (pack / "art" / "LICENCES.md").unlink()

    with pytest.raises(FileNotFoundError, match="LICENCES"):
        list_attributions(pack)


def test_without_a_pack_the_only_debt_is_pillows_font():
    """Everything else is drawn by procedure."""
    assert ["Pillow" in line for line in list_attributions(None)] == [True]
