"""What the tests of training data share: the pack that needs nothing outside the repository, and pages made with it."""

import importlib.util

import pytest

from training.data.assets import AssetPack
from training.data.dice import Dice
from training.data.studio import Studio

if importlib.util.find_spec("pyclipper") is None:  # comes with the training extra
    collect_ignore_glob = ["test_*.py"]


def pytest_collection_modifyitems(items):
    """Everything here is about training."""
    for item in items:
        if "training/data" in item.nodeid:
            item.add_marker(pytest.mark.training)


@pytest.fixture(scope="session")
def pack():
    """The built-in asset pack."""
    return AssetPack.builtin()


@pytest.fixture
def studio(pack):
    """A studio for one grey page."""
    return Studio(pack, Dice(1), page_index=0, grey=True, zoom=1.0)
