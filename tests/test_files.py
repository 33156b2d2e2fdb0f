"""Where results go, and that a file is whole or not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.errors import InvalidOption
from service.files import Target, format_for, plan_targets, write_atomically
from service.options import EraseOptions


def options(**fields: str) -> EraseOptions:
    return EraseOptions.parse(fields)


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    """A folder: a.png, b.jpg, deep/c.webp, notes.txt, .hidden.png."""
    folder = tmp_path / "pages"
    (folder / "deep").mkdir(parents=True)
    for name in ("a.png", "b.jpg", "deep/c.webp", "notes.txt", ".hidden.png"):
        (folder / name).write_bytes(b"x")
    return folder


def test_one_image_goes_into_a_file_or_into_a_folder_that_exists(pages: Path, tmp_path: Path) -> None:
    """A name that is no folder is the file's own."""
    source = str(pages / "a.png")

    assert plan_targets([source], str(tmp_path / "out.png"), options()) == [
        Target(source, str(tmp_path / "out.png"), None)
    ]
    assert plan_targets([source], str(tmp_path), options()) == [Target(source, str(tmp_path / "a.png"), None)]
    assert plan_targets([source], f"{tmp_path}/new/", options()) == [Target(source, str(tmp_path / "new/a.png"), None)]


def test_a_folder_is_searched_and_its_tree_kept(pages: Path, tmp_path: Path) -> None:
    """Images only, hidden files left alone."""
    targets = plan_targets([str(pages)], str(tmp_path / "out"), options())

    assert [str(Path(target.image or "").relative_to(tmp_path)) for target in targets] == [
        "out/a.png",
        "out/b.jpg",
        "out/deep/c.webp",
    ]


def test_a_format_changes_the_ending(pages: Path, tmp_path: Path) -> None:
    """`.jpg` stays `.jpg` where JPEG is asked for."""
    targets = plan_targets([str(pages)], str(tmp_path / "out"), options(format="jpeg"))

    assert [Path(target.image or "").name for target in targets] == ["a.jpg", "b.jpg", "c.jpg"]


def test_both_writes_the_mask_beside_the_image(pages: Path, tmp_path: Path) -> None:
    """NAME and NAME.mask.png; with `mask` alone a file's name is the mask's own."""
    source = str(pages / "b.jpg")

    assert plan_targets([source], str(tmp_path), options(output="both")) == [
        Target(source, str(tmp_path / "b.jpg"), str(tmp_path / "b.mask.png"))
    ]
    assert plan_targets([source], str(tmp_path / "m.png"), options(output="mask")) == [
        Target(source, None, str(tmp_path / "m.png"))
    ]
    assert plan_targets([source], str(tmp_path), options(output="mask")) == [
        Target(source, None, str(tmp_path / "b.mask.png"))
    ]


def test_standard_input_and_output_take_one_file() -> None:
    """`-` in, `-` out."""
    assert plan_targets(["-"], "-", options()) == [Target("-", "-", None)]
    assert plan_targets(["-"], "-", options(output="mask")) == [Target("-", None, "-")]


@pytest.mark.parametrize(
    ("sources", "out", "fields", "words"),
    [
        (["a.png"], "a.png", {}, "is an input"),
        (["a.png"], ".", {}, "is an input"),
        (["."], ".", {}, "is an input"),
        (["a.png", "deep/../a.png"], "out", {}, "2 results"),
        (["a.png", "b.jpg"], "-", {}, "one file"),
        (["a.png"], "-", {"output": "both"}, "one file"),
        (["-"], ".", {}, "has no name"),
        (["none.png"], "out.png", {}, "no such file"),
        (["empty"], "out", {}, "no image"),
    ],
)
def test_a_plan_that_would_lose_something_is_refused(
    *, pages: Path, monkeypatch: pytest.MonkeyPatch, sources: list[str], out: str, fields: dict[str, str], words: str
) -> None:
    """Before any work: overwriting an input, two results under one name, nothing to do."""
    (pages / "empty").mkdir()
    monkeypatch.chdir(pages)

    with pytest.raises(InvalidOption, match=words):
        plan_targets(sources, out, options(**fields))


@pytest.mark.parametrize(
    ("source", "out", "format_"),
    [
        ("a.jpg", "b.png", "png"),
        ("a.jpg", "b.jpeg", "same"),
        ("a.PNG", "b.webp", "webp"),
        ("a.png", "b", "same"),
        ("-", "b.jpg", "jpeg"),
        ("-", "-", "same"),
        ("a.bin", "b", "same"),
        ("a.png", "b.psd", "psd"),
        ("a.png", "b.ORA", "ora"),
    ],
)
def test_the_ending_of_the_output_names_its_format(source: str, out: str, format_: str) -> None:
    """Where it is the source's own, `same` keeps what can be kept."""
    assert format_for(source, out) == format_


@pytest.mark.parametrize(("source", "out"), [("a.png", "b.gif"), ("a.jpg", "b.tif"), ("a.gif", "b.heic")])
def test_an_ending_that_would_be_a_lie_is_refused(source: str, out: str) -> None:
    """`-o page.gif` wrote a PNG under that name."""
    with pytest.raises(InvalidOption, match=rf"{out}: .* expected .*\.png"):
        format_for(source, out)


@pytest.mark.parametrize(("source", "out"), [("-", "b.gif"), ("-", "b.TIFF"), ("a.bin", "b.heic"), ("page", "b.bmp")])
def test_an_ending_that_the_source_does_not_say_must_be_meant(source: str, out: str) -> None:
    """`erase - -o out.gif < page.png` wrote a PNG under that name; who knows better says `--format same`."""
    with pytest.raises(InvalidOption, match=rf"{out}: the name {source} .* expected .*\.png.*--format same"):
        format_for(source, out)


@pytest.mark.parametrize(("source", "out"), [("a.gif", "b.GIF"), ("a.tif", "b.tiff"), ("a.HEIF", "b.heic")])
def test_the_own_ending_is_taken(source: str, out: str) -> None:
    """Under either of its names."""
    assert format_for(source, out) == "same"


def test_what_is_hidden_is_not_searched(pages: Path, tmp_path: Path) -> None:
    """Neither files nor folders with a dot before their names, as in a batch; the folders were."""
    for name in (".hidden.png", ".trash/1.png", "deep/.trash/2.png"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(b"")
    (tmp_path / "in" / "3.png").write_bytes(b"")

    targets = plan_targets([str(tmp_path / "in")], str(tmp_path / "out"), options())

    assert [Path(target.source).name for target in targets] == ["3.png"]


def test_a_file_is_written_whole_and_readable(tmp_path: Path) -> None:
    """Folders are made, an old file is replaced, nothing else is left behind."""
    path = tmp_path / "deep" / "page.png"
    write_atomically(path, b"old")
    write_atomically(path, b"new")

    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o444
    assert list(path.parent.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither half a file nor a temporary one."""
    path = tmp_path / "page.png"
    path.write_bytes(b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, b"new")

    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
