from __future__ import annotations

import json

import pytest

from training.data import build_assets
from training.data.build_assets import build, copy_base
from training.data.public_art import ART
from training.data.public_packages import BuildError

pytestmark = pytest.mark.training


@pytest.fixture
def added(monkeypatch):
    """What a build would fetch, by the function that adds it."""
    added = {}
    for name in ("add_loose_fonts", "add_cut_fonts", "add_art"):

        def note(_pack, entries, *, fetch, name=name):
            added[name] = {entry.package for entry in entries}

        monkeypatch.setattr(build_assets, name, note)
    return added


def test_without_a_base_everything_comes_from_public_packages(tmp_path, added):
    """Fonts of all scripts, and pictures."""
    build(tmp_path)

    assert "npm:@fontsource/russo-one@5.3.0" in added["add_loose_fonts"]
    assert {"apt:fonts-takao-mincho", "npm:@fontsource/jua@5.3.0", "apt:fonts-wqy-microhei"} <= added["add_cut_fonts"]
    assert {"apt:openclipart-png", "npm:@iconify-json/game-icons@1.2.4"} <= added["add_art"]


def test_with_a_base_only_what_it_lacks_is_fetched(tmp_path, added):
    """Russian fonts, and pictures of makers that it has none of; the rest is the base's own."""
    for folder, index in (("fonts", "fonts.json"), ("art", "art.json")):
        (tmp_path / "base" / folder).mkdir(parents=True)
        (tmp_path / "base" / folder / index).write_text("[]")
    known = [{"source": f"{part.source}/x", "offset": 0, "length": 0} for part in ART if part.source != "twemoji"]
    (tmp_path / "base" / "art" / "art.json").write_text(json.dumps(known))
    (tmp_path / "base" / "art" / "art.bin").touch()

    build(tmp_path / "pack", base=tmp_path / "base")

    assert list(added) == ["add_loose_fonts", "add_art"]
    assert added["add_art"] == {part.package for part in ART if part.source == "twemoji"}
    assert (tmp_path / "pack" / "fonts" / "fonts.json").read_text() == "[]"


def test_a_package_that_cannot_be_had_can_be_left_out(tmp_path, added):
    """It is not asked for; one that no table knows is a slip of the pen."""
    build(tmp_path, without=["apt:openclipart-png"])

    assert "apt:openclipart-png" not in added["add_art"]
    with pytest.raises(BuildError, match="--without apt:nothing; expected a package of"):
        build(tmp_path, without=["apt:nothing"])


def test_a_build_that_fails_says_why_in_a_line(tmp_path, monkeypatch, capsys):
    """Without a stack trace, and with an exit code."""

    def refuse(_pack, _entries, *, fetch):
        raise BuildError("apt:x could not be fetched")

    monkeypatch.setattr(build_assets, "add_loose_fonts", refuse)

    with pytest.raises(SystemExit, match="1"):
        build_assets.main(["--out", str(tmp_path / "pack")])

    assert capsys.readouterr().err == "apt:x could not be fetched\n"


def test_a_base_pack_that_was_cut_short_is_refused(tmp_path):
    """Art that ends before its index does is not copied on in silence."""
    art = tmp_path / "base" / "art"
    art.mkdir(parents=True)
    (art / "art.json").write_text('[{"offset": 10, "length": 5}]')
    (art / "art.bin").write_bytes(b"short")

    with pytest.raises(BuildError, match=r"art\.bin is 5 bytes; expected 15"):
        copy_base(tmp_path / "base", tmp_path / "pack")
