"""Hours of mixed work: does the process grow? `make soak`, or `python -m benchmarks.soak --minutes 8`.

Clients send pages of 0.1 to 8 megapixels in three formats; one in twenty leaves before its answer. After a warm-up,
every so often all pause until the server rests, and its memory at rest is noted: the slope of those points is what
a leak would show in, and what it holds under work is noted beside. A slope counts as shown where its goal lies
outside of its error.
"""

from __future__ import annotations

import argparse
import io
import os
import random
import socket
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

import httpx
import numpy as np
import numpy.typing as npt
from PIL import Image

from benchmarks.load import INFLIGHT, multipart, say
from benchmarks.servers import RunningServer, running_server
from benchmarks.uploads import EXAMPLE, page_file
from service.workers import REST_S

Floats = npt.NDArray[np.float64]

SMALLEST_MP, LARGEST_MP = 0.1, 8.0
UPLOADS = 90
KINDS = ("JPEG", "PNG", "WEBP")
DROPPED_SHARE = 0.05
DEADLINE_S = 300
"""Long: on a busy machine a large page shall be answered; those who leave show that stopping leaks nothing."""
WARM_UP_SHARE = 0.2
ROUNDS = 30
MAX_SLOPE_MB = 1.0
"""Growth in 1,000 requests, after the warm-up."""
MAX_GROWTH_MB = 100.0
ERRORS = 2.0
"""Standard errors to each side of a slope within which the true one is taken to be."""


@dataclass(frozen=True)
class Slope:
    """A line through points of memory at rest over requests; MB per 1,000 requests."""

    least_squares: float
    standard_error: float
    """Of the least squares, as if every point's deviation came by itself."""
    median: float
    """Of the slopes between all pairs of points (Theil and Sen); some wild points do not move it."""

    def verdict(self, goal: float) -> str:
        """Whether the goal is `kept`, `missed`, or lies within the error: `not shown`."""
        if abs(self.least_squares - goal) <= ERRORS * self.standard_error:
            return "not shown"
        return "kept" if self.least_squares < goal else "missed"


def slope_of(requests: Floats, rest_mb: Floats) -> Slope:
    """The slope of three or more points at different numbers of requests."""
    (least_squares, _), covariance = np.polyfit(requests / 1000, rest_mb, 1, cov=True)
    first, second = np.triu_indices(len(requests), k=1)
    between = (rest_mb[second] - rest_mb[first]) / (requests[second] - requests[first]) * 1000
    return Slope(float(least_squares), float(covariance[0, 0] ** 0.5), float(np.median(between)))


def sizes_mp(count: int = UPLOADS) -> list[float]:
    """Sizes of which each doubling is half as frequent: small pages and large ones cost the same time in all."""
    shares = np.linspace(0, 1 - SMALLEST_MP / LARGEST_MP, count)
    return [float(size) for size in SMALLEST_MP / (1 - shares)]


@dataclass
class Course:
    """What has happened so far."""

    statuses: Counter[str] = field(default_factory=Counter)
    points: list[tuple[int, float, float]] = field(default_factory=list)
    """Requests so far, MB at rest, largest MB since the last point."""

    @property
    def requests(self) -> int:
        """All that were sent."""
        return sum(self.statuses.values())


def upload_file(megapixels: float, kind: str, dice: random.Random) -> bytes:
    """A piece of the example page from anywhere, its letters as large as they are; the page enlarged, if it is smaller.

    As a file of the Pillow format `kind`. The whole page made small has letters that nobody reads, and takes ten times
    as long as a piece of as many pixels.
    """
    page = Image.open(EXAMPLE).convert("RGB")
    scale = (megapixels * 1e6 / (page.width * page.height)) ** 0.5
    if scale >= 1:
        return page_file(megapixels, kind)
    width, height = round(page.width * scale), round(page.height * scale)
    left, top = dice.randint(0, page.width - width), dice.randint(0, page.height - height)
    buffer = io.BytesIO()
    page.crop((left, top, left + width, top + height)).save(buffer, kind)
    return buffer.getvalue()


