"""libvips through pyvips, where both are there and libvips knows JPEG XL: an optional extra that brings no libvips."""

from __future__ import annotations

import ctypes
import os
import sys
from functools import cache
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import Any

_OPERATIONS = ("jxlload_buffer", "jxlsave_buffer")
_HOME = "VIPSHOME"
_ONE_AT_A_TIME = Lock()
_BIND_LOCAL = 2
"""G_MODULE_BIND_LOCAL of GModule."""


@cache
def library() -> Any:
    """The module `pyvips`, set up; None where it, libvips or libvips' JPEG XL is missing."""
    try:
        with _ONE_AT_A_TIME:
            vips = _import_alone() if sys.platform == "linux" else import_module("pyvips")
    except (ImportError, OSError):  # OSError: pyvips is there, libvips is not
        return None
    if not all(vips.type_find("VipsOperation", name) for name in _OPERATIONS):
        return None
    vips.cache_set_max(0)  # nobody's picture is held after its request
    vips.concurrency_set(1)  # the slots share the cores out
    vips.operation_block_set("VipsForeignLoad", state=True)
    vips.operation_block_set("VipsForeignLoadJxl", state=False)  # of its many readers this alone is ever asked
    return vips


def _import_alone() -> Any:
    """Import pyvips, and of libvips' modules only that for JPEG XL, its symbols seen by nobody else.

    By itself libvips loads all of them for the whole process to see: the system's libheif then stands in for the one
    that pillow-heif brings, and the first HEIC ends the process (libvips 8.14, pillow-heif 1.8.1).
    """
    before = os.environ.get(_HOME)
    os.environ[_HOME] = os.devnull  # where it looks for modules when it starts
    try:
        vips = import_module("pyvips")
    finally:
        os.environ.pop(_HOME)
        if before is not None:
            os.environ[_HOME] = before
    mapped = (line.split()[-1] for line in Path("/proc/self/maps").read_text(encoding="utf-8").splitlines())
    at = next((Path(path) for path in mapped if "/libvips.so" in path), None)
    module = at and at.parent / f"vips-modules-{vips.version(0)}.{vips.version(1)}" / "vips-jxl.so"
    if module and module.exists():
        ctypes.CDLL("libgmodule-2.0.so.0").g_module_open(bytes(module), _BIND_LOCAL)
    return vips
