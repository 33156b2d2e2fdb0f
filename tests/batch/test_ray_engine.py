"""A batch on two simulated Ray nodes: what one machine makes, and nothing is lost when a worker or a node dies."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from service.batch.chapters import find_chapters, state_folder
from service.batch.ledger import Ledger
from service.batch.marks import SAMPLED_PAGES
from service.batch.ray_engine import RayBatch
from service.batch.report import Row
from service.batch.runner import Wish
from service.eraser import Eraser, Outcome
from service.options import EraseOptions
from tests.batch import test_marks
from tests.batch.drawn import archive, contents, draw_folder
from tests.batch.test_runner import Paths, paths, run  # noqa: F401  a fixture among them
from tests.fakes import FakeEraser, picture

ray = pytest.importorskip("ray", reason="needs the extra `ray`: make test-ray")
cluster_utils = pytest.importorskip("ray.cluster_utils", reason="needs the extra `ray`: make test-ray")

pytestmark = [pytest.mark.ray, pytest.mark.filterwarnings("default")]  # Ray's own warnings

NODE = {"num_cpus": 1, "object_store_memory": 100 * 1024 * 1024}
COUNT = 24
DEADLY = picture(seed=99)


class Witness(FakeEraser):
    """A FakeEraser on a node: takes its time, dies of one page, and leaves a file for each page that it began."""

    def __init__(self, witnesses: Path, page_s: float) -> None:
        super().__init__()
        self._witnesses = witnesses
        self._page_s = page_s

    def erase(self, data: bytes, *args: Any, **named: Any) -> Outcome:
        """Say who and where we are, then do as FakeEraser does."""
        node = ray.get_runtime_context().get_node_id()
        (self._witnesses / f"{node}.{os.getpid()}.{time.monotonic_ns()}").touch()
        if data == DEADLY:
            os._exit(1)
        time.sleep(self._page_s)
        return super().erase(data, *args, **named)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A node that nobody stops, and room for more."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    made = cluster_utils.Cluster(initialize_head=True, head_node_args=NODE)
    ray.init(address=made.address, log_to_driver=False)
    yield made
    ray.shutdown()
    made.shutdown()


@pytest.fixture
def second(cluster: Any) -> Iterator[Any]:
    """The second node of two; a test may kill it."""
    node = cluster.add_node(**NODE)
    cluster.wait_for_nodes()
    yield node
    if node in cluster.list_all_nodes():
        cluster.remove_node(node)


def run_on_nodes(
    paths: Paths,  # noqa: F811
    *,
    page_s: float = 0.0,
    make_eraser: Callable[[], Eraser] | None = None,
    when_begun: Callable[[Path], None] = lambda _: None,
    **wish: Any,
) -> list[Row]:
    """One batch on the cluster; `when_begun` is called after its first row with the folder of the witnesses."""
    witnesses = paths[0].parent / "witnesses"
    witnesses.mkdir(exist_ok=True)
    ledger = Ledger(state_folder(*paths))
    chapters = find_chapters(*paths, "same", ledger)
    make_eraser = make_eraser or partial(Witness, witnesses, page_s)
    rows: list[Row] = []
    for row in RayBatch(make_eraser, Wish(EraseOptions(), **wish), ledger, actors=2).run(chapters):
        if not rows:
            when_begun(witnesses)
        rows.append(row)
    return rows


def begun(paths: Paths) -> list[tuple[str, int]]:  # noqa: F811
    """Node and process of each page that was begun."""
    names = [path.name.split(".") for path in (paths[0].parent / "witnesses").iterdir()]
    return [(node, int(pid)) for node, pid, _ in names]


def same_but_for_time(rows: list[Row]) -> list[Row]:
    """Rows without the milliseconds that they took."""
    return [row.model_copy(update={"ms": None}) for row in rows]


def test_two_nodes_make_what_one_machine_makes(paths: Paths, second: Any) -> None:  # noqa: F811
    """The same files and archives byte for byte, the same rows in the same order; both nodes took part."""
    draw_folder(paths[0], COUNT)
    (paths[0] / "bad.png").write_bytes(b"hello")
    (paths[0] / "c.cbz").write_bytes(archive(("1.png", picture()), ("2.png", b"hello"), ("ComicInfo.xml", b"<a/>")))
    (paths[0] / "evil.zip").write_bytes(archive(("../1.png", picture())))
    local = run(FakeEraser(), (paths[0], paths[1].with_name("local")))

    rows = run_on_nodes(paths, page_s=0.5)

    assert same_but_for_time(rows) == same_but_for_time(local)
    assert contents(paths[1]) == contents(paths[1].with_name("local"))
    assert len({node for node, _ in begun(paths)}) == 2


def test_the_second_run_on_nodes_does_nothing(paths: Paths, second: Any) -> None:  # noqa: F811
    """And the local batch after it neither: they share one ledger."""
    draw_folder(paths[0], 5)
    run_on_nodes(paths)
    once = len(begun(paths))

    again, local = run_on_nodes(paths), run(eraser := FakeEraser(), paths)

    assert {row.status for row in (*again, *local)} == {"skipped"}
    assert len(begun(paths)) == once
    assert eraser.calls == []


def test_a_worker_that_is_killed_loses_nothing(paths: Paths, second: Any) -> None:  # noqa: F811
    """Its page is begun again elsewhere."""
    draw_folder(paths[0], COUNT)

    def kill(witnesses: Path) -> None:
        os.kill(begun(paths)[-1][1], signal.SIGKILL)

    rows = run_on_nodes(paths, page_s=0.2, when_begun=kill)

    assert [row.status for row in rows] == ["done"] * COUNT
    assert contents(paths[1]) == contents(paths[0])


def test_a_node_that_is_killed_loses_nothing(paths: Paths, cluster: Any, second: Any) -> None:  # noqa: F811
    """With what its workers had finished and nobody had fetched."""
    draw_folder(paths[0], COUNT)

    def kill(_: Path) -> None:
        until = time.monotonic() + 30
        while not any(node == second.node_id for node, _ in begun(paths)):
            assert time.monotonic() < until, "the second node took no part"
            time.sleep(0.05)
        cluster.remove_node(second, allow_graceful=False)

    rows = run_on_nodes(paths, page_s=1.0, when_begun=kill)

    assert [row.status for row in rows] == ["done"] * COUNT
    assert contents(paths[1]) == contents(paths[0])


def test_a_page_that_kills_its_workers_is_a_row(paths: Paths, second: Any) -> None:  # noqa: F811
    """Given up after a few; the other pages are done, and the next run tries it again."""
    for number in range(4):
        (paths[0] / f"{number}.png").write_bytes(DEADLY if number == 1 else picture(seed=number))

    rows = run_on_nodes(paths)

    assert [row.status for row in rows] == ["done", "failed", "done", "done"]
    assert "workers died" in str(rows[1].detail)
    assert [row.status for row in run(FakeEraser(), paths)] == ["skipped", "done", "skipped", "skipped"]


def test_marks_are_found_on_the_nodes(tmp_path: Path, second: Any) -> None:
    """As the local batch finds them: the results are the same."""
    local, _ = test_marks.run(tmp_path, "keep")
    ledger_out = (tmp_path / "in", tmp_path / "out")

    run_on_nodes(ledger_out, make_eraser=test_marks.lettered, marks="keep")

    assert len(local) > SAMPLED_PAGES
    for number, result in local.items():
        assert (test_marks.pages.pixels_of((tmp_path / "out" / f"{number}.png").read_bytes()) == result).all()
