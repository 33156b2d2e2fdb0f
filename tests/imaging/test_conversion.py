"""Another format on request: what the target can hold is kept, the rest changes by the README's rule."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pillow_heif
import pytest
from PIL import Image as PillowImage
from PIL import ImageCms

from service.errors import NotEncodable
from service.imaging import codec
from service.imaging.headers import Header

MAX_PIXELS = 4_000_000
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def page() -> np.ndarray:
    image = np.full((40, 60, 3), (250, 244, 230), np.uint8)
    image[5:20, 5:30] = np.linspace(0, 255, 25)[None, :, None].astype(np.uint8)
    return image


def saved(image: np.ndarray | PillowImage.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    (image if isinstance(image, PillowImage.Image) else PillowImage.fromarray(image)).save(buffer, kind, **options)
    return buffer.getvalue()


def converted(data: bytes, target: str, quality: int | None = None) -> tuple[codec.Encoded, PillowImage.Image]:
    picture = codec.decode(data, max_pixels=MAX_PIXELS)
    mask = np.zeros(picture.image.shape[:2], np.uint8)
    mask[25:30, 10:20] = 255
    encoded = codec.encode(picture, np.zeros_like(picture.image), mask=mask, format=target, quality=quality)
    return encoded, PillowImage.open(io.BytesIO(encoded.data))


@pytest.mark.parametrize("source", ["PNG", "JPEG", "TIFF", "WEBP", "AVIF"])
@pytest.mark.parametrize("target", ["png", "jpeg", "webp"])
def test_profile_exif_and_resolution_go_along(source, target):
    """ICC profile, EXIF fields and resolution reach the other format."""
    exif = PillowImage.Exif()
    exif[0x013B] = "an artist"
    exif[0x011A], exif[0x011B], exif[0x0128] = 300.0, 300.0, 2
    data = saved(page(), source, icc_profile=SRGB, exif=exif.tobytes(), dpi=(300, 300))

    encoded, image = converted(data, target)

    assert encoded.media_type == f"image/{target}"
    assert image.info["icc_profile"] == SRGB
    assert image.getexif()[0x013B] == "an artist"
    assert image.getexif()[0x011A] == 300
    if target != "webp" and source in {"PNG", "JPEG", "TIFF"}:
        assert image.info["dpi"] == pytest.approx((300, 300), abs=0.1)


@pytest.mark.parametrize("target", ["png", "jpeg", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_converted_picture_stands_upright_by_itself(target, orientation):
    """The samples are turned and the tag says so: not every viewer obeys the tag in every format."""
    exif = PillowImage.Exif()
    exif[0x0112] = orientation
    data = saved(page(), "TIFF", exif=exif)
    upright = codec.decode(data, max_pixels=MAX_PIXELS).image

    _, image = converted(data, target)

    assert image.getexif().get(0x0112, 1) == 1
    difference = np.abs(np.asarray(image.convert("RGB")).astype(int) - upright)
    assert difference.mean() < 8


@pytest.mark.parametrize("target", ["png", "jpeg", "webp"])
def test_an_orientation_stored_as_long_is_not_obeyed_twice(target):
    """Some writers use four bytes for it: the picture was turned, and its tag still said that it is to be turned."""
    exif = b"Exif\0\0MM\0*" + struct.pack(">IHHHIII", 8, 1, 0x0112, 4, 1, 6, 0)
    data = saved(page(), "WEBP" if target == "jpeg" else "JPEG", exif=exif)

    _, image = converted(data, target)

    assert image.size == (40, 60)
    assert image.getexif()[0x0112] == 1


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_files_own_format_is_the_same_as_same(kind):
    """Named or not, it is written back into the file it came from: in stored order, with its orientation."""
    exif = PillowImage.Exif()
    exif[0x0112] = 6
    data = saved(page(), kind, exif=exif)

    encoded, image = converted(data, kind.lower())

    assert image.size == (60, 40)
    assert image.getexif()[0x0112] == 6
    assert encoded == converted(data, "same")[0]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_png_holds_every_mode_as_it_is(mode):
    """From TIFF to PNG the mode and every sample outside the mask stay: `exact`."""
    image = (
        PillowImage.fromarray(page()).convert(mode)
        if mode != "I;16"
        else PillowImage.fromarray(np.random.default_rng(1).integers(0, 65536, (40, 60)).astype(np.uint16))
    )

    encoded, after = converted(saved(image, "TIFF"), "png")

    assert (after.mode, encoded.fidelity) == (mode, "exact")
    outside = np.ones((40, 60), bool)
    outside[25:30, 10:20] = False
    assert np.array_equal(np.asarray(after)[outside], np.asarray(image)[outside])


def test_gray_and_cmyk_stay_what_they_are_in_jpeg():
    """JPEG holds gray and CMYK, so they are not made RGB."""
    assert converted(saved(page()[..., 0].copy(), "PNG"), "jpeg")[1].mode == "L"
    assert converted(saved(PillowImage.fromarray(page()).convert("CMYK"), "TIFF"), "jpeg")[1].mode == "CMYK"


def test_cmyk_becomes_srgb_where_the_target_knows_no_inks():
    """PNG and WebP have no CMYK: the picture is shown through its profile and the profile is left out."""
    encoded, image = converted(saved(PillowImage.fromarray(page()).convert("CMYK"), "JPEG", quality=95), "png")

    assert (image.mode, encoded.fidelity) == ("RGB", "reencoded")
    assert np.abs(np.asarray(image)[35:, 35:].astype(int) - (250, 244, 230)).max() <= 3


def test_transparency_is_kept_in_webp_and_laid_on_white_in_jpeg():
    """WebP keeps alpha; JPEG has none, so a transparent pixel becomes white, a half transparent one half white."""
    alpha = np.full((40, 60), 255, np.uint8)
    alpha[:, 40:50], alpha[:, 50:] = 128, 0
    ink = np.zeros((40, 60, 3), np.uint8)
    data = saved(np.dstack([ink, alpha]), "PNG")

    _, webp = converted(data, "webp")
    _, jpeg = converted(data, "jpeg", quality=100)

    assert np.array_equal(np.asarray(webp)[..., 3], alpha)
    shown = np.asarray(jpeg).astype(int)
    assert np.abs(shown[20, [20, 45, 57]].mean(axis=1) - [0, 127, 255]).max() <= 3


def test_webp_is_lossless_where_the_upload_is_and_no_quality_is_asked():
    """PNG to WebP keeps every sample; with a quality it is lossy, as from a JPEG."""
    png, jpeg = saved(page(), "PNG"), saved(page(), "JPEG")

    assert converted(png, "webp")[0].fidelity == "exact"
    assert converted(png, "webp", quality=80)[0].fidelity == "reencoded"
    assert converted(jpeg, "webp")[0].fidelity == "reencoded"
    assert b"VP8L" in converted(png, "webp")[0].data[:40]


def test_quality_changes_the_size_of_a_jpeg():
    """A lower quality gives a smaller file, also for a JPEG that is written back as JPEG."""
    image = np.random.default_rng(2).integers(0, 256, (40, 60, 3)).astype(np.uint8)
    data = saved(image, "JPEG", quality=95)

    assert len(converted(data, "same", quality=30)[0].data) < len(converted(data, "same")[0].data) / 2


@pytest.mark.parametrize(
    ("width", "target", "fits"),
    [
        (16_383, "webp", True),
        (16_384, "webp", False),
        (65_500, "jpeg", True),
        (65_501, "jpeg", False),
        (100_000, "png", True),
        (100_000, "same", True),
    ],
)
def test_sizes_that_a_format_cannot_hold_are_refused_up_front(width, target, fits):
    """The header alone tells whether the output format can hold the picture."""
    header = Header("png", width, 10, "RGB", 8)

    if fits:
        codec.check_encodable(header, target)
    else:
        with pytest.raises(NotEncodable, match=f"{width} x 10 px"):
            codec.check_encodable(header, target)


def test_longest_webp_and_jpeg_can_really_be_written():
    """The limits that are promised are those of the encoders."""
    for target, side in (("webp", 16_383), ("jpeg", 65_500)):
        _, image = converted(saved(np.full((32, side), 200, np.uint8), "PNG"), target)
        assert image.size == (side, 32)


WIDE = {"cICP": b"\x0c\x10\0\1", "gAMA": struct.pack(">I", 100_000), "cHRM": struct.pack(">8I", *range(8))}


def marked(*chunks: tuple[str, bytes]) -> bytes:
    """A PNG whose colours mean what the chunks say."""
    extra = (
        struct.pack(">I", len(v)) + k.encode() + v + struct.pack(">I", zlib.crc32(k.encode() + v)) for k, v in chunks
    )
    data = saved(page(), "PNG")
    return data[:33] + b"".join(extra) + data[33:]


@pytest.mark.parametrize("kind", WIDE)
def test_a_picture_that_would_mean_other_colours_is_not_called_exact(kind):
    """WebP cannot say what cICP, gAMA and cHRM say: the samples are kept, and shown as others."""
    encoded, _ = converted(marked((kind, WIDE[kind])), "webp")

    assert encoded.fidelity == "reencoded"
    assert converted(marked((kind, WIDE[kind])), "png")[0].fidelity == "exact"


@pytest.mark.parametrize(
    "chunks",
    [
        [("gAMA", struct.pack(">I", 45_450))],
        [("cHRM", struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000))],
        [("cICP", b"\1\x0d\0\1")],
        [("sRGB", b"\0"), ("gAMA", WIDE["gAMA"])],
        [("gAMA", b"")],
    ],
    ids=["gamma", "primaries", "codes", "overridden", "damaged"],
)
def test_colours_that_mean_srgb_stay_exact(chunks):
    """As what says nothing is shown."""
    assert converted(marked(*chunks), "webp")[0].fidelity == "exact"


def test_what_an_avif_means_goes_into_a_png():
    """Primaries and transfer of wide colours become cICP; a profile stands for itself, and sRGB needs no word."""
    plain = saved(page(), "AVIF")
    at = plain.index(b"nclx") + 4
    wide = plain[:at] + b"\0\x0c\0\x10" + plain[at + 4 :]

    assert b"cICP\x0c\x10\0\1" in converted(wide, "png")[0].data
    assert b"cICP" not in converted(plain, "png")[0].data


def test_what_a_heic_means_goes_into_a_png():
    """So do those of HEIC."""
    file = pillow_heif.from_bytes(mode="RGB", size=(64, 64), data=bytes(64 * 64 * 3))
    wide = {"color_primaries": 9, "transfer_characteristics": 16, "matrix_coefficients": 9, "full_range_flag": 1}
    file[0].info["nclx_profile"] = wide
    buffer = io.BytesIO()
    file.save(buffer, quality=95)

    assert b"cICP\x09\x10\0\1" in converted(buffer.getvalue(), "png")[0].data
