"""A batch: every page once, nothing done twice, one bad page not the end. On a fake eraser that counts."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from service.batch.chapters import PdfResult, find_chapters, state_folder
from service.batch.ledger import Ledger
from service.batch.report import Row, summarise
from service.batch.runner import AHEAD, Batch, Wish
from service.errors import InvalidOption, OutOfMemory
from service.imaging import headers
from service.options import EraseOptions
from tests import fakes
from tests.batch.drawn import archive, contents, damaged, draw_folder
from tests.fakes import FakeEraser, picture
from tests.imaging.modes import heic

Paths = tuple[Path, Path]


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """Where the pages are, and where they go."""
    (tmp_path / "in").mkdir()
    return tmp_path / "in", tmp_path / "out"


def run(
    eraser: FakeEraser,
    paths: Paths,
    *,
    masks: bool = False,
    regions: bool = False,
    pdf_as: PdfResult = "cbz",
    **fields: object,
) -> list[Row]:
    """One batch from start to end."""
    options = EraseOptions.model_validate({"output": "both" if masks else "image", **fields})
    ledger = Ledger(state_folder(*paths))
    chapters = find_chapters(*paths, options.format, ledger, pdf_as=pdf_as)
    wish = Wish(options, masks=masks, regions=regions)
    rows = list(Batch(eraser, wish, ledger, slots=2).run(chapters))
    assert sum(row.status != "lost" for row in rows) == sum(chapter.count() for chapter in chapters)
    return rows


def test_a_folder_of_any_depth_comes_out_as_it_went_in(paths: Paths) -> None:
    """Names, order, folders and archives are kept; every page is a row, once."""
    draw_folder(paths[0], 40)
    eraser = FakeEraser()

    rows = run(eraser, paths)

    assert contents(paths[1]) == contents(paths[0])
    assert sorted(row.page for row in rows) == sorted(contents(paths[0]))
    assert {row.status for row in rows} == {"done"}
    assert len(eraser.calls) == 40


def test_the_second_run_does_nothing(paths: Paths) -> None:
    """What is finished is skipped, and reported as it was the first time."""
    draw_folder(paths[0], 40)
    first = run(FakeEraser(), paths)
    eraser = FakeEraser()

    second = run(eraser, paths)

    assert eraser.calls == []
    assert [row.model_copy(update={"status": "skipped"}) for row in first] == second


def test_what_changed_is_done_again_and_nothing_else(paths: Paths) -> None:
    """Another page under the same name, a result that is gone, a result that was cut: three pages of forty."""
    draw_folder(paths[0], 40)
    run(FakeEraser(), paths)
    (paths[0] / "0000.png").write_bytes(picture())
    (paths[1] / "0005.jpg").unlink()
    (paths[1] / "0010.webp").write_bytes(b"cut")
    eraser = FakeEraser()

    rows = run(eraser, paths)

    assert {row.page for row in rows if row.status == "done"} == {"0000.png", "0005.jpg", "0010.webp"}
    assert len(eraser.calls) == 3
    assert contents(paths[1]) == contents(paths[0])


def test_other_options_do_everything_again(paths: Paths) -> None:
    """A result belongs to its options."""
    draw_folder(paths[0], 10)
    run(FakeEraser(), paths)
    eraser = FakeEraser()

    run(eraser, paths, fill="white")

    assert len(eraser.calls) == 10


@pytest.mark.parametrize("stop_after", [1, 7, 19, 33])
def test_a_batch_that_was_stopped_goes_on_where_it_was(paths: Paths, stop_after: int) -> None:
    """Pages that were finished before are not done again, those of half an archive neither."""
    draw_folder(paths[0], 40)
    eraser = FakeEraser()
    ledger = Ledger(state_folder(*paths))
    running = Batch(eraser, Wish(EraseOptions()), ledger, slots=2).run(find_chapters(*paths, "same", ledger))
    for _ in range(stop_after):
        next(running)
    running.close()
    finished = len(eraser.calls)
    again = FakeEraser()

    rows = run(again, paths)

    assert stop_after <= finished <= stop_after + 2 * (1 + AHEAD)
    assert finished + len(again.calls) <= 40 + 2  # those that ran when it was stopped were stopped too
    assert len({row.page for row in rows}) == 40
    assert contents(paths[1]) == contents(paths[0])


def test_a_line_that_was_cut_off_loses_one_page(paths: Paths) -> None:
    """The ledger of a process that was killed while it wrote is read all the same."""
    draw_folder(paths[0], 4)
    run(FakeEraser(), paths)
    file = state_folder(*paths) / "ledger.jsonl"
    whole = file.read_bytes()
    file.write_bytes(whole[:-20])
    eraser = FakeEraser()

    run(eraser, paths)

    assert len(eraser.calls) == 1
    again = FakeEraser()
    run(again, paths)
    assert again.calls == []


def test_one_bad_page_is_a_row_and_not_the_end(paths: Paths) -> None:
    """It has its reason; in an archive it stays as it was; the next run neither tries it again nor calls it done."""
    source, out = paths
    (source / "bad.png").write_bytes(b"hello")
    (source / "good.png").write_bytes(picture())
    (source / "c.cbz").write_bytes(archive(("1.png", picture()), ("2.png", b"hello"), ("ComicInfo.xml", b"<a/>")))
    (source / "evil.zip").write_bytes(archive(("../1.png", picture())))
    eraser = FakeEraser()

    rows = {row.page: row for row in run(eraser, paths)}

    assert {page: row.status for page, row in rows.items()} == {
        "bad.png": "failed",
        "good.png": "done",
        "c.cbz/1.png": "done",
        "c.cbz/2.png": "failed",
        "evil.zip": "failed",
    }
    assert rows["bad.png"].problem == "not-an-image"
    assert (rows["evil.zip"].problem, "leads out" in str(rows["evil.zip"].detail)) == ("archive-refused", True)
    assert sorted(contents(out)) == ["c.cbz/1.png", "c.cbz/2.png", "c.cbz/ComicInfo.xml", "good.png"]
    again = FakeEraser()
    assert [row.status for row in run(again, paths)].count("failed") == 3
    assert again.calls == []


@pytest.mark.parametrize("in_archive", [False, True], ids=["folder", "archive"])
@pytest.mark.parametrize("mended", ["setting", "extra"])
def test_what_a_setting_or_an_extra_mends_is_tried_again(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, mended: str, *, in_archive: bool
) -> None:
    """It failed for ever, with words of a limit that was raised long ago; an archive took no other page along."""
    name, large = ("large.png", picture(90, 90)) if mended == "setting" else ("new.heic", heic(8, 3))
    members = [("1.png", picture()), (name, large), ("3.png", picture(seed=3))]
    if in_archive:
        (paths[0] / "c.cbz").write_bytes(archive(*members))
    else:
        for member, data in members:
            (paths[0] / member).write_bytes(data)
    with monkeypatch.context() as before:
        before.setattr(fakes, "MAX_PIXELS", 5000)
        before.setattr(headers, "find_spec", lambda _: None)
        first = run(FakeEraser(), paths)
    eraser = FakeEraser()

    second = run(eraser, paths)

    problem = "too-many-pixels" if mended == "setting" else "unsupported-format"
    assert sorted(str(row.problem) for row in first) == ["None", "None", problem]
    assert sorted(row.status for row in second) == ["done", "skipped", "skipped"]
    assert len(eraser.calls) == 1
    assert contents(paths[1]) == contents(paths[0])
    assert {row.status for row in run(FakeEraser(), paths)} == {"skipped"}


def test_a_file_beside_the_pages_that_cannot_be_unpacked_is_a_row(paths: Paths) -> None:
    """It vanished without a word. It is told again by the next run, and counts as no page."""
    info = ("info.xml", bytes(10_000) + b"hello")  # its first bytes, which are looked at beforehand, are sound
    upload = archive(("1.png", picture()), info, ("note.txt", b"x"), ("2.png", picture()))
    (paths[0] / "c.cbz").write_bytes(damaged(upload, b"hello"))
    (paths[0] / "d.cbz").write_bytes(archive(("1.png", picture())))

    first, second = run(FakeEraser(), paths), run(FakeEraser(), paths)

    assert [(row.page, row.status) for row in first] == [
        ("c.cbz/1.png", "done"),
        ("c.cbz/2.png", "done"),
        ("c.cbz/info.xml", "lost"),
        ("d.cbz/1.png", "done"),
    ]
    assert "info.xml is not what the archive's directory says" in str(first[2].detail)
    assert [row.status for row in second] == ["skipped", "skipped", "lost", "skipped"]
    assert [name for name in contents(paths[1]) if name.startswith("c.cbz")] == [
        "c.cbz/1.png",
        "c.cbz/note.txt",
        "c.cbz/2.png",
    ]
    summary = summarise(first, 1.0)
    assert (summary.pages, summary.failed, summary.lost) == (3, 0, 1)


def test_what_failed_for_want_of_memory_is_tried_again(paths: Paths) -> None:
    """In an archive too, and there only the page that failed."""
    (paths[0] / "c.cbz").write_bytes(archive(*[(f"{number}.png", picture(seed=number)) for number in range(5)]))
    short = [True]

    def fail() -> None:
        if short and short.pop():
            raise OutOfMemory

    first = run(FakeEraser(failure=fail), paths)
    eraser = FakeEraser()
    second = run(eraser, paths)

    assert sorted(row.status for row in first) == ["done"] * 4 + ["failed"]
    assert sorted(row.status for row in second) == ["done"] + ["skipped"] * 4
    assert len(eraser.calls) == 1
    assert contents(paths[1]) == contents(paths[0])


def test_a_second_run_leaves_the_first_alone(paths: Paths) -> None:
    """It threw away the half-written archive of the first, which ended with FileNotFoundError."""
    (paths[0] / "1.png").write_bytes(picture())
    ledger = Ledger(state_folder(*paths))
    eraser = FakeEraser()

    with ledger.held():
        unfinished = ledger.new_file("book")
        unfinished.write_bytes(b"half")
        with pytest.raises(InvalidOption, match="is held"):
            run(eraser, paths)
        ledger.place(unfinished, paths[1] / "book.cbz")

    assert eraser.calls == []
    assert (paths[1] / "book.cbz").read_bytes() == b"half"
    assert [row.status for row in run(eraser, paths)] == ["done"]


def test_a_run_that_was_killed_holds_nothing(tmp_path: Path) -> None:
    """The lock's file is still there; the lock ended with its process."""
    hold = "import sys, time, pathlib; from service.batch.ledger import Ledger\n"
    hold += "with Ledger(pathlib.Path(sys.argv[1])).held(): print('held', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", hold, str(tmp_path)], stdout=subprocess.PIPE) as process:  # noqa: S603
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(InvalidOption), Ledger(tmp_path).held():
            pass
        process.kill()

    with Ledger(tmp_path).held():
        assert (tmp_path / "lock").exists()


