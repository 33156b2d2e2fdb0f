"""The web page, the OpenAPI document and the page that shows it: all from our own files, for the network may be off."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from pathlib import Path
from typing import Any

import fastapi_offline
from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from fastapi.staticfiles import StaticFiles
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import Scope

from service.api.schemas import Problem
from service.bundle import bundled

API_VERSION = "1.0.0"
"""Version of the interface, not of the package: changes when the document does."""
ASSETS = Path(fastapi_offline.__file__).parent / "static"
DESCRIPTION = """\
Removes text from images: manga and comic pages first. Upload a picture as `multipart/form-data`, get it back clean.

Every answer that is not 2xx is `application/problem+json` (RFC 9457), but a refused CORS preflight: branch on `type`,
which never changes, not on the words. 503 carries `Retry-After`, unless no waiting helps. Send `X-Request-ID` to find a
request in the log.
"""
WEB = bundled("web")
"""The page at `/`: plain files, sent as they are."""
PAGE_PATHS = frozenset({"/"} | {f"/web/{path.name}" for path in WEB.glob("*.*")})
"""What a browser may fetch without a token: it could not send one before the page is there. Nothing secret is in it."""
PAGE_HEADERS = {
    "Cache-Control": "no-cache",  # kept, and asked about with its ETag each time
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}


class WholeFiles(StaticFiles):
    """Files that are sent whole: a `Range` that Starlette does not like, it refuses in plain text."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, whatever part of it is asked for (RFC 9110, 14.2: a server may ignore `Range`)."""
        scope["headers"] = [(name, value) for name, value in scope["headers"] if name != b"range"]
        return await super().get_response(path, scope)

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """The file, or 304 where the client has it."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers["Accept-Ranges"] = "none"
        return response


class PageFiles(WholeFiles):
    """The files of the web page, with the headers that keep it to itself."""

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """The file, or 304 where the browser has it."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers.update(PAGE_HEADERS)
        return response


def add_page(app: FastAPI) -> None:
    """Serve the web page at `/` and its files under `/web`."""
    files = PageFiles(directory=WEB)

    async def page(request: Request) -> Response:
        return await files.get_response("index.html", request.scope)

    app.add_route("/", page, include_in_schema=False)
    app.mount("/web", files, name="web")


def add_docs(app: FastAPI) -> None:
    """Serve `/openapi.json`, `/docs` and its assets."""
    page = get_swagger_ui_html(
        openapi_url="openapi.json",
        title="Text Eraser",
        swagger_js_url="docs/assets/swagger-ui-bundle.js",
        swagger_css_url="docs/assets/swagger-ui.css",
        swagger_favicon_url="docs/assets/favicon.png",
        swagger_ui_parameters={"deepLinking": True, "defaultModelsExpandDepth": 0},
    )
    page.headers["Content-Security-Policy"] = page_policy(bytes(page.body).decode("utf-8"))

    async def docs() -> HTMLResponse:
        return page

    app.add_api_route("/docs", docs, methods=["GET", "HEAD"], include_in_schema=False)
    app.mount("/docs/assets", WholeFiles(directory=ASSETS), name="docs-assets")


def page_policy(html: str) -> str:
    """A content security policy that runs our own files and the inline scripts of `html`, and nothing else."""
    scripts = re.findall(r"<script>(.*?)</script>", html, flags=re.DOTALL)
    hashes = [base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii") for script in scripts]
    allowed = " ".join(f"'sha256-{digest}'" for digest in hashes)
    return (
        f"default-src 'self'; script-src 'self' {allowed}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
    )


def describe(app: FastAPI) -> dict[str, object]:
    """The OpenAPI document: the same for every deployment, whatever its settings."""
    if not app.openapi_schema:
        document = get_openapi(
            title="Text Eraser",
            version=API_VERSION,
            summary="Removes text from images.",
            description=DESCRIPTION,
            routes=app.routes,
            license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
            tags=[
                {"name": "images", "description": "Pictures in, pictures out."},
                {"name": "server", "description": "What this server is and accepts."},
                {"name": "health", "description": "For orchestrators and monitoring."},
            ],
        )
        components = document.setdefault("components", {})
        components.setdefault("schemas", {})["Problem"] = Problem.model_json_schema()
        _name_forms(document)
        components["securitySchemes"] = {
            "bearer": {"type": "http", "scheme": "bearer", "description": "Only where the server asks for tokens."}
        }
        document["security"] = [{}, {"bearer": []}]
        app.openapi_schema = document
    return app.openapi_schema


def _name_forms(document: dict[str, Any]) -> None:
    """Move each form among the named schemas, so that generated clients have a class `EraseForm`."""
    for methods in document["paths"].values():
        for operation in methods.values():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                schema = content["schema"]
                document["components"]["schemas"][schema["title"]] = schema
                content["schema"] = {"$ref": f"#/components/schemas/{schema['title']}"}
