"""Text Eraser: a microservice that removes text from images."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("text-eraser")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0.0.0"

INTERRUPTED = 130
"""Exit code of a command that was interrupted. As shells have it: 128 and the number of the signal."""
