"""What became of each page, and of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from service.eraser import Outcome
from service.errors import TextEraserError

Status = Literal["done", "skipped", "failed", "lost"]

MAX_NAMED = 8
"""Pages and files that the summary names where they went wrong; the report names them all."""


class Row(BaseModel):
    """One page of the report, or another file of an archive, if it was lost."""

    model_config = ConfigDict(frozen=True)

    page: str = Field(description="Its path below what was given.", examples=["chapter-1/003.png"])
    status: Status = Field(
        description="`done` now; `skipped`: its result was there already; `failed`: `problem` and `detail` say why, "
        "and in an archive the page stays as it was, or is left out where it cannot be unpacked; `lost`: no page, but "
        "another file that cannot be unpacked, as `detail` says, and is left out."
    )
    regions: int | None = Field(None, description="Texts that were erased.", examples=[12])
    residual: float | None = Field(None, description="Share of the text that is left; null if nobody looked.")
    ms: float | None = Field(None, description="Milliseconds of work, waiting not counted.", examples=[412.5])
    problem: str | None = Field(None, description="Code of the problem.", examples=["corrupt-image"])
    detail: str | None = Field(None, description="What was seen, and what is expected.")


class Summary(BaseModel):
    """The report in numbers."""

    model_config = ConfigDict(frozen=True)

    pages: int
    done: int
    skipped: int
    failed: int
    lost: int = Field(0, description="Files that are no pages, and could not be taken over.")
    regions: int
    residual: float | None = Field(None, description="Largest residual of a page; null if nobody looked.")
    seconds: float
    pages_per_second: float


class Report(BaseModel):
    """Every page once, in the order of the chapters, what else was lost, and the sums."""

    model_config = ConfigDict(frozen=True)

    version: str = Field(description="Version of the service.")
    options: dict[str, object]
    models: tuple[str, ...] = ()
    summary: Summary
    pages: tuple[Row, ...]


def done(page: str, outcome: Outcome, seconds: float) -> Row:
    """The row of a page that was erased."""
    residual = None if outcome.residual is None else round(outcome.residual, 4)
    return Row(page=page, status="done", regions=len(outcome.regions), residual=residual, ms=round(1000 * seconds, 1))


def failed(page: str, error: TextEraserError, seconds: float | None = None) -> Row:
    """The row of a page that could not be erased."""
    ms = None if seconds is None else round(1000 * seconds, 1)
    return Row(page=page, status="failed", ms=ms, problem=error.code, detail=error.detail)


def lost(name: str, error: TextEraserError) -> Row:
    """The row of a file that is no page and could not be taken over; problems have codes for pages only."""
    return Row(page=name, status="lost", detail=error.detail)


def summarise(rows: Sequence[Row], seconds: float) -> Summary:
    """The sums over `rows`, of which those that were not skipped took `seconds`."""
    worked = sum(row.status in {"done", "failed"} for row in rows)
    looked = [row.residual for row in rows if row.residual is not None]
    return Summary(
        pages=sum(row.status != "lost" for row in rows),
        done=sum(row.status == "done" for row in rows),
        skipped=sum(row.status == "skipped" for row in rows),
        failed=sum(row.status == "failed" for row in rows),
        lost=sum(row.status == "lost" for row in rows),
        regions=sum(row.regions or 0 for row in rows),
        residual=max(looked, default=None),
        seconds=round(seconds, 1),
        pages_per_second=round(worked / seconds, 2) if seconds > 0 else 0.0,
    )


def told(report: Report) -> str:
    """The summary, with the first pages that failed, on one screen."""
    summary = report.summary
    lines = [
        f"{summary.pages} pages: {summary.done} done, {summary.skipped} finished before, {summary.failed} failed",
        f"{summary.regions} texts, {summary.seconds:.1f} s, {summary.pages_per_second:.2f} pages/s",
    ]
    if summary.residual is not None:
        worst = max((row for row in report.pages if row.residual is not None), key=lambda row: row.residual or 0.0)
        lines.append(f"most text left: {summary.residual:.2%} of {worst.page}")
    if summary.lost:
        lines.append(f"other files that could not be taken over: {summary.lost}")
    wrong = [row for row in report.pages if row.status in {"failed", "lost"}]
    lines += [f"  {row.page}: {row.detail}" for row in wrong[:MAX_NAMED]]
    if len(wrong) > MAX_NAMED:
        lines.append(f"  and {len(wrong) - MAX_NAMED} more; the report names them all")
    return "\n".join(lines)
