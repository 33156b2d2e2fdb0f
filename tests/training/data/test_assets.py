import io
import json
import tarfile

import numpy as np
import pytest
from PIL import Image

from training.data.assets import AssetPack, ComicPage


@pytest.fixture
def folder(tmp_path):
    """A tiny pack: one font, one icon, one comic page with a variant."""
    data = AssetPack.builtin().faces[0].data
    (tmp_path / "fonts").mkdir()
    meta = json.dumps({"one.ttf": {"lang": "kr", "cls": "dlg", "chars": "ABC"}}).encode()
    with tarfile.open(tmp_path / "fonts" / "fonts.tar.xz", "w:xz") as archive:
        for name, content in (("one.ttf", data), ("meta.json", meta)):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    (tmp_path / "art").mkdir()
    coded = io.BytesIO()
    Image.fromarray(np.full((8, 6, 3), 200, np.uint8)).save(coded, "WEBP", lossless=True)
    (tmp_path / "art" / "art.bin").write_bytes(b"xx" + coded.getvalue())
    entry = {"kind": "icon", "offset": 2, "length": len(coded.getvalue())}
    (tmp_path / "art" / "art.json").write_text(json.dumps([entry]))
    return tmp_path


def test_a_pack_reads_fonts_and_pictures(folder):
    """Fonts keep their language and characters, pictures are decoded as their kind asks."""
    pack = AssetPack.open(folder)

    assert pack.languages == ("ko",)
    assert pack.faces_for("ko", "sfx")[0].known == frozenset("ABC")
    assert pack.count("icon") == 1
    assert pack.art("icon", 0).shape == (8, 6)
    assert pack.comics == ()


def test_pictures_of_doubtful_licence_are_left_out(folder):
    """What nobody can say may be used is never drawn from, though the pack has it."""
    index = folder / "art" / "art.json"
    entry = json.loads(index.read_text())[0]
    index.write_text(json.dumps([entry | {"name": "bg washington"}, entry | {"name": "bg meadow"}]))

    assert AssetPack.open(folder).count("icon") == 1


def test_a_folder_without_fonts_is_refused(tmp_path):
    """A wrong folder is an error at once, not an empty page."""
    with pytest.raises(FileNotFoundError):
        AssetPack.open(tmp_path)


def test_the_builtin_pack_needs_nothing():
    """Without a folder there are fonts for several languages and no pictures."""
    pack = AssetPack.open(None)

    assert {"en", "ja"} <= set(pack.languages)
    assert pack.count("photo") == 0


def test_loose_fonts_bring_the_scripts_that_they_draw(folder):
    """A font file in fonts/extra writes Latin, and Russian only if it has Cyrillic letters."""
    (folder / "fonts" / "extra").mkdir()
    (folder / "fonts" / "extra" / "loose.ttf").write_bytes(AssetPack.builtin().faces[0].data)
    pack = AssetPack.open(folder)

    assert "loose.ttf" in {face.name for face in pack.faces}


def test_validation_episodes_are_held_back_from_training():
    """A comic page is for training or for validation, as its episode says; scenes keep to that too."""
    pack = AssetPack.builtin()
    pack.comics = tuple(ComicPage(f"e{episode}p01", episode, "art", ()) for episode in ("02", "03", "20", "22"))

    assert pack.comic_numbers(validation=False) == [0, 3]
    assert pack.comic_numbers(validation=True) == [1, 2]
