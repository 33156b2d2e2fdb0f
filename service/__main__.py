"""`python -m service` is `text-eraser`."""

from __future__ import annotations

import sys

from service import INTERRUPTED


def main() -> None:
    """Run the command line. Its parts take a second to import: who interrupts that gets no stack."""
    try:
        from service.cli import main as command  # noqa: PLC0415  the import is what is guarded
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    command()


if __name__ == "__main__":
    main()
