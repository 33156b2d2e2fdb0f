"""The command line: exit codes that mean something, results that are whole, the API's own options."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from service import cli
from service.batch import ray_engine
from service.batch.ledger import Ledger
from service.errors import CorruptImage, ModelStoreError
from service.options import EraseOptions
from tests.batch.drawn import archive, damaged
from tests.fakes import FakeEraser, fake_store, mask_picture, picture


@pytest.fixture
def eraser(monkeypatch: pytest.MonkeyPatch) -> FakeEraser:
    """In place of the graphs."""
    eraser = FakeEraser()
    monkeypatch.setattr(cli, "open_store", lambda _: fake_store())
    monkeypatch.setattr(cli, "build_eraser", lambda *_: eraser)
    return eraser


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "page.png"
    path.write_bytes(picture())
    return path


def run(*words: object, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(cli.main, [str(word) for word in words], input=stdin)


def test_erase_writes_the_result(eraser: FakeEraser, page: Path, tmp_path: Path) -> None:
    """One image, one file, exit code 0, nothing said."""
    result = run("erase", page, "-o", tmp_path / "out.png")

    assert (result.exit_code, result.output) == (0, "")
    assert (tmp_path / "out.png").read_bytes() == page.read_bytes()


def test_an_interrupt_while_the_parts_are_imported_gives_no_stack() -> None:
    """Importing takes a second, in which many think better of it."""
    interrupting = (
        "import importlib.abc, sys\n"
        "class Interrupt(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == 'service.cli': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupt())\n"
        "from service.__main__ import main\n"
        "main()\n"
    )

    command = [sys.executable, "-c", interrupting]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603  our own code

    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_options_are_the_apis_own(eraser: FakeEraser, page: Path, tmp_path: Path) -> None:
    """Each option of the form is an option here, with the same default."""
    (tmp_path / "mask.png").write_bytes(mask_picture())
    given = {"mask_mode": "union", "threshold": "0.5", "dilate_px": "7", "fill": "white", "quality": "80"}
    words = [word for name, value in given.items() for word in ("--" + name.replace("_", "-"), value)]

    run("erase", page, "-o", tmp_path / "o1.png", "--mask", tmp_path / "mask.png", *words)
    run("erase", page, "-o", tmp_path / "o2.png")

    assert [call[1] for call in eraser.calls] == [EraseOptions.parse(given), EraseOptions.parse({})]
    command = cli.main.commands["erase"]
    names = {option.name for option in command.params if isinstance(option, click.Option)}
    assert names - {"out", "mask"} == set(EraseOptions.model_fields)


def test_standard_input_to_standard_output(eraser: FakeEraser) -> None:
    """`-` on both sides passes bytes and nothing else."""
    result = run("erase", "-", "-o", "-", stdin=picture())

    assert (result.exit_code, result.stdout_bytes) == (0, picture())


def test_a_name_that_standard_input_may_not_bear_is_refused(eraser: FakeEraser, tmp_path: Path) -> None:
    """A PNG was written as `out.gif`; `--format same` says that a GIF comes in, and a folder's name says nothing."""
    (tmp_path / "pages.in").mkdir()
    (tmp_path / "pages.in" / "1.png").write_bytes(picture())

    refused = run("erase", "-", "-o", tmp_path / "out.gif", stdin=picture())
    meant = run("erase", "-", "-o", tmp_path / "own.gif", "--format", "same", stdin=picture(pillow_format="GIF"))
    folder = run("erase", tmp_path / "pages.in", "-o", tmp_path / "pages.tif")

    assert (refused.exit_code, "--format same" in refused.stderr) == (2, True)
    assert not (tmp_path / "out.gif").exists()
    assert (meant.exit_code, folder.exit_code) == (0, 0)
    assert (tmp_path / "own.gif").read_bytes().startswith(b"GIF")
    assert (tmp_path / "pages.tif" / "1.png").exists()


def test_output_both_writes_two_files(eraser: FakeEraser, page: Path, tmp_path: Path) -> None:
    """The mask lies beside the image."""
    result = run("erase", page, "-o", f"{tmp_path}/out/", "--output", "both")

    assert result.exit_code == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"page.png", "page.mask.png"}


