"""Where the files lie that came with us: models, the web page. Opens none of them."""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).parent


def bundled(name: str) -> Path:
    """The folder `name` of an installed package, else of a source tree; it need not exist."""
    installed = HERE / "_data" / name
    return installed if installed.exists() else HERE.parent / name
