"""A batch on a Ray cluster: actors on its nodes read and erase pages, this process writes them. An optional extra.

Names, order, rows, ledger and archives are those of the local batch; IN must lie where each node sees it by one path.
"""

from __future__ import annotations

import logging
import os
import pickle
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future
from importlib.util import find_spec
from typing import Any

from service.batch.chapters import Chapter, Page
from service.batch.ledger import Ledger
from service.batch.marks import MarkFinder
from service.batch.report import Row
from service.batch.runner import Batch, Result, Wish, erase_page, problem_of
from service.deadline import Deadline
from service.eraser import Eraser, Outcome
from service.errors import InvalidOption, TextEraserError

MAX_TRIES = 4
"""So many workers may die under one page."""


def connect(address: str | None) -> int:
    """Join the cluster at `address`, or start one on this machine where that is None; the number of its processors.

    Raises InvalidOption where the extra is not installed or nobody answers.
    """
    if find_spec("ray") is None:
        raise InvalidOption(
            "--engine ray needs the extra `ray`: pip install '.[ray]' in a copy of Text Eraser's repository"
        )
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nobody is told
    import ray  # noqa: PLC0415  an optional extra

    try:
        ray.init(address, log_to_driver=False, logging_level="warning")
    except (ConnectionError, ValueError) as exc:
        raise InvalidOption(f"--address {address}: {exc}") from exc
    return int(ray.cluster_resources().get("CPU", 1))


class Tries:
    """An actor that no page can kill: counts how often each one was begun."""

    def __init__(self) -> None:
        self._begun: Counter[tuple[int, int]] = Counter()

    def begin(self, chapter: int, page: int) -> int:
        """Count one more; the number so far."""
        self._begun[chapter, page] += 1
        return self._begun[chapter, page]


class PageWorker:
    """An actor: an Eraser of its own, and one open chapter at a time."""

    def __init__(
        self, make_eraser: Callable[[], Eraser], chapters: bytes, wish: Wish, max_pixels: int, tries: Any
    ) -> None:
        self._eraser = make_eraser()
        self._tries = tries
        self._chapters: Sequence[Chapter] = pickle.loads(chapters)  # noqa: S301  our own, from the command
        self._wish = wish
        self._max_pixels = max_pixels
        self._open: int | None = None

    def __call__(self, place: dict[str, int]) -> dict[str, object]:
        """Erase the page at `place`; whatever goes wrong is a result too."""
        started = time.perf_counter()
        key: str | None = None
        try:
            self._count(place["chapter"], place["page"])
            data = self._page(place["chapter"], place["page"]).read()
            key = self._wish.key_of(data)
            outcome: Outcome | TextEraserError = erase_page(
                self._eraser, self._wish, data, self._finder, Deadline(), max_pixels=self._max_pixels
            )
        except Exception as exc:  # noqa: BLE001  as in the local batch
            outcome = problem_of(exc)
        return {**place, "result": pickle.dumps((key, outcome, time.perf_counter() - started))}

    def _count(self, chapter: int, page: int) -> None:
        """Give up a page that takes worker after worker with it: Ray would send it for ever."""
        import ray  # noqa: PLC0415  an optional extra

        if ray.get(self._tries.begin.remote(chapter, page)) > MAX_TRIES:
            raise TextEraserError(f"{MAX_TRIES} workers died while they had it, of it or by chance; run it again.")

    def _page(self, chapter: int, page: int) -> Page:
        if chapter != self._open:
            if self._open is not None:
                self._chapters[self._open].close()
            self._pages, self._open = self._chapters[chapter].open(), chapter
            reads = [page.read for page in self._pages]
            self._finder = None if self._wish.marks is None else MarkFinder(self._eraser, reads, self._wish.options)
        return self._pages[page]


