"""Who may call: bearer tokens, and the web pages whose origin is allowed."""

from __future__ import annotations

import hmac
from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from service.errors import Unauthorized

ALWAYS_OPEN = frozenset({"/healthz", "/readyz", "/docs", "/openapi.json"})
"""Health, because orchestrators bear no token; the documentation, because it holds no secret."""
OPEN_FILES = "/docs/assets/"
EXPOSED_HEADERS = (
    "X-Regions",
    "X-Mask-Share",
    "X-Model",
    "X-Residual",
    "X-Fidelity",
    "X-Untouched-SHA256",
    "X-Pages",
    "Server-Timing",
    "X-Request-ID",
    "Retry-After",
)


class BearerTokens:
    """Asks for one of the tokens, except on health, readiness, documentation and the paths in `open_paths`."""

    def __init__(self, app: ASGIApp, *, tokens: Sequence[str], open_paths: frozenset[str] = frozenset()) -> None:
        self._app = app
        self._tokens = [token.encode() for token in tokens]
        self._open_paths = ALWAYS_OPEN | open_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request in, or raise Unauthorized."""
        # The raw scope path, never `request.url`, which a Host header can bend.
        if scope["type"] == "http" and not self._open(scope["path"]) and not self._known(Headers(scope=scope)):
            raise Unauthorized("Send `Authorization: Bearer <token>` with a token that this server knows.")
        await self._app(scope, receive, send)

    def _open(self, path: str) -> bool:
        return path in self._open_paths or path.startswith(OPEN_FILES)

    def _known(self, headers: Headers) -> bool:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        given = token.strip().encode("latin-1")  # the very bytes that came: so headers are decoded
        # Every token is compared, each in constant time, so that timing tells nothing.
        matches = [hmac.compare_digest(given, known) for known in self._tokens]
        return scheme.lower() == "bearer" and any(matches)


def cors(origins: Sequence[str]) -> Middleware:
    """Let the pages of these origins call the API and read our headers; never with cookies."""
    return Middleware(
        CORSMiddleware,
        allow_origins=list(origins),
        allow_methods=["GET", "POST"],
        allow_headers=["Authorization", "Content-Type", "X-Request-ID", "X-Request-Timeout"],
        expose_headers=EXPOSED_HEADERS,
    )
