import pytest

from training.data import words
from training.data.assets import Face
from training.data.dice import Dice


@pytest.mark.parametrize("language", ["ja", "en", "ko", "zh", "ru"])
def test_only_characters_of_the_font_are_written(language):
    """Whatever is composed, no character is missing in the font, and something is always written."""
    face = Face("few", language, "dlg", "ABCabcいんう俺나我я.!", b"")
    dice = Dice(1)
    for make in (lambda: words.phrase(dice, face, 12), lambda: words.sound(dice, face), lambda: words.name(dice, face),
                 lambda: words.prose(dice, face, 80), lambda: words.credit(dice, face)):  # fmt: skip
        for _ in range(20):
            text = make()

            assert text.strip()
            assert set(text) <= face.known | {" ", "\n"}
