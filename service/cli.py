"""The command line: the same pipeline, options and defaults as the API.

Exit codes: 0 done; 1 some files failed, or the server is not healthy; 2 the command was not understood;
3 the service cannot start (model store, port); 130 interrupted.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin

import click
from pydantic.fields import FieldInfo
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

import service
from service.api.pages import describe
from service.app import build_eraser, create_app, open_sessions, open_store
from service.batch.chapters import PdfResult, find_chapters, state_folder
from service.batch.ledger import Ledger
from service.batch.ray_engine import RayBatch, connect
from service.batch.report import Report, Row, summarise, told
from service.batch.runner import Batch, Wish
from service.commands import read_settings, refuse, say
from service.deadline import Deadline
from service.eraser import Eraser, Outcome
from service.errors import InvalidOption, ModelStoreError, TextEraserError, UnknownModel
from service.files import Target, format_for, plan_targets, write_atomically
from service.health import health_command
from service.host import usable_cores
from service.options import AREAS, ONE_PAGE_ONLY, ChapterOptions, EraseOptions, MarkChoice, Options
from service.server import START_FAILED, serve
from service.settings import Settings
from service.shapes import json_in
from service.store import Model

Engine = Literal["local", "ray"]

SOME_FAILED = 1

Command = TypeVar("Command", bound=Callable[..., Any])


def option_flags(kind: type[Options], *, without: frozenset[str] = frozenset()) -> Callable[[Command], Command]:
    """Click options made of the fields of `kind`, so that the command line and the API cannot disagree."""

    def decorate(command: Command) -> Command:
        for name, field in reversed(kind.model_fields.items()):
            if name in without:
                continue
            if field.annotation is bool:
                command = click.option(
                    "--" + name.replace("_", "-"), name, is_flag=True, default=None, help=_help(field)
                )(command)
                continue
            command = click.option(
                "--" + name.replace("_", "-"),
                name,
                type=_click_type(field),
                metavar=_metavar(name, field),
                help=_help(field),
            )(command)
        return command

    return decorate


def _choices(field: FieldInfo) -> tuple[str, ...]:
    return get_args(field.annotation) if get_origin(field.annotation) is Literal else ()


def _click_type(field: FieldInfo) -> click.ParamType[Any]:
    # Ranges are left to the model itself, so that the message is the API's.
    return click.Choice(_choices(field)) if _choices(field) else click.STRING


def _metavar(name: str, field: FieldInfo) -> str | None:
    if _choices(field):
        return None
    if name in {*AREAS, "regions"}:
        return "JSON|FILE" if name in AREAS else "JSON"
    return "NAME" if field.annotation is str else "NUMBER"


def _help(field: FieldInfo) -> str:
    text = (field.description or "").replace("`", "")
    return text if field.default is None else f"{text} [default: {field.default}]"


class _Commands(click.Group):
    """Commands that say by their exit code that they were interrupted; Click's is 1, as if files had failed."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            say("interrupted")
            sys.exit(service.INTERRUPTED)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(service.__version__, prog_name="text-eraser")
def main() -> None:
    """Remove text from images: manga and comic pages first."""


main.add_command(health_command)


@main.command("serve")
@click.option("--host", help="Address to listen on [TEXT_ERASER_HOST, default: 127.0.0.1].")
@click.option("--port", type=click.IntRange(0, 65_535), help="Port [TEXT_ERASER_PORT, default: 8000].")
def serve_command(host: str | None, port: int | None) -> None:
    """Serve the HTTP API until told to stop."""
    sys.exit(serve(read_settings(host=host, port=port)))


@main.command("erase")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "-o", "--out", required=True, metavar="DIR|FILE", help="Where to write; `-` is standard output, for one file."
)
@click.option("--mask", metavar="FILE", help="What to erase, as an image; for one file. `-` is standard input.")
@option_flags(EraseOptions)
def erase_command(files: Sequence[str], out: str, mask: str | None, **fields: str | None) -> None:
    """Erase the text of images.

    FILE is an image, a folder of images, or `-` for standard input. Without --format, the ending of an output FILE
    (.png, .jpg, .webp, .psd, .ora) decides, where it is not the input's own.
    """
    if (*files, mask, *(fields[name] for name in AREAS)).count("-") > 1:
        refuse("standard input can be read once only")
    areas = _area_files(fields)
    try:
        if fields["format"] is None and len(files) == 1 and not (Path(out).is_dir() or Path(files[0]).is_dir()):
            fields["format"] = format_for(files[0], out)
        options = EraseOptions.parse({name: value for name, value in fields.items() if value is not None})
        options.check_mask(is_given=mask is not None)
        targets = plan_targets(files, out, options)
    except InvalidOption as exc:
        refuse(exc.detail)
    if options.regions is not None and areas:
        refuse(f"regions says all that is erased; leave out {', '.join(sorted(areas))}")
    if mask is not None and len(targets) != 1:
        refuse(f"--mask goes with one image; there are {len(targets)}")
    settings = read_settings()
    if "intra_threads" not in settings.model_fields_set:
        settings = settings.model_copy(update={"intra_threads": usable_cores()})  # one image at a time has all cores
    _models(settings, options)
    eraser = _open_eraser(settings)
    try:
        mask_data = None if mask is None else _read(mask)
    except OSError as exc:
        refuse(f"{mask}: {exc.strerror}")

    def erase(data: bytes) -> Outcome:
        include, exclude = (areas.get(name) for name in AREAS)
        return eraser.erase(data, mask_data, options, Deadline(), include_data=include, exclude_data=exclude)

    failed = sum(not _erase_one(erase, target) for target in _progress(targets))
    if len(targets) > 1:
        say(f"{len(targets) - failed} of {len(targets)} images done")
    sys.exit(SOME_FAILED if failed else 0)


