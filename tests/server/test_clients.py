"""Clients that others generate from the committed OpenAPI document erase a page."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.server.conftest import ROOT, ServerProcess, page

pytestmark = pytest.mark.slow

DOCUMENT = ROOT / "openapi" / "openapi.json"
STEP_S = 240.0

PYTHON_CLIENT = """
import base64, io, sys, zipfile
from text_eraser_client import Client
from text_eraser_client.api.chapters import erase_chapter
from text_eraser_client.api.images import detect, erase, inpaint
from text_eraser_client.models import ChapterForm, DetectForm, EraseForm, EraseFormOutput, EraseFormSfx, InpaintForm
from text_eraser_client.types import File

address, source, target, area = sys.argv[1:]
client = Client(base_url=address)
def upload():
    return File(payload=io.BytesIO(open(source, "rb").read()), file_name="page.png", mime_type="image/png")
found = detect.sync(client=client, body=DetectForm(image=upload()))
form = EraseForm(image=upload(), output=EraseFormOutput.BOTH, sfx=EraseFormSfx.ERASE, include="[[0, 0, 200, 400]]")
answer = erase.sync(client=client, body=form)
assert len(answer.regions) <= len(found.regions)
open(target, "wb").write(base64.b64decode(answer.image))

mask = File(payload=open(area, "rb"), file_name="area.png", mime_type="image/png")
form = EraseForm(image=upload(), output=EraseFormOutput.BOTH, sfx=EraseFormSfx.ERASE, include=mask)
assert erase.sync(client=client, body=form).image == answer.image

mask = File(payload=io.BytesIO(base64.b64decode(answer.mask)), file_name="mask.png", mime_type="image/png")
assert inpaint.sync(client=client, body=InpaintForm(image=upload(), mask=mask)).payload.read().startswith(b"\\x89PNG")

chapter = io.BytesIO()
with zipfile.ZipFile(chapter, "w") as archive:
    archive.write(source, "1.png")
body = ChapterForm(archive=File(payload=io.BytesIO(chapter.getvalue()), file_name="a.cbz", mime_type="application/zip"))
with zipfile.ZipFile(erase_chapter.sync(client=client, body=body).payload) as archive:
    assert archive.namelist() == ["1.png", "report.json"]
"""

TYPESCRIPT_CLIENT = """
import { readFileSync, writeFileSync } from "node:fs";
import createClient from "openapi-fetch";
import type { paths } from "./schema.js";

const [address, source, target] = process.argv.slice(2);
const client = createClient<paths>({ baseUrl: address });
const { data, error } = await client.POST("/v1/erase", {
  body: { image: "", output: "both", sfx: "erase", include: "[[0, 0, 200, 400]]" } as never,
  bodySerializer: (fields: unknown) => {
    const form = new FormData();
    for (const [name, value] of Object.entries(fields as Record<string, string>)) form.append(name, value);
    form.set("image", new Blob([readFileSync(source)]), "page.png");
    return form;
  },
});
if (error || typeof data === "string") throw new Error(JSON.stringify(error ?? "no JSON"));
const erased = data;
if (erased.regions.some((region) => region.score > 1)) throw new Error("score");
writeFileSync(target, Buffer.from(erased.image, "base64"));
"""


@pytest.fixture
def upload(tmp_path: Path) -> Path:
    """A page of text."""
    path = tmp_path / "page.png"
    path.write_bytes(page(400, 400))
    return path


def run(*words: object, folder: Path) -> None:
    """Run a command; its words are the failure's."""
    done = subprocess.run(  # noqa: S603  our own commands
        [str(word) for word in words], cwd=folder, capture_output=True, text=True, timeout=STEP_S, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]


def check_erased(result: Path, upload: Path) -> None:
    """The included half lost its text, the other half is as it was."""
    before, after = (np.asarray(Image.open(io.BytesIO(path.read_bytes())).convert("L")) for path in (upload, result))
    assert before.shape == after.shape
    assert np.count_nonzero(after[:, :195] < 128) < 0.1 * np.count_nonzero(before[:, :195] < 128)
    assert np.array_equal(before[:, 200:], after[:, 200:])


def test_a_generated_python_client_erases_a_page(server: ServerProcess, upload: Path, tmp_path: Path) -> None:
    """`openapi-python-client` in an environment of its own; each image route with what it generated, without a loss."""
    environment = tmp_path / "venv"
    run(sys.executable, "-m", "venv", environment, folder=tmp_path)
    python = environment / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", "openapi-python-client>=0.26,<1", folder=tmp_path)
    generator = environment / "bin" / "openapi-python-client"
    options = tmp_path / "generator.json"
    options.write_text(json.dumps({"post_hooks": []}), encoding="utf-8")
    words = ["--fail-on-warning", "--config", options, "--path", DOCUMENT, "--output-path", "made"]
    run(generator, "generate", *words, folder=tmp_path)
    made = tmp_path / "made"
    area = tmp_path / "area.png"
    Image.fromarray(np.repeat(np.uint8([[255, 0]]), 200, axis=1).repeat(400, axis=0)).save(area)
    run(python, "-W", "error", "-m", "compileall", "-q", made / "text_eraser_client", folder=tmp_path)
    (made / "main.py").write_text(PYTHON_CLIENT, encoding="utf-8")

    run(python, "main.py", server.url, upload, tmp_path / "result.png", area, folder=made)

    check_erased(tmp_path / "result.png", upload)


@pytest.mark.skipif(shutil.which("npm") is None, reason="Node.js with npm is not installed")
def test_a_generated_typescript_client_compiles_and_erases_a_page(
    server: ServerProcess, upload: Path, tmp_path: Path
) -> None:
    """`openapi-typescript` with `openapi-fetch`, compiled in strict mode, run by Node."""
    folder = tmp_path / "client"
    folder.mkdir()
    (folder / "package.json").write_text('{"type": "module", "private": true}', encoding="utf-8")
    (folder / "main.ts").write_text(TYPESCRIPT_CLIENT, encoding="utf-8")
    packages = ["openapi-typescript@7", "typescript@5", "openapi-fetch@0", "@types/node@20"]
    run("npm", "install", "--silent", "--no-audit", "--no-fund", *packages, folder=folder)
    tools = folder / "node_modules" / ".bin"
    run(tools / "openapi-typescript", DOCUMENT, "-o", "schema.d.ts", folder=folder)
    strict = ["--strict", "--module", "nodenext", "--target", "es2022", "--lib", "es2022,dom"]
    run(tools / "tsc", *strict, "main.ts", folder=folder)

    run("node", "main.js", server.url, upload, tmp_path / "result.png", folder=folder)

    check_erased(tmp_path / "result.png", upload)