def test_results_whose_names_differ_only_in_case_are_refused(paths: Paths) -> None:
    """On Windows and on a Mac one of them would be written over the other; archives like that are refused too."""
    (paths[0] / "c.cbz").write_bytes(archive(("Page1.png", picture()), ("page1.jpg", picture(pillow_format="JPEG"))))

    same, webp = (find_chapters(*paths, format_, Ledger(paths[1]))[0] for format_ in ("same", "webp"))

    with closing(same):
        assert len(same.open()) == 2
    with pytest.raises(InvalidOption, match=r"two results would be called page1\.webp"):
        webp.open()


def test_nothing_is_written_outside_of_out(paths: Paths) -> None:
    """Whatever an archive calls its pages: beside OUT there is nothing new."""
    source, out = paths
    for number, name in enumerate(("../a.png", "/a.png", "x/../../a.png", "C:\\a.png", "..\\a.png")):
        (source / f"{number}.cbz").write_bytes(archive((name, picture())))
    before = sorted(source.parent.rglob("*"))

    rows = run(FakeEraser(), paths, masks=True, regions=True)

    assert {row.problem for row in rows} == {"archive-refused"}
    assert sorted(path for path in source.parent.rglob("*") if not path.is_relative_to(out)) == before


def test_masks_and_regions_lie_beside_their_pages(paths: Paths) -> None:
    """On request, and beside an archive in a folder of their own."""
    (paths[0] / "1.png").write_bytes(picture())
    (paths[0] / "c.cbz").write_bytes(archive(("a/1.png", picture())))

    run(FakeEraser(), paths, masks=True, regions=True)

    assert sorted(contents(paths[1])) == [
        "1.png",
        "1.png.mask.png",
        "1.png.regions.json",
        "c.cbz.sidecars/a/1.png.mask.png",
        "c.cbz.sidecars/a/1.png.regions.json",
        "c.cbz/a/1.png",
    ]
    told = json.loads((paths[1] / "1.png.regions.json").read_bytes())
    assert told["regions"][0]["polygon"] == [[1, 2], [4, 2], [4, 5]]


