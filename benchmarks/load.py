"""The server under load and ill use, with figures. `make load`.

Real processes and real sockets on this machine; the clients share its cores with the server. Every part is bounded in
requests and in time, and says at its end whether it kept its promise.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx

from benchmarks.servers import RunningServer, running_server
from benchmarks.uploads import page_file
from service.app import build_eraser, open_store
from service.deadline import Deadline
from service.options import EraseOptions
from service.settings import Settings

INFLIGHT, DEPTH = "text_eraser_inflight", "text_eraser_queue_depth"
SEGMENTED = 'text_eraser_stage_seconds_count{stage="segment"}'
GONE = 'text_eraser_requests_total{code="499",route="/erase"}'
PAGE_MP = 1.0
LONG_MP = 30.0
"""An image that takes many seconds."""
HEAD = (
    b"POST /v1/erase HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=cut\r\nContent-Length: 1000\r\n"
)


def patient_client(server: RunningServer) -> httpx.AsyncClient:
    """A client with room for every connection."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    return httpx.AsyncClient(base_url=server.address, timeout=120, limits=limits, trust_env=False)


async def overload(server: RunningServer, requests: int) -> bool:
    """Ten times what slots and queue hold, at once."""
    upload = page_file(PAGE_MP)
    health_s: list[float] = []
    accepted_s: list[float] = []

    async def one(client: httpx.AsyncClient) -> int:
        start = time.perf_counter()
        answer = await client.post("/v1/erase", files={"image": upload})
        if answer.status_code == 200:
            accepted_s.append(time.perf_counter() - start)
        elif answer.status_code == 503 and int(answer.headers["Retry-After"]) < 1:
            return 0
        return answer.status_code

    async with patient_client(server) as client:
        crowd = [asyncio.create_task(one(client)) for _ in range(requests)]
        while not all(task.done() for task in crowd):
            start = time.perf_counter()
            (await client.get("/healthz")).raise_for_status()
            health_s.append(time.perf_counter() - start)
            await asyncio.sleep(0.02)
        outcomes = await asyncio.gather(*crowd, return_exceptions=True)
    counts = Counter(str(outcome) if isinstance(outcome, int) else type(outcome).__name__ for outcome in outcomes)
    say(f"overload: {requests} at once: {dict(counts)}")
    say(f"  /healthz: {len(health_s)} asked, p50 {ms(health_s, 50)}, p99 {ms(health_s, 99)}, goal 250 ms")
    say(f"  accepted: p50 {ms(accepted_s, 50)}, p99 {ms(accepted_s, 99)}, goal 30000 ms")
    return set(counts) <= {"200", "503"} and at(health_s, 99) <= 0.25 and at(accepted_s, 99) <= 30


def saturation(server: RunningServer, rounds: int) -> bool:
    """Server and bare pipeline in turns, each with as many pages at a time as there are slots."""
    upload = page_file(PAGE_MP)
    settings = Settings()
    eraser = build_eraser(settings, open_store(settings))
    slots = int(server.metric("text_eraser_slots"))

    def bare(_: int) -> None:
        eraser.erase(upload, None, EraseOptions(), Deadline())

    with (
        ThreadPoolExecutor(slots) as pool,
        ThreadPoolExecutor(slots + 1) as clients,
        httpx.Client(base_url=server.address, timeout=700, trust_env=False) as client,
    ):

        def served(_: int) -> None:
            client.post("/v1/erase", files={"image": upload}).raise_for_status()

        ratios: list[float] = []
        for turn in range(rounds + 1):
            times: list[float] = []
            for threads, work in ((pool, bare), (clients, served)):
                start = time.perf_counter()
                list(threads.map(work, range(4 * slots)))
                times.append(time.perf_counter() - start)
            if turn:  # the first warms both
                ratios.append(times[0] / times[1])
                say(
                    f"  turn {turn}: bare {4 * slots / times[0]:.2f} pages/s, served {4 * slots / times[1]:.2f} pages/s"
                )
    ratio = statistics.median(ratios)
    say(f"saturation: {slots} slots, served / bare throughput, median of {rounds} turns: {ratio:.3f}, goal 0.90")
    return ratio >= 0.9