def test_some_that_fail_do_not_stop_the_others(eraser: FakeEraser, page: Path, tmp_path: Path) -> None:
    """Exit code 1, the bad file named with its reason, the good one written, nothing half-written."""
    (tmp_path / "bad.png").write_bytes(b"hello")

    result = run("erase", tmp_path / "bad.png", page, "-o", tmp_path / "out")

    assert result.exit_code == 1
    assert "bad.png: " in result.stderr
    assert "1 of 2 images done" in result.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["page.png"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--threshold", "2"], "threshold is '2'"),
        (["--fill", "magic"], "magic"),
        (["--segmenter", "nobody"], "text-segmentation"),
        (["--treshold", "2"], "treshold"),
        (["--mask", "missing.png"], "missing.png"),
    ],
)
def test_a_command_that_is_not_understood_exits_2(
    eraser: FakeEraser, page: Path, tmp_path: Path, words: list[str], said: str
) -> None:
    """With the option, what was seen and what is allowed; nothing is written."""
    result = run("erase", page, "-o", tmp_path / "out.png", *words)

    assert result.exit_code == 2
    assert said in result.stderr
    assert not (tmp_path / "out.png").exists()


def test_an_input_is_never_overwritten(eraser: FakeEraser, page: Path) -> None:
    """Refused before any work."""
    result = run("erase", page, "-o", page)

    assert (result.exit_code, eraser.calls) == (2, [])
    assert page.read_bytes() == picture()


def test_standard_input_is_read_once(eraser: FakeEraser) -> None:
    """Image and mask cannot both come from it."""
    assert run("erase", "-", "-o", "-", "--mask", "-", stdin=picture()).exit_code == 2


