from training.data.pages import make_page
from training.data.sheet import contact_sheet


def test_a_sheet_has_a_row_of_three_for_each_page(pack):
    """Raw, clean and mask stand side by side; the last row is filled up."""
    pages = [make_page(pack, index, size_px=96) for index in range(3)]

    assert contact_sheet(pages, columns=2, side_px=48).shape == (96, 2 * 3 * 48, 3)