async def slow_clients(server: RunningServer, count: int) -> bool:
    """A quarter each: silent, half a header, half a body, a byte a second; good clients come meanwhile."""
    lives_s: list[float] = []
    upload = page_file(0.1)

    async def slow(kind: int) -> None:
        start = time.perf_counter()
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        trickle = asyncio.create_task(_trickle(writer, kind))
        try:
            async with asyncio.timeout(60):
                await reader.read()
        except ConnectionError:
            pass
        finally:
            trickle.cancel()
            writer.close()
        lives_s.append(time.perf_counter() - start)

    async def good(client: httpx.AsyncClient) -> int:
        for _ in range(20):
            answer = await client.post("/v1/erase", files={"image": upload})
            if answer.status_code != 503:
                return answer.status_code
            await asyncio.sleep(int(answer.headers["Retry-After"]))
        return 503

    crowd = [asyncio.create_task(slow(number % 4)) for number in range(count)]
    await asyncio.sleep(1)
    async with patient_client(server) as client:
        good_ones = Counter(await asyncio.gather(*[good(client) for _ in range(20)]))
    outcomes = await asyncio.gather(*crowd, return_exceptions=True)
    failures = [outcome for outcome in outcomes if outcome is not None]
    say(f"slow clients: {count}, longest life {max(lives_s):.1f} s, goal 10 s; 20 good ones: {dict(good_ones)}")
    return not failures and max(lives_s) <= 10.5 and set(good_ones) == {200}


async def _trickle(writer: asyncio.StreamWriter, kind: int) -> None:
    if kind:
        writer.write(HEAD if kind == 1 else HEAD + b"\r\n--cut\r\n")
    while kind == 3 and not writer.is_closing():
        writer.write(b"-")
        await asyncio.sleep(1)


async def queued_drops(server: RunningServer, count: int) -> bool:
    """All slots are busy, the queue fills, and everybody in it leaves."""
    slots = int(server.metric("text_eraser_slots"))
    long, short = page_file(LONG_MP), page_file(0.1)
    async with patient_client(server) as client:
        busy = [asyncio.create_task(client.post("/v1/erase", files={"image": long})) for _ in range(slots)]
        await asyncio.to_thread(server.wait_for, INFLIGHT, slots, within_s=60)
        before = server.metric(SEGMENTED)
        waiting = [asyncio.create_task(client.post("/v1/erase", files={"image": short})) for _ in range(count)]
        await asyncio.to_thread(server.wait_for, DEPTH, count, within_s=60)
        for task in [*waiting, *busy]:
            task.cancel()
        await asyncio.gather(*waiting, *busy, return_exceptions=True)
    emptied_s = server.wait_for(DEPTH, 0, within_s=30)
    freed_s = server.wait_for(INFLIGHT, 0, within_s=30)
    inferences = server.metric(SEGMENTED) - before
    say(
        f"dropped while queued: {count}, inferences run {inferences:.0f}; queue empty after {emptied_s:.2f} s, "
        f"slots free {freed_s:.2f} s later"
    )
    return inferences == 0


def running_drops(server: RunningServer, count: int) -> bool:
    """One after another: a long image begins, its client leaves, the slot and the processor must be free."""
    body = multipart(page_file(LONG_MP))
    freed_s: list[float] = []
    idle_share: list[float] = []
    for number in range(count):
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(body)
            server.wait_for(INFLIGHT, 1, within_s=60)
            time.sleep(0.05 + number % 10 * 0.2)  # now in the decoder, now in a graph
        freed_s.append(server.wait_for(INFLIGHT, 0, within_s=60))
        cpu_s, start = server.cpu_s, time.perf_counter()
        time.sleep(0.1)
        idle_share.append((server.cpu_s - cpu_s) / (time.perf_counter() - start))
    say(
        f"dropped while running: {count} one after another, slot free: p50 {ms(freed_s, 50)}, largest "
        f"{max(freed_s) * 1000:.0f} ms, goal 1000 ms; processor in the 0.1 s after: median {at(idle_share, 50):.0%}; "
        f"slots held at the end {server.metric(INFLIGHT):.0f}"
    )
    return max(freed_s) <= 1.5 and server.metric(INFLIGHT) == 0