def test_a_damaged_model_store_exits_3(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both where it is needed and where it is verified, with the reason on standard error."""

    def damaged(_: object) -> None:
        raise ModelStoreError("model.onnx: expected sha256 a, found b")

    monkeypatch.setattr(cli, "open_store", damaged)

    for result in (run("erase", page, "-o", tmp_path / "out.png"), run("models", "verify")):
        assert result.exit_code == 3
        assert "expected sha256 a, found b" in result.stderr


def test_a_failure_of_one_image_is_exit_1(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pipeline's own refusals come through with their words."""

    def fail() -> None:
        raise CorruptImage("The PNG file is cut off.")

    monkeypatch.setattr(cli, "open_store", lambda _: fake_store())
    monkeypatch.setattr(cli, "build_eraser", lambda *_: FakeEraser(failure=fail))

    result = run("erase", page, "-o", tmp_path / "out.png")

    assert (result.exit_code, "cut off" in result.stderr) == (1, True)


def test_an_interrupted_command_exits_130(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Click made it 1 and "Aborted!", as if the file had failed; what a batch had done by then is in its report."""
    eraser = FakeEraser(failure=lambda: interrupt() if len(eraser.calls) > 1 else None)
    monkeypatch.setattr(cli, "open_store", lambda _: fake_store())
    monkeypatch.setattr(cli, "build_eraser", lambda *_: eraser)
    (tmp_path / "in").mkdir()
    for name in ("1.png", "2.png"):
        (tmp_path / "in" / name).write_bytes(page.read_bytes())

    batch = run("batch", tmp_path / "in", tmp_path / "out", "--slots", "1")
    erase = run("erase", page, "-o", tmp_path / "out.png")

    assert (batch.exit_code, erase.exit_code) == (130, 130)
    assert erase.stderr == "text-eraser: interrupted\n"
    assert json.loads((tmp_path / "out" / "report.json").read_bytes())["summary"]["done"] == 1
    assert not (tmp_path / "out.png").exists()


def interrupt() -> None:
    """What Ctrl-C raises."""
    raise KeyboardInterrupt


def test_openapi_is_printed_or_written(tmp_path: Path) -> None:
    """The same document either way."""
    printed = run("openapi")
    run("openapi", "-o", tmp_path / "openapi.json")

    assert json.loads(printed.stdout)["info"]["title"] == "Text Eraser"
    assert (tmp_path / "openapi.json").read_text(encoding="utf-8") == printed.stdout


def test_health_of_nobody_is_exit_1() -> None:
    """Nothing listens there."""
    result = run("health", "--port", "9")

    assert (result.exit_code, "127.0.0.1:9" in result.stderr) == (1, True)


def test_a_setting_out_of_range_exits_2(monkeypatch: pytest.MonkeyPatch) -> None:
    """Named as the environment names it."""
    monkeypatch.setenv("TEXT_ERASER_SLOTS", "0")

    result = run("models", "verify")

    assert (result.exit_code, "TEXT_ERASER_SLOTS" in result.stderr) == (2, True)


def test_batch_writes_results_and_a_report(eraser: FakeEraser, page: Path, tmp_path: Path) -> None:
    """Exit code 1 if a page failed; the summary on standard output; the second run does nothing."""
    source = tmp_path / "in"
    source.mkdir()
    (source / "1.png").write_bytes(page.read_bytes())
    (source / "2.png").write_bytes(b"hello")

    first = run("batch", source, tmp_path / "out", "--fill", "white", "--masks")
    second = run("batch", source, tmp_path / "out", "--fill", "white", "--masks", "--report", tmp_path / "again.json")

    assert (first.exit_code, second.exit_code) == (1, 1)
    assert "2 pages: 1 done, 0 finished before, 1 failed" in first.stdout
    assert "2.png: " in first.stderr
    report = json.loads((tmp_path / "out" / "report.json").read_bytes())
    assert [row["status"] for row in report["pages"]] == ["done", "failed"]
    assert report["options"]["fill"] == "white"
    assert json.loads((tmp_path / "again.json").read_bytes())["summary"]["skipped"] == 1
    assert [call[1] for call in eraser.calls] == 2 * [EraseOptions.parse({"fill": "white", "output": "both"})]


def test_a_second_batch_into_one_place_exits_2(eraser: FakeEraser, page: Path, tmp_path: Path) -> None:
    """In plain words, before any work, with the report of the first one untouched; afterwards its turn comes."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "1.png").write_bytes(page.read_bytes())
    words = "batch", tmp_path / "in", tmp_path / "out"
    with Ledger(tmp_path / "out" / ".text-eraser").held():
        refused = run(*words)
    report = (tmp_path / "out" / "report.json").exists()

    assert (refused.exit_code, report, eraser.calls) == (2, False, [])
    assert f"another batch writes to {tmp_path / 'out'}" in refused.stderr
    assert run(*words).exit_code == 0


def test_a_place_where_nothing_can_be_written_exits_2(eraser: FakeEraser, page: Path, tmp_path: Path) -> None:
    """Before any work: each page would have been erased for nothing."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "1.png").write_bytes(page.read_bytes())
    (tmp_path / "file").write_bytes(b"")

    result = run("batch", tmp_path / "in", tmp_path / "file")

    assert (result.exit_code, eraser.calls) == (2, [])
    assert str(tmp_path / "file") in result.stderr


def test_a_batch_that_loses_a_file_says_so(eraser: FakeEraser, tmp_path: Path) -> None:
    """Exit code 1 and the file's name, though all pages are done: it vanished without a word."""
    upload = archive(("1.png", picture()), ("info.xml", bytes(10_000) + b"hello"))
    (tmp_path / "in.cbz").write_bytes(damaged(upload, b"hello"))

    result = run("batch", tmp_path / "in.cbz", tmp_path / "clean.cbz")

    assert result.exit_code == 1
    assert "1 pages: 1 done, 0 finished before, 0 failed" in result.stdout
    assert "in.cbz/info.xml: info.xml is not what the archive's directory says" in result.stderr


def test_a_chapter_that_failed_leaves_no_folder_in_its_place(eraser: FakeEraser, tmp_path: Path) -> None:
    """The report lies beside the archive that was to be; the folder `clean.cbz` took in what a second run wrote."""
    broken, clean = tmp_path / "broken.cbz", tmp_path / "clean.cbz"
    broken.write_bytes(b"hello")

    result = run("batch", broken, clean)

    assert (result.exit_code, clean.exists()) == (1, False)
    assert json.loads((tmp_path / "clean.cbz.report.json").read_bytes())["summary"]["failed"] == 1


@pytest.mark.parametrize("blocked", ["report", "archive"])
def test_what_cannot_be_written_is_said_without_a_stack(
    eraser: FakeEraser, page: Path, tmp_path: Path, blocked: str
) -> None:
    """Exit code 1, and which file it was."""
    (tmp_path / "file").write_bytes(b"")
    with zipfile.ZipFile(tmp_path / "in.cbz", "w") as archive:
        archive.writestr("1.png", page.read_bytes())
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "in.cbz").mkdir()

    if blocked == "report":
        result = run("batch", tmp_path / "in.cbz", tmp_path / "clean", "--report", tmp_path / "file" / "report.json")
    else:
        result = run("batch", tmp_path / "in.cbz", tmp_path / "out")

    assert (result.exit_code, type(result.exception)) == (1, SystemExit)
    assert str(tmp_path / ("file" if blocked == "report" else "out")) in result.stderr


def test_batch_has_the_options_of_erase_that_suit_a_chapter(eraser: FakeEraser, tmp_path: Path) -> None:
    """A mask or a list of regions belongs to one page."""
    command = cli.main.commands["batch"]
    names = {option.name for option in command.params if isinstance(option, click.Option)}

    assert set(EraseOptions.model_fields) - names == {"mask_mode", "output", "regions"}
    assert run("batch", tmp_path / "none", tmp_path / "out").exit_code == 2


def test_choices_are_made_on_the_command_line_too(eraser: FakeEraser, page: Path, tmp_path: Path) -> None:
    """Areas and regions as JSON, kinds and sizes as words: the eraser is asked what the API would ask."""
    areas = {"include": "[[0, 0, 9, 9]]", "exclude": "[[[0, 0], [4, 0], [4, 4]]]"}
    choices = {"sfx": "keep", "min_score": "0.3", "min_height_px": "4", "max_height_px": "90"}
    regions = {"regions": '[{"box": [1, 2, 9, 9], "method": "skip"}]'}

    for number, given in enumerate((areas | choices, regions)):
        words = [word for name, value in given.items() for word in ("--" + name.replace("_", "-"), value)]
        assert run("erase", page, "-o", tmp_path / f"{number}.png", *words).exit_code == 0
    refused = run("erase", page, "-o", tmp_path / "o.png", "--include", "here")

    assert [call[1] for call in eraser.calls] == [EraseOptions.parse(areas | choices), EraseOptions.parse(regions)]
    assert refused.exit_code == 2
    assert "include" in refused.output


def test_areas_are_files_on_the_command_line_too(eraser: FakeEraser, page: Path, tmp_path: Path) -> None:
    """A JSON file is the option's own text; anything else is a mask file, for the eraser to judge."""
    (tmp_path / "areas.json").write_text("\n [[0, 0, 9, 9]]", encoding="utf-8-sig")
    (tmp_path / "mask.png").write_bytes(mask_picture())
    files = ["--include", tmp_path / "areas.json", "--exclude", tmp_path / "mask.png"]

    assert run("erase", page, "-o", tmp_path / "o.png", *files).exit_code == 0
    assert run("erase", page, "-o", tmp_path / "p.png", "--include", "-", stdin=mask_picture()).exit_code == 0

    assert [call[1] for call in eraser.calls] == [EraseOptions.parse({"include": "[[0, 0, 9, 9]]"}), EraseOptions()]
    assert eraser.areas == [{"exclude": mask_picture()}, {"include": mask_picture()}]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--include", "missing.png"], "expected a JSON list, or a file"),
        (["--include", "-", "--mask", "-"], "read once"),
        (["--mask-mode", "union"], "mask_mode is 'union', and no mask is given"),
        (["--exclude", "FOLDER/long.json"], "at most 262144"),
        (["--exclude", "FOLDER/latin.json"], "not UTF-8"),
        (["--regions", "[]", "--exclude", "FOLDER/mask.png"], "leave out exclude"),
    ],
)
def test_areas_that_cannot_be_read_or_meant_exit_2(
    eraser: FakeEraser, page: Path, tmp_path: Path, words: list[str], said: str
) -> None:
    """Before any work, with what was seen and what is allowed."""
    (tmp_path / "long.json").write_text("[" + " " * 300_000, encoding="utf-8")
    (tmp_path / "latin.json").write_bytes(b'["\xe9"]')
    (tmp_path / "mask.png").write_bytes(mask_picture())
    words = [word.replace("FOLDER", str(tmp_path)) for word in words]

    result = run("erase", page, "-o", tmp_path / "o.png", *words, stdin=mask_picture())

    assert (result.exit_code, eraser.calls) == (2, [])
    assert said in result.stderr