def test_one_archive_becomes_one_archive(tmp_path: Path) -> None:
    """Named by hand or put into a folder; what is finished is remembered either way."""
    source = tmp_path / "c.cbz"
    source.write_bytes(archive(("2.jpg", picture(pillow_format="JPEG")), ("1.png", picture())))
    for out, place in ((tmp_path / "new.cbz", tmp_path / "new.cbz"), (tmp_path / "dir", tmp_path / "dir" / "c.cbz")):
        run(FakeEraser(), (source, out), format="webp")
        eraser = FakeEraser()
        run(eraser, (source, out), format="webp")

        assert eraser.calls == []
        with zipfile.ZipFile(place) as reader:
            assert reader.namelist() == ["2.webp", "1.webp"]


@pytest.mark.parametrize(
    ("out", "prepare", "words"),
    [
        ("in/out", lambda source: (source / "1.png").write_bytes(picture()), "lies in"),
        ("in", lambda source: (source / "1.png").write_bytes(picture()), "lies in"),
        ("out", lambda source: None, "no image"),
        ("clean.cbz", lambda source: (source / "1.png").write_bytes(picture()), "a folder becomes a folder"),
        ("out", lambda source: [(source / name).write_bytes(b"x") for name in ("1.jpg", "1.png")], "2 results"),
        (
            "",
            lambda source: [
                (source / "in").mkdir(),
                *[(p / "1.png").write_bytes(b"x") for p in (source, source / "in")],
            ],
            "is an input",
        ),
    ],
)
def test_a_batch_that_would_lose_something_is_refused(
    tmp_path: Path, out: str, prepare: Callable[[Path], object], words: str
) -> None:
    """Before any work: results among the sources, two results under one name, nothing to do."""
    source = tmp_path / "in"
    source.mkdir()
    prepare(source)

    with pytest.raises(InvalidOption, match=words):
        find_chapters(source, tmp_path / out, "webp" if "2" in words else "same", Ledger(tmp_path / "state"))


def test_the_summary_counts() -> None:
    """Sums, the worst residual, and the pace of what was worked on."""
    rows = [
        Row(page="1", status="done", regions=3, residual=0.1),
        Row(page="2", status="skipped", regions=2, residual=0.02),
        Row(page="3", status="failed"),
    ]

    summary = summarise(rows, 4.0)

    assert (summary.pages, summary.done, summary.skipped, summary.failed, summary.regions) == (3, 1, 1, 1, 5)
    assert (summary.residual, summary.pages_per_second) == (0.1, 0.5)
