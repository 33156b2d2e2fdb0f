"""Where the parts meet: settings become an Eraser, workers and routes. Nothing here does any work itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any

import cv2
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from threadpoolctl import threadpool_limits

from service.api import batch, detect, erase, inpaint, meta, segment
from service.api.jobs import Backend, Limits
from service.api.pages import PAGE_PATHS, add_docs, add_page, describe
from service.api.problems import Problems, http_exception, validation_error
from service.bundle import bundled
from service.eraser import Eraser
from service.http.middleware import Admission, Held, Sight
from service.http.security import BearerTokens, cors
from service.inpainter import Inpainter
from service.segmenter import TextSegmenter
from service.session import Session
from service.settings import Settings
from service.store import ModelStore, Task
from service.telemetry import Telemetry
from service.workers import Workers


def open_store(settings: Settings) -> ModelStore:
    """The model store that the settings name, else the one that came with us. Raises ModelStoreError."""
    return ModelStore.open(settings.model_store or bundled("model_store"))


def open_sessions(store: ModelStore, *, threads: int) -> dict[str, Session]:
    """Every graph of the store by name: verified, opened and warm. Raises ModelStoreError."""
    sessions = {model.name: Session(model, store.read(model), threads=threads) for model in store.models}
    for session in sessions.values():
        session.warm_up()
    return sessions


def build_eraser(settings: Settings, store: ModelStore) -> Eraser:
    """The pipeline on the graphs of `store`. Raises ModelStoreError."""
    cv2.setNumThreads(settings.intra_threads)
    # Numpy's matrix products would else take a thread of every core of the host, whatever this process may use.
    threadpool_limits(settings.intra_threads, user_api="blas")
    sessions = open_sessions(store, threads=settings.intra_threads)

    def of(task: Task) -> list[Session]:
        return [session for session in sessions.values() if session.model.task == task]

    return Eraser(
        {session.model.name: TextSegmenter(session) for session in of("segmentation")},
        {session.model.name: Inpainter(session) for session in of("inpainting")},
        max_pixels=settings.max_pixels,
    )


def create_app(
    settings: Settings,
    *,
    eraser: Eraser | None = None,
    store: ModelStore | None = None,
    on_failure: Callable[[], None] = lambda: None,
    at_rest: Callable[[], None] = lambda: None,
) -> FastAPI:
    """The application. With `eraser` and `store` it is ready at once, else after its lifespan has loaded them.

    `on_failure` is called if that fails; the reason is then at `app.state.backend.failure`. `at_rest` is called when
    no image has been worked on for a second.
    """
    archives = Held()
    workers = Workers(
        slots=settings.slot_count,
        queue_size=settings.queue_size,
        memory_bytes=settings.image_memory_bytes,
        held_bytes=lambda: archives.bytes,
        at_rest=at_rest,
    )
    telemetry = Telemetry()
    telemetry.watch(workers, memory_limit_bytes=settings.memory_limit_bytes)
    backend = Backend(
        workers=workers,
        telemetry=telemetry,
        limits=Limits(
            max_bytes=settings.max_bytes,
            max_batch_bytes=settings.max_batch_bytes,
            max_pixels=settings.max_pixels,
            deadline_s=settings.deadline_s,
        ),
    )
    if eraser is not None and store is not None:
        _make_ready(backend, store, eraser)
    app = FastAPI(
        title="Text Eraser",
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json" if settings.docs else None,
        redirect_slashes=False,
        lifespan=_lifespan(settings, backend, on_failure, at_rest),
        middleware=_layers(settings, backend, archives),
        exception_handlers={HTTPException: http_exception, RequestValidationError: validation_error},
        telemetry={
            "tracing": settings.telemetry,
            "metrics": settings.telemetry,
            "logs": settings.telemetry,
            "auto_configure": settings.telemetry,
        },
    )
    app.state.backend = backend
    for module in (erase, segment, detect, inpaint, batch, meta):
        app.include_router(module.router, prefix="/v1")
        app.include_router(module.router, include_in_schema=False)
    app.include_router(meta.root_router)
    add_page(app)
    if settings.docs:
        add_docs(app)
    app.openapi = partial(describe, app)  # type: ignore[method-assign]
    return app


def _layers(settings: Settings, backend: Backend, archives: Held) -> list[Middleware]:
    """Outermost first: what is seen and answered whatever happens below, then who may enter, then how many."""
    layers = [Middleware(Sight, telemetry=backend.telemetry)]
    if settings.cors_origins:
        layers.append(cors(settings.cors_origins))
    layers.append(Middleware(Problems, telemetry=backend.telemetry))
    if settings.tokens:
        layers.append(
            Middleware(
                BearerTokens,
                tokens=[token.get_secret_value() for token in settings.tokens],
                open_paths=PAGE_PATHS | ({"/metrics"} if settings.metrics_public else set()),
            )
        )

    def admission(counts: Callable[[str], bool], max_requests: int, max_bytes: int, **limits: Any) -> Middleware:
        return Middleware(
            Admission,
            max_requests=max_requests,
            max_bytes=max_bytes,
            retry_after_s=lambda: backend.workers.retry_after_s,
            counts=counts,
            **limits,
        )

    def is_batch(path: str) -> bool:
        return path in batch.PATHS

    def is_other(path: str) -> bool:
        return path not in batch.PATHS

    # Counted apart, so that a large chapter never keeps a single page out.
    pages = admission(is_other, settings.max_requests, settings.max_bytes, max_held_bytes=settings.max_held_bytes)
    chapters = admission(
        is_batch, settings.max_batches, settings.max_batch_bytes, max_held_bytes=settings.max_batch_bytes, held=archives
    )
    return [*layers, pages, chapters]


def _lifespan(
    settings: Settings, backend: Backend, on_failure: Callable[[], None], at_rest: Callable[[], None]
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    def load() -> None:
        store = open_store(settings)
        eraser = build_eraser(settings, store)
        at_rest()  # opening a graph takes more memory than holding it
        _make_ready(backend, store, eraser)

    async def load_apart() -> None:
        try:
            # In a thread: opening graphs takes seconds, and /healthz answers meanwhile.
            await asyncio.to_thread(load)
        except Exception as exc:  # noqa: BLE001  whatever it is, it stops the start
            backend.state, backend.failure = "failed", exc
            on_failure()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        loading = None if backend.ready else asyncio.create_task(load_apart())
        yield
        if loading is not None:
            await loading
        backend.state = "draining"
        await backend.workers.close()

    return lifespan


def _make_ready(backend: Backend, store: ModelStore, eraser: Eraser) -> None:
    backend.store, backend.eraser = store, eraser
    backend.telemetry.show_models(store.models)
    backend.state = "ready"