def send_until(server: RunningServer, course: Course, uploads: list[bytes], until: float, seed: int) -> None:
    """One client: one request after another, until the time is up."""
    dice = random.Random(seed)  # noqa: S311  no secret
    with httpx.Client(base_url=server.address, timeout=DEADLINE_S, trust_env=False) as client:
        while time.monotonic() < until:
            upload = dice.choice(uploads)
            if dice.random() < DROPPED_SHARE:
                with socket.create_connection(("127.0.0.1", server.port)) as connection:
                    connection.sendall(multipart(upload))
                    time.sleep(dice.uniform(0, 1))
                course.statuses["left"] += 1
                continue
            answer = client.post("/v1/erase", files={"image": upload})
            course.statuses[str(answer.status_code)] += 1


def soak(server: RunningServer, uploads: list[bytes], *, minutes: float, clients: int, seed: int) -> Course:
    """The whole course, ROUNDS pauses long."""
    course = Course()
    for number in range(ROUNDS):
        server.forget_peak()
        until = time.monotonic() + minutes * 60 / ROUNDS
        crowd = [
            threading.Thread(target=send_until, args=(server, course, uploads, until, seed + 1000 * number + client))
            for client in range(clients)
        ]
        for client in crowd:
            client.start()
        for client in crowd:
            client.join()
        server.wait_for(INFLIGHT, 0, within_s=DEADLINE_S)
        peak_mb = server.memory_mb("VmHWM")
        course.points.append((course.requests, _at_rest_mb(server), peak_mb))
        say(f"| {course.points[-1][0]} | {course.points[-1][1]:.1f} | {course.points[-1][2]:.0f} |")
    return course


def _at_rest_mb(server: RunningServer) -> float:
    """The least that it holds in some seconds of rest: a client that left late may still be worked for."""
    found = []
    for _ in range(10):
        time.sleep(REST_S / 2)
        found.append(server.memory_mb())
    return min(found)


def main() -> None:
    """Run it; exit 1 if the process grew, or answered anything but 200."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--clients", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    dice = random.Random(arguments.seed)  # noqa: S311  no secret
    uploads = [upload_file(size, KINDS[number % len(KINDS)], dice) for number, size in enumerate(sizes_mp())]
    say(f"{len(os.sched_getaffinity(0))} cores, load average before {os.getloadavg()[0]:.1f}")
    say("| requests | MB at rest | MB at most |\n|---|---|---|")
    with running_server(deadline_s=DEADLINE_S) as server:
        start_mb = server.memory_mb()
        course = soak(server, uploads, minutes=arguments.minutes, clients=arguments.clients, seed=arguments.seed)
        held = server.metric(INFLIGHT)
    settled = course.points[round(WARM_UP_SHARE * ROUNDS) :]
    requests, rest_mb, _ = np.array(settled).T
    slope = slope_of(requests, rest_mb)
    end_mb = course.points[-1][1]
    say(f"{arguments.minutes:g} minutes, {arguments.clients} clients: {dict(course.statuses)}; slots held {held:.0f}")
    say(f"load average after {os.getloadavg()[0]:.1f}")
    say(f"start {start_mb:.0f} MB, end {end_mb:.0f} MB (goal at most {MAX_GROWTH_MB:.0f} more)")
    say(
        f"slope after the warm-up, MB per 1,000 requests: {slope.least_squares:+.2f} with a standard error of "
        f"{slope.standard_error:.2f} (median of all pairs {slope.median:+.2f}); goal {MAX_SLOPE_MB:g}: "
        f"{slope.verdict(MAX_SLOPE_MB)}"
    )
    kept = slope.verdict(MAX_SLOPE_MB) == "kept" and end_mb <= start_mb + MAX_GROWTH_MB and held == 0
    sys.exit(0 if kept and set(course.statuses) <= {"200", "left"} else 1)


if __name__ == "__main__":
    main()