@main.command("batch")
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.argument("out", metavar="OUT", type=click.Path(path_type=Path))
@click.option("--masks", is_flag=True, help="Write the mask of each page beside it: PAGE.mask.png.")
@click.option("--regions-json", is_flag=True, help="Write the regions of each page beside it: PAGE.regions.json.")
@click.option(
    "--report",
    "report_path",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where the JSON report goes [default: OUT/report.json, or OUT.report.json beside an archive].",
)
@click.option(
    "--marks",
    type=click.Choice(get_args(MarkChoice)),
    help=_help(ChapterOptions.model_fields["marks"]),
)
@click.option(
    "--pdf-as",
    type=click.Choice(get_args(PdfResult)),
    default="cbz",
    help="What a PDF becomes where OUT is a folder [default: cbz]. A file OUT says it by its ending.",
)
@click.option(
    "--engine", type=click.Choice(get_args(Engine)), default="local", help="Where pages are erased [default: local]."
)
@click.option("--address", help="Ray cluster to use, `auto` or HOST:PORT [default: one that is started here].")
@click.option("--slots", type=click.IntRange(1, 256), help="Pages worked on at a time [TEXT_ERASER_SLOTS].")
@option_flags(EraseOptions, without=ONE_PAGE_ONLY)
def batch_command(
    source: Path,
    out: Path,
    *,
    report_path: Path | None,
    marks: MarkChoice | None,
    pdf_as: PdfResult,
    engine: Engine,
    address: str | None,
    slots: int | None,
    masks: bool,
    regions_json: bool,
    **fields: str | None,
) -> None:
    """Erase the text of whole chapters.

    IN is a folder of any depth, with images and CBZ, ZIP or PDF files in it, or one such file. OUT is a folder; or, for
    one file IN, the archive to write, and for a PDF the PDF to write. Names and order are kept. What is finished is
    skipped: run it again after it was stopped, or with more pages. One bad page is a row in the report, not the end.
    """
    settings = read_settings(slots=slots)
    source = source.resolve() if engine == "ray" else source  # nodes stand elsewhere
    if masked := sorted(_area_files(fields)):
        refuse(f"--{masked[0]} is a mask file, which belongs to one page; expected JSON")
    given = {name: value for name, value in fields.items() if value is not None}
    try:
        options = EraseOptions.parse(given | {"output": "both" if masks else "image"})
        ledger = Ledger(state_folder(source, out))
        chapters = find_chapters(source, out, options.format, ledger, pdf_as=pdf_as)
    except InvalidOption as exc:
        refuse(exc.detail)
    models = _models(settings, options)
    depends_on = " ".join([service.__version__, *(model.sha256 for model in models)])
    wish = Wish(options, masks=masks, regions=regions_json, marks=marks, models=depends_on)
    batch = _batch(settings, wish, ledger, engine, address)
    _hold(ledger, out)
    is_one_file = any(place == out for chapter in chapters for place in chapter.places)
    rows: list[Row] = []
    started = time.perf_counter()
    is_written = True
    try:
        with closing(batch.run(chapters)) as running:
            for row in _counted(running, sum(chapter.count() for chapter in chapters)):
                rows.append(row)  # noqa: PERF402  row by row: what was done before a stop is reported too
    except OSError as exc:  # a page that cannot be written is a row; this is a chapter
        say(f"{exc.filename or out}: {exc.strerror}")
        is_written = False
    finally:
        report = Report(
            version=service.__version__,
            options=options.model_dump(mode="json") | {"marks": marks},
            models=tuple(model.label for model in models),
            summary=summarise(rows, time.perf_counter() - started),
            pages=tuple(rows),
        )
        click.echo(told(report))
        place = report_path or (out.with_name(f"{out.name}.report.json") if is_one_file else out / "report.json")
        try:
            write_atomically(place, report.model_dump_json(indent=1).encode("utf-8"))
        except OSError as exc:
            say(f"the report cannot be written: {place}: {exc.strerror}")
            is_written = False
    is_whole = is_written and not report.summary.failed and not report.summary.lost
    sys.exit(0 if is_whole else SOME_FAILED)


@main.group("models")
def models_group() -> None:
    """Look after the model store."""


@models_group.command("verify")
def verify_command() -> None:
    """Check every graph against its checksum and its tensors, and run it once."""
    settings = read_settings()
    try:
        store = open_store(settings)
        open_sessions(store, threads=settings.intra_threads)
    except ModelStoreError as exc:
        say(exc.detail)
        sys.exit(START_FAILED)
    for model in store.models:
        click.echo(f"{model.label}  {model.task}  sha256 {model.sha256}  ok")


