"""Every knob: read from the environment, kept in its range, described."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from service.settings import MIB, Settings, explain


def test_defaults_serve_locally_without_tokens_or_cors() -> None:
    """Nothing is open that was not asked for."""
    settings = Settings()

    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.tokens == ()
    assert settings.cors_origins == ()
    assert settings.slot_count >= 1
    assert settings.queue_size == 4 * settings.slot_count
    assert settings.image_memory_bytes > 0


def test_values_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """`TEXT_ERASER_*` is read; lists are comma-separated; tokens do not show."""
    monkeypatch.setenv("TEXT_ERASER_SLOTS", "3")
    monkeypatch.setenv("TEXT_ERASER_QUEUE_PER_SLOT", "2")
    monkeypatch.setenv("TEXT_ERASER_TOKENS", "first, second,")
    monkeypatch.setenv("TEXT_ERASER_CORS_ORIGINS", "https://a.example,https://b.example")

    settings = Settings()

    assert (settings.slot_count, settings.queue_size) == (3, 6)
    assert [token.get_secret_value() for token in settings.tokens] == ["first", "second"]
    assert settings.cors_origins == ("https://a.example", "https://b.example")
    assert "first" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", "70000"), ("DEADLINE_S", "0"), ("SLOTS", "0"), ("MAX_PIXELS", "many"), ("LOG_LEVEL", "loud")],
)
def test_a_value_out_of_range_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """A mistake stops the start instead of being served."""
    monkeypatch.setenv(f"TEXT_ERASER_{name}", value)

    with pytest.raises(ValidationError, match=name.lower()):
        Settings()


@pytest.mark.parametrize("given", [{"max_bytes": 300 * MIB}, {"max_held_bytes": 16 * MIB}])
def test_one_body_of_the_largest_size_can_be_held(given: dict[str, int]) -> None:
    """Else it would be answered 503 with `Retry-After` for ever; the reason names both settings."""
    with pytest.raises(ValidationError) as refused:
        Settings(**given)

    assert "TEXT_ERASER_MAX_HELD_BYTES: " in explain(refused.value)
    assert "TEXT_ERASER_MAX_BYTES" in explain(refused.value)
    assert Settings(max_bytes=300 * MIB, max_held_bytes=300 * MIB).max_bytes == 300 * MIB


@pytest.mark.parametrize(("name", "value"), [("HOST", ""), ("TOKENS", " "), ("TOKENS", ",\n"), ("CORS_ORIGINS", ",")])
def test_a_value_of_nothing_opens_nothing(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """An empty host is every address of the machine, and tokens of blanks are none: both opened it without a word."""
    monkeypatch.setenv(f"TEXT_ERASER_{name}", value)

    with pytest.raises(ValidationError, match=name.lower()):
        Settings()


def test_settings_are_frozen() -> None:
    """Nothing changes them after the start."""
    with pytest.raises(ValidationError):
        Settings().port = 1  # type: ignore[misc]


def test_every_setting_says_what_it_means() -> None:
    """The README's table is made of these descriptions."""
    undescribed = [name for name, field in Settings.model_fields.items() if len(field.description or "") < 15]

    assert not undescribed