def deadline(server: RunningServer, rounds: int) -> bool:
    """Two seconds for an image that takes longer."""
    took_s: list[float] = []
    freed_s: list[float] = []
    statuses: Counter[int] = Counter()
    for _ in range(rounds):
        start = time.perf_counter()
        answer = httpx.post(
            f"{server.address}/v1/erase",
            files={"image": page_file(LONG_MP)},
            headers={"X-Request-Timeout": "2"},
            timeout=60,
            trust_env=False,
        )
        took_s.append(time.perf_counter() - start)
        statuses[answer.status_code] += 1
        freed_s.append(server.wait_for(INFLIGHT, 0, within_s=60))
    say(
        f"deadline 2 s: {dict(statuses)}, answered within {max(took_s):.2f} s, goal 3 s; "
        f"slot free at most {max(freed_s):.2f} s later, goal 1 s"
    )
    return set(statuses) == {504} and max(took_s) <= 3 and max(freed_s) <= 1


def multipart(upload: bytes) -> bytes:
    """A whole request, as bytes."""
    request = httpx.Request("POST", "http://127.0.0.1/v1/erase", files={"image": upload})
    head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    return f"POST /v1/erase HTTP/1.1\r\n{head}\r\n".encode() + request.read()


def at(values: list[float], percent: int) -> float:
    """The percentile; the largest value where there are few."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] if ordered else 0.0


def ms(values: list[float], percent: int) -> str:
    """The percentile in ms."""
    return f"{at(values, percent) * 1000:.0f} ms"


def say(text: str) -> None:
    """At once, also into a pipe."""
    print(text, flush=True)


@contextmanager
def part(name: str, wanted: list[str], **settings: object) -> Iterator[RunningServer | None]:
    """A server for this part of the run, if it is wanted."""
    if wanted and name not in wanted:
        yield None
        return
    with running_server(**settings) as server:
        yield server
        answer = httpx.post(f"{server.address}/v1/erase", files={"image": page_file(0.1)}, timeout=60, trust_env=False)
        answer.raise_for_status()  # whatever was done to it, it serves


def main() -> None:
    """Run every part, or those that are named; exit 1 if one of them broke its promise."""
    parts: dict[str, tuple[dict[str, object], Callable[[RunningServer], bool | Coroutine[None, None, bool]]]] = {
        "overload": ({}, lambda server: overload(server, 10 * int(server.metric("text_eraser_slots")) * 5)),
        "saturation": ({"deadline_s": 600}, lambda server: saturation(server, 3)),
        "slow": ({}, lambda server: slow_clients(server, 500)),
        "queued": ({"queue_per_slot": 50, "slots": 2}, lambda server: queued_drops(server, 100)),
        "running": ({}, lambda server: running_drops(server, 100)),
        "deadline": ({}, lambda server: deadline(server, 5)),
    }
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*parts, []])
    wanted = parser.parse_args().parts
    load_1min = os.getloadavg()[0]
    say(f"{len(os.sched_getaffinity(0))} cores, load average before {load_1min:.1f}")
    broken = []
    for name, (settings, work) in parts.items():
        with part(name, wanted, **settings) as server:
            if server is None:
                continue
            kept = work(server)
            if not isinstance(kept, bool):
                kept = asyncio.run(_awaited(kept))
            if not kept:
                broken.append(name)
                say(f"  {name}: NOT kept")
    sys.exit(f"not kept: {', '.join(broken)}" if broken else 0)


async def _awaited(work: Coroutine[None, None, bool]) -> bool:
    return await work


if __name__ == "__main__":
    main()
