"""Ask a running server for its health. `python -m service.health` is `text-eraser health` in a quarter of its memory.

A container is asked twice a minute, and what asks counts against the container's memory: no graph, no decoder and no
web framework is loaded here.
"""

from __future__ import annotations

import sys

import click
import httpx

from service.commands import read_settings, say

UNWELL = 1


@click.command("health")
@click.option("--host", help="Address to ask [TEXT_ERASER_HOST, default: 127.0.0.1].")
@click.option("--port", type=click.IntRange(1, 65_535), help="Port [TEXT_ERASER_PORT, default: 8000].")
@click.option("--live", is_flag=True, help="Ask whether the process lives, not whether it is ready.")
@click.option("--timeout", "timeout_s", type=click.FloatRange(0.1, 60), default=3.0, help="Seconds [default: 3].")
def health_command(host: str | None, port: int | None, timeout_s: float, *, live: bool) -> None:
    """Ask a running server for its health; exit code 0 if it is well."""
    settings = read_settings(host=host, port=port)
    address = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104  read, not bound
    url = f"http://{f'[{address}]' if ':' in address else address}:{settings.port}/{'healthz' if live else 'readyz'}"
    try:
        response = httpx.get(url, timeout=timeout_s, trust_env=False)
    except httpx.HTTPError as exc:
        say(f"{url}: {exc}")
        sys.exit(UNWELL)
    click.echo(response.text)
    sys.exit(0 if response.is_success else UNWELL)


if __name__ == "__main__":
    health_command()
