from __future__ import annotations

import hashlib
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from training.data.assets import AssetPack
from training.data.attributions import list_attributions
from training.data.public_art import ART, MODES, PublicArt, add_art, missing_art
from training.data.public_packages import BuildError

pytestmark = pytest.mark.training

COLLECTION = json.dumps(
    {
        "width": 32,
        "height": 32,
        "icons": {
            "bar": {"body": '<path fill="currentColor" d="M0 8h32v16H0z"/>'},
            "sun": {"body": '<circle cx="16" cy="16" r="12" fill="#f00"/>'},
        },
    }
).encode()


def png(mode: str, size_wh: tuple[int, int], box: tuple[int, int, int, int]) -> bytes:
    """A picture with a white box on nothing."""
    picture = Image.new(mode, size_wh)
    picture.paste((255,) * len(mode), box)
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


HEN, BRICK = png("RGBA", (400, 400), (100, 150, 300, 250)), png("RGB", (64, 32), (0, 0, 64, 32))


def entry(data: bytes, **about: object) -> PublicArt:
    """A line of the table, with the checksum of what the registry has."""
    usual = {
        "package": "npm:x@1.0.0",
        "sha256": hashlib.sha256(data).hexdigest(),
        "kind": "icon",
        "longest_px": 64,
        "source": "x",
        "listed": "x/AUTHOR",
        "what": "things",
        "licence": "CC-BY-4.0",
        "credit": '"X" by Y',
    }
    return PublicArt(**{**usual, **about})


@pytest.fixture
def art():
    """One entry of each way that pictures come in."""
    return [
        entry(COLLECTION, icons="icons.json", names=("somebody/bar",)),
        entry(COLLECTION, icons="icons.json", names=("sun",), kind="emoji", source="suns", listed="suns"),
        entry(HEN, folder="png", suffix=".png", names=("animals/hen",), kind="clip", longest_px=100),
        entry(BRICK, folder="png", suffix=".png", names=("brick",), kind="photo", credit="none asked"),
    ]


@pytest.fixture
def fetch():
    """A registry whose every package holds the same files."""

    def fetch(_package, folder):
        for name, data in (("icons.json", COLLECTION), ("png/animals/hen.png", HEN), ("png/brick.png", BRICK)):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        return folder

    return fetch


def test_the_table_has_every_kind_of_picture_but_avatars():
    """A net that is trained without any base pack sees drawn, painted and photographed grounds."""
    assert {kind: sum(len(part.names) for part in ART if part.kind == kind) for kind in MODES} == {
        "icon": 516, "clip": 867, "chara": 13, "emoji": 315, "scene": 6, "photo": 26,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"kind": "av"}, "kind is 'av'; expected one of icon"),
        ({"names": ()}, "0 names of icon; expected some"),
        ({"names": ("sun", "sun")}, "2 names of icon; expected some, each once"),
        ({"folder": "png"}, "folder 'png', icons 'icons.json'; expected one of the two"),
    ],
)
def test_an_entry_that_makes_no_sense_is_refused(art, wrong, said):
    """The value seen and those expected are named."""
    with pytest.raises(BuildError, match=said):
        replace(art[0], **wrong)


@pytest.mark.parametrize("number", [0, 2])
def test_pictures_that_are_not_those_that_were_chosen_are_refused(tmp_path, art, fetch, number):
    """The checksum found and the one expected are both named, for a collection and for files."""
    other = replace(art[number], sha256="0" * 64)

    with pytest.raises(BuildError, match=rf"sha256 is {art[number].sha256}; expected {'0' * 64}"):
        add_art(tmp_path, [other], fetch=fetch)


def test_pictures_are_read_as_what_they_are(tmp_path, art, fetch):
    """An icon is its shape's alpha, figures lose their clear margins, photographs stay whole; none is too large."""
    add_art(tmp_path, art, fetch=fetch)
    pack = AssetPack(tmp_path, [])

    shapes = {kind: pack.art(kind, 0).shape for kind in ("icon", "emoji", "clip", "photo")}

    assert shapes == {"icon": (32, 64), "emoji": (48, 48, 4), "clip": (50, 100, 4), "photo": (32, 64, 3)}
    assert pack.art("icon", 0).min() > 240
    assert np.abs(pack.art("emoji", 0)[24, 24].astype(int) - (255, 0, 0, 255)).max() < 12


def test_a_pack_says_whose_its_pictures_are(tmp_path, art, fetch):
    """Sources name author, category or photograph; the card gives the credit that each licence asks for."""
    add_art(tmp_path, art, fetch=fetch)

    index = json.loads((tmp_path / "art" / "art.json").read_text())

    assert [(about["name"], about["source"]) for about in index] == [
        ("bar", "x/somebody"), ("sun", "suns"), ("hen", "x/animals"), ("brick", "x/brick"),
    ]  # fmt: skip
    assert 'Art, emoji from suns: CC-BY-4.0. "X" by Y' in list_attributions(tmp_path)


def test_every_source_of_the_table_has_a_line_on_the_card(tmp_path):
    """No picture can be added whose maker the model card would not name."""
    for part in ART:
        listed = part.listed.rsplit("/", 1)[0] if part.listed.rsplit("/", 1)[-1].isupper() else part.listed
        sources = {part.source_of(name) for name in part.names}

        assert all(source == listed or source.startswith(f"{listed}/") for source in sources), part.listed
        assert "|" not in part.credit


def test_pictures_are_added_after_those_that_a_pack_has(tmp_path, art, fetch):
    """Old ones stay what they were, new ones are found behind them, and both are credited."""
    add_art(tmp_path, art[:2], fetch=fetch)
    before = AssetPack(tmp_path, []).art("emoji", 0)
    late = replace(art[3], source="late", listed="late/NAME", credit="photograph by Z")

    add_art(tmp_path, missing_art(tmp_path, [*art, late])[-1:], fetch=fetch)

    pack = AssetPack(tmp_path, [])
    assert np.array_equal(pack.art("emoji", 0), before)
    assert pack.art("photo", 0).shape == (32, 64, 3)
    assert {"Art, photo from late/NAME: CC-BY-4.0. photograph by Z"} < set(list_attributions(tmp_path))
    assert (tmp_path / "art" / "notices.tar.xz").exists()


def test_a_pack_lacks_the_pictures_of_makers_that_it_has_none_of(tmp_path, art, fetch):
    """One picture of a maker is enough: what else was chosen then was left out on purpose."""
    add_art(tmp_path, art[:1], fetch=fetch)

    assert missing_art(tmp_path, art) == [art[1]]