def test_an_area_of_a_chapter_is_json(eraser: FakeEraser, page: Path, tmp_path: Path) -> None:
    """In a file or not; a mask file belongs to one page, and pages are not all of one size."""
    (tmp_path / "areas.json").write_text("[[0, 0, 9, 9]]", encoding="utf-8")
    (tmp_path / "mask.png").write_bytes(mask_picture())

    source = tmp_path / "in"
    source.mkdir()
    page.rename(source / "page.png")

    done = run("batch", source, tmp_path / "out", "--exclude", tmp_path / "areas.json")
    refused = run("batch", source, tmp_path / "other", "--exclude", tmp_path / "mask.png")

    assert done.exit_code == 0
    assert [call[1] for call in eraser.calls] == [EraseOptions.parse({"exclude": "[[0, 0, 9, 9]]"})]
    assert (refused.exit_code, "belongs to one page" in refused.stderr) == (2, True)


def test_batch_on_ray_says_what_it_needs(eraser: FakeEraser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is named where it is missing, and an address without the engine is a mistake; no work is done."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "1.png").write_bytes(picture())
    monkeypatch.setattr(ray_engine, "find_spec", lambda _: None)

    missing = run("batch", tmp_path / "in", tmp_path / "out", "--engine", "ray")
    alone = run("batch", tmp_path / "in", tmp_path / "out", "--address", "auto")

    assert (missing.exit_code, "pip install '.[ray]'" in missing.stderr) == (2, True)
    assert (alone.exit_code, "--engine ray" in alone.stderr) == (2, True)
    assert not (tmp_path / "out").exists()
