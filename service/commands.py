"""What all commands share: settings read, or refused in one way. Nothing heavy is loaded here (see `health`)."""

from __future__ import annotations

import sys
from typing import NoReturn

import click
from pydantic import ValidationError

from service.settings import Settings, explain

NOT_UNDERSTOOD = 2
"""The exit code of a command that was given what cannot be."""


def read_settings(**given: object) -> Settings:
    """The settings of the environment, and over them what the command line says (None: nothing).

    Ends the process with NOT_UNDERSTOOD where one of them cannot be.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as exc:
        refuse(explain(exc))


def refuse(reason: str) -> NoReturn:
    """Say why on standard error, and end the process with NOT_UNDERSTOOD."""
    say(reason)
    sys.exit(NOT_UNDERSTOOD)


def say(text: str) -> None:
    """A line on standard error, with our name before it."""
    click.echo(f"text-eraser: {text}", err=True)
