import numpy as np
import pytest

from training.data import textures
from training.data.textures import DRAWERS, texture


@pytest.mark.parametrize("name", [drawer.__name__ for drawer in DRAWERS])
def test_every_texture_shows_something(name):
    """Each drawer leaves ink on its ground."""
    drawn = texture(name, 1)

    assert drawn.shape == (640, 640)
    assert drawn.dtype == np.uint8
    assert drawn.std() > 0


def test_a_texture_depends_on_name_and_number_only():
    """Drawn again after others, a texture is the same."""
    before = texture("hands", 2).copy()
    texture.cache_clear()
    texture("faces", 2)

    assert np.array_equal(before, texture("hands", 2))


def test_named_groups_name_real_textures():
    """Overlays and look-alikes are textures that exist."""
    assert set(textures.OVERLAYS) | set(textures.LOOKALIKES) <= {drawer.__name__ for drawer in DRAWERS}