@main.command("openapi")
@click.option("-o", "--out", type=click.Path(dir_okay=False, path_type=Path), help="File to write.")
def openapi_command(out: Path | None) -> None:
    """Print the OpenAPI document, or write it to a file."""
    text = json.dumps(describe(create_app(Settings.model_construct())), indent=2, ensure_ascii=False) + "\n"
    if out is None:
        click.echo(text, nl=False)
    else:
        write_atomically(out, text.encode("utf-8"))


def _models(settings: Settings, options: EraseOptions) -> list[Model]:
    """The models that the options name; ends the process where there is none."""
    try:
        store = open_store(settings)
        return [store.find(options.segmenter, "segmentation"), store.find(options.inpainter, "inpainting")]
    except UnknownModel as exc:
        refuse(exc.detail)
    except ModelStoreError as exc:
        say(f"cannot start: {exc.detail}")
        sys.exit(START_FAILED)


def _make_eraser(settings: Settings) -> Eraser:
    """The pipeline. Raises ModelStoreError."""
    return build_eraser(settings, open_store(settings))


def _open_eraser(settings: Settings) -> Eraser:
    """The pipeline; ends the process where a model is damaged."""
    try:
        return _make_eraser(settings)
    except ModelStoreError as exc:
        say(f"cannot start: {exc.detail}")
        sys.exit(START_FAILED)


def _batch(settings: Settings, wish: Wish, ledger: Ledger, engine: Engine, address: str | None) -> Batch:
    """What works through the chapters: this process, or a cluster."""
    if engine == "local":
        if address is not None:
            refuse("--address goes with --engine ray")
        eraser = _open_eraser(settings)
        return Batch(eraser, wish, ledger, slots=settings.slot_count, max_pixels=settings.max_pixels)
    try:
        cpus = connect(address)
    except InvalidOption as exc:
        refuse(exc.detail)
    return RayBatch(
        partial(_make_eraser, settings.model_copy(update={"tokens": ()})),
        wish,
        ledger,
        actors=settings.slots or max(1, cpus // settings.intra_threads),
        actor_cpus=settings.intra_threads,
        max_pixels=settings.max_pixels,
    )


def _hold(ledger: Ledger, out: Path) -> None:
    """Keep other batches out of `out` until this command ends; ends the process where one is at work there."""
    try:
        click.get_current_context().with_resource(ledger.held())
    except InvalidOption as exc:
        refuse(f"another batch writes to {out}: {exc.detail}")
    except OSError as exc:
        refuse(f"{exc.filename or out}: {exc.strerror}")


def _area_files(fields: dict[str, str | None]) -> dict[str, bytes]:
    """Read the files that areas name: JSON goes into the fields, mask files are returned by option."""
    masks: dict[str, bytes] = {}
    for name in AREAS:
        given = fields[name]
        if given is None or given.lstrip().startswith("["):
            continue
        try:
            data = _read(given)
            fields[name] = json_in(data)
        except OSError as exc:
            refuse(f"--{name} {given}: {exc.strerror}; expected a JSON list, or a file")
        except InvalidOption as exc:
            refuse(f"--{name} {given}: {exc.detail}")
        if fields[name] is None:
            masks[name] = data
    return masks


def _erase_one(erase: Callable[[bytes], Outcome], target: Target) -> bool:
    """Erase one image and write its files; False, with a word on standard error, if that failed."""
    try:
        outcome = erase(_read(target.source))
        for encoded, path in ((outcome.image, target.image), (outcome.mask, target.mask)):
            if encoded is not None and path is not None:
                _write(path, encoded.data)
    except TextEraserError as exc:
        say(f"{target.source}: {exc.detail}")
        return False
    except OSError as exc:
        say(f"{exc.filename or target.source}: {exc.strerror}")
        return False
    return True


def _read(source: str) -> bytes:
    return sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()


def _write(path: str, data: bytes) -> None:
    if path == "-":
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    else:
        write_atomically(Path(path), data)


def _counted(rows: Iterator[Row], pages: int) -> Iterator[Row]:
    """The rows one by one, behind a progress bar with pages/s and time left where somebody can see it."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[pace]} pages/s", markup=False),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=pages, pace="-")
        for row in rows:
            speed = progress.tasks[task].speed
            pace = "-" if speed is None else f"{speed:.1f}"
            progress.update(task, advance=row.status != "lost", description=row.page[-40:], pace=pace)
            if row.status in {"failed", "lost"}:
                words = f"text-eraser: {row.page}: {row.detail}"
                progress.console.print(words, markup=False, highlight=False, soft_wrap=True)
            yield row


def _progress(targets: Sequence[Target]) -> Iterator[Target]:
    """The targets one by one, behind a progress bar where somebody can see it."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=len(targets) == 1 or not console.is_terminal) as progress:
        task = progress.add_task("", total=len(targets))
        for target in targets:
            progress.update(task, description=Path(target.source).name)
            yield target
            progress.advance(task)
