"""The pictures of an asset pack that public packages still give: chosen, checked, drawn small and listed."""

from __future__ import annotations

import io
import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import resvg_py
from PIL import Image

from training.data.public_packages import (
    BuildError,
    Fetch,
    check_source,
    fetch_package,
    fetched,
    notice_name,
    notice_of,
    read_archive,
    read_checked,
    write_archive,
)

MODES = {"icon": "L", "clip": "RGBA", "chara": "RGBA", "emoji": "RGBA", "scene": "RGB", "photo": "RGB"}
"""Kinds of pictures, and what `assets` reads each as; an icon is the alpha of a black shape."""
_CHANNELS = {"L": "L (alpha shape)"}
_QUALITY = 80
_ABOUT = """# Art: sources and licences

Every entry of `art.json` names its `source` and `licence`. All pictures were drawn small, or scaled down and re-encoded
("changes were made"). The texts that came with the packages are in `notices.tar.xz`.
"""
_HEADS = """
| source in art.json | what | licence | attribution that has to be given |
|---|---|---|---|
"""


@dataclass(frozen=True)
class PublicArt:
    """Pictures of one kind, maker and licence in a public package. Raises BuildError if it makes no sense."""

    package: str
    """`apt:NAME`, `npm:NAME@VERSION` or `pypi:NAME==VERSION`."""
    sha256: str
    """Of the collection, or of the named files one after another."""
    kind: str
    longest_px: int
    """The longer side is at most this; an icon is drawn so large before its margins are cut off."""
    source: str
    """As art.json says it; a folder or author in a name is appended."""
    listed: str
    what: str
    licence: str
    credit: str
    names: tuple[str, ...]
    folder: str = ""
    suffix: str = ""
    icons: str = ""
    """A collection in Iconify's JSON; empty if each picture is a file."""

    def __post_init__(self) -> None:
        check_source(self.package, self.sha256)
        if self.kind not in MODES:
            raise BuildError(f"{self.package}: kind is {self.kind!r}; expected one of {', '.join(MODES)}")
        if not self.names or len(set(self.names)) < len(self.names):
            raise BuildError(f"{self.package}: {len(self.names)} names of {self.kind}; expected some, each once")
        if bool(self.folder) == bool(self.icons):
            raise BuildError(f"{self.package}: folder {self.folder!r}, icons {self.icons!r}; expected one of the two")

    def source_of(self, name: str) -> str:
        """`openclipart/animals` of `animals/birds/hen_01`; photographs are a source each."""
        part = name if self.kind == "photo" else name.split("/", maxsplit=1)[0] if "/" in name else ""
        return f"{self.source}/{part}" if part else self.source


def load_art(table: Path) -> tuple[PublicArt, ...]:
    """The pictures of a table. Raises BuildError if an entry makes no sense."""
    rows = tomllib.loads(table.read_text("utf-8"))["art"]
    return tuple(PublicArt(**{**row, "names": tuple(row["names"])}) for row in rows)


ART = load_art(Path(__file__).with_name("public_art.toml"))