class RayBatch(Batch):
    """One run over chapters, on the cluster that this process is connected to."""

    def __init__(
        self,
        make_eraser: Callable[[], Eraser],
        wish: Wish,
        ledger: Ledger,
        *,
        actors: int,
        actor_cpus: int = 1,
        max_pixels: int = 40_000_000,
    ) -> None:
        """`make_eraser` is called on the nodes; nothing is computed here."""
        super().__init__(Eraser({}, {}, max_pixels=max_pixels), wish, ledger, slots=1, max_pixels=max_pixels)
        self._make_eraser = make_eraser
        self._actors = actors
        self._actor_cpus = actor_cpus
        self._pages: dict[tuple[int, int], Page] = {}
        self._results: dict[str, Future[Result]] = {}
        self._stream: Iterator[Mapping[str, Any]] = iter(())

    def _run(self, chapters: Sequence[Chapter]) -> Generator[Row, None, None]:
        """As the local batch does; where the cluster is lost, the pages that are missing fail and can be run again."""
        self._chapters = pickle.dumps(chapters)  # before they are opened: what is open cannot travel
        self._pages = {
            (number, place): page
            for number, chapter in enumerate(chapters)
            for place, page in self._unfinished(chapter)
        }
        self._results = {page.name: Future() for page in self._pages.values()}
        if self._pages:
            self._stream = self._begin_stream()
        yield from super()._run(chapters)

    def _unfinished(self, chapter: Chapter) -> Iterator[tuple[int, Page]]:
        try:
            if self._recall(chapter)[1] is None:
                yield from ((place, page) for place, page in enumerate(chapter.open()) if not self._is_finished(page))
        except (TextEraserError, OSError):
            return  # the run itself will make a row of it
        finally:
            chapter.close()

    def _is_finished(self, page: Page) -> bool:
        try:
            return page.name in self._ledger and (
                self._ledger.find(page.name, self._wish.key_of(page.read())) is not None
            )
        except (TextEraserError, OSError):
            return False

    def _begin_stream(self) -> Iterator[Mapping[str, Any]]:
        """Send the pages to the cluster; what comes back, in order. Whoever dies under a page, it is begun again."""
        import ray.data  # noqa: PLC0415  an optional extra

        logging.getLogger("ray.data").setLevel(logging.WARNING)
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.execution_options.preserve_order = True
        places = [{"chapter": chapter, "page": page} for chapter, page in self._pages]
        pages = ray.data.from_items(places, override_num_blocks=len(places))  # each page is a task of its own
        tries = ray.remote(Tries).options(num_cpus=0, max_restarts=-1, max_task_retries=-1).remote()
        results = pages.map(
            PageWorker,
            fn_constructor_args=(self._make_eraser, self._chapters, self._wish, self._max_pixels, tries),
            compute=ray.data.ActorPoolStrategy(min_size=1, max_size=self._actors),
            num_cpus=self._actor_cpus,
        )
        return iter(results.iter_rows())

    def _submit(self, page: Page, finder: MarkFinder | None) -> Future[Result]:
        return self._results.get(page.name) or super()._submit(page, finder)

    def _next(self) -> Sequence[Row]:
        import ray.exceptions  # noqa: PLC0415  an optional extra

        while not self._pending[0][1].done():
            try:
                self._take(next(self._stream))
            except StopIteration:
                self._lose("The cluster gave no result")
            except ray.exceptions.RayError as exc:
                self._lose(f"The cluster failed: {exc}")
        return super()._next()

    def _take(self, row: Mapping[str, Any]) -> None:
        """Write what came from the cluster."""
        page = self._pages[row["chapter"], row["page"]]
        key, outcome, seconds = pickle.loads(row["result"])  # noqa: S301  our own actors'
        try:
            if isinstance(outcome, TextEraserError):
                raise outcome
            result = self._keep(page, key, outcome, seconds)
        except (TextEraserError, OSError) as exc:
            result = self._failed(page, key, problem_of(exc), seconds)
        self._results[page.name].set_result(result)

    def _lose(self, reason: str) -> None:
        """Nothing more will come: what is missing is tried again the next time."""
        for page in self._pages.values():
            if not self._results[page.name].done():
                lost = TextEraserError(f"{reason}; run it again.")
                self._results[page.name].set_result(self._failed(page, None, lost, 0.0))