def add_art(pack: Path, art: Sequence[PublicArt] = ART, *, fetch: Fetch = fetch_package) -> None:
    """Write `art.bin`, `art.json`, `notices.tar.xz` and `LICENCES.md` into `pack/art`, after what it holds.

    Raises BuildError, naming both checksums, if the pictures are not what they were when they were chosen.
    """
    if not art:
        return
    folder = pack / "art"
    folder.mkdir(parents=True, exist_ok=True)
    blob, index, notices = io.BytesIO(), art_index(pack), {}
    begun = bool(index)
    if begun:
        blob.write((folder / "art.bin").read_bytes())
    for entry, unpacked in fetched(art, fetch):
        for name, whole in (_drawn if entry.icons else _read)(entry, unpacked):
            picture = _fitted(whole, entry)
            offset = blob.tell()
            stored = picture.convert("RGB") if entry.kind == "icon" else picture
            stored.save(blob, "WEBP", quality=_QUALITY)  # the default `method`: 6 takes a hundred times as long
            index.append({"name": name.rsplit("/", 1)[-1], "kind": entry.kind, "offset": offset,
                          "length": blob.tell() - offset, "encoding": "webp",
                          "channels": _CHANNELS.get(picture.mode, picture.mode), "width": picture.width,
                          "height": picture.height, "licence": entry.licence,
                          "source": entry.source_of(name)})  # fmt: skip
        notice = notice_of(unpacked)
        if notice is not None:
            notices[notice_name(entry.package)] = notice
    (folder / "art.bin").write_bytes(blob.getvalue())
    (folder / "art.json").write_text(json.dumps(index, indent=0) + "\n", encoding="utf-8")
    with (folder / "LICENCES.md").open("a", encoding="utf-8") as file:
        file.writelines(_licences(art, begun=begun))
    notices_path = folder / "notices.tar.xz"
    write_archive(notices_path, read_archive(notices_path) | notices)


def art_index(pack: Path) -> list[dict]:
    """What `art.json` lists; nothing if the pack has no art."""
    path = pack / "art" / "art.json"
    return json.loads(path.read_text("utf-8")) if path.exists() else []


def missing_art(pack: Path, art: Sequence[PublicArt] = ART) -> list[PublicArt]:
    """The entries of whose source the pack has not one picture."""
    known = {picture["source"].split("/", 1)[0] for picture in art_index(pack)}
    return [entry for entry in art if entry.source not in known]


def _licences(art: Sequence[PublicArt], *, begun: bool) -> Iterator[str]:
    """The table that `attributions` reads, or one more after what stands there."""
    yield _HEADS if begun else _ABOUT + _HEADS
    for row in dict.fromkeys((entry.listed, entry.what, entry.licence, entry.credit) for entry in art):
        yield f"| {' | '.join(row)} |\n"


def _read(entry: PublicArt, unpacked: Path) -> Iterator[tuple[str, Image.Image]]:
    """Each name with its file's picture."""
    paths = [unpacked / entry.folder / f"{name}{entry.suffix}" for name in entry.names]
    for name, data in zip(entry.names, read_checked(entry.package, paths, entry.sha256), strict=True):
        yield name, Image.open(io.BytesIO(data))


def _drawn(entry: PublicArt, unpacked: Path) -> Iterator[tuple[str, Image.Image]]:
    """Each name with its icon, drawn in its square."""
    (data,) = read_checked(entry.package, [unpacked / entry.icons], entry.sha256)
    collection = json.loads(data)
    for name in entry.names:
        icon = collection["icons"][name.rsplit("/", 1)[-1]]
        yield name, _rendered(icon, collection, entry.longest_px)


def _rendered(icon: Mapping, collection: Mapping, longest_px: int) -> Image.Image:
    """An icon as RGBA, with its view box's longer side at `longest_px`; a shape without a colour is black."""
    left, top = (icon.get(key, collection.get(key, 0)) for key in ("left", "top"))
    width, height = (icon.get(key, collection.get(key, 16)) for key in ("width", "height"))  # Iconify's default is 16
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{left} {top} {width} {height}" width="{width}" '
        f'height="{height}" color="#000">{icon["body"]}</svg>'
    )
    png = resvg_py.svg_to_bytes(svg_string=svg, zoom=longest_px / max(width, height), skip_system_fonts=True)
    return Image.open(io.BytesIO(png)).convert("RGBA")


def _fitted(whole: Image.Image, entry: PublicArt) -> Image.Image:
    """A picture in its kind's mode, without clear margins, not larger than its entry says."""
    mode = MODES[entry.kind]
    if mode == "RGB":
        picture = whole.convert("RGB")
    else:
        picture = whole.convert("RGBA")
        picture = picture.crop(picture.getchannel("A").getbbox())
        picture = picture.getchannel("A") if mode == "L" else picture
    picture.thumbnail((entry.longest_px, entry.longest_px), Image.Resampling.LANCZOS)
    return picture
