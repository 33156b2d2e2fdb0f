"""Forms: files and options read into memory, checked, described. Nothing is ever written to disk."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any, BinaryIO, Generic, Literal, NoReturn, TypeVar

from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from service.errors import ClientGone, EmptyFile, InvalidOption, MalformedForm, MissingPart, WrongContentType
from service.options import ONE_PAGE_ONLY, OR_A_FILE, ChapterOptions, EraseOptions, Options
from service.shapes import MAX_JSON_CHARACTERS, json_in

O = TypeVar("O", bound=Options)  # noqa: E741  an option set

Masks = Mapping[str, Literal["optional", "required"]]
"""File parts beside `image`, all of them masks."""
ERASE_MASKS: Masks = {"mask": "optional", "include": "optional", "exclude": "optional"}
INPAINT_MASKS: Masks = {"mask": "required"}
NO_MASKS: Masks = {}

MAX_FILES = 4
MAX_FIELDS = 64
MAX_FIELD_BYTES = MAX_JSON_CHARACTERS
"""Room for a list of regions; every other field is a word."""
ACCEPTED_FILES = (
    "image/png, image/jpeg, image/webp, image/avif, image/tiff, image/bmp, image/gif, image/heic, image/jxl"
)


@dataclass(frozen=True)
class Form(Generic[O]):
    """A form that was read and checked."""

    image: bytes
    masks: Mapping[str, bytes]
    """The mask files that came, by part."""
    options: O


class _MemoryParser(MultiPartParser):
    """Starlette's parser; keeps files in memory, reads names as UTF-8, and refuses a form whose end never came."""

    spool_max_size = 0  # 0 is "no limit": the root file system may be read-only
    _ended = False

    @property
    def _charset(self) -> str:
        """UTF-8, whatever `Content-Type` says: some of Python's codecs raise what nobody expects, some take minutes."""
        return "utf-8"

    @_charset.setter
    def _charset(self, named: str) -> None:
        """Let the parser set what nobody reads: multipart/form-data has no such parameter (RFC 7578, 8)."""

    def on_end(self) -> None:
        self._ended = True

    async def parse(self) -> FormData:
        data = await super().parse()
        if not self._ended:
            for file in self._files_to_close_on_error:
                file.close()
            raise MultiPartException("The form is cut off: its closing boundary is missing.")
        return data


async def read_form(request: Request, kind: type[O], *, masks: Masks = NO_MASKS) -> Form[O]:
    """Read the whole form: `image`, perhaps `masks`, and the options of `kind`; an empty field counts as not given.

    Raises WrongContentType, and InvalidOption for options in the query, before anything is read; then MalformedForm,
    MissingPart, EmptyFile, InvalidOption, ClientGone, and what the admission layer raises while the body comes in.
    """
    _check_content_type(request)
    _check_query(request, {"image", *masks, *kind.model_fields})
    data = await _parse(request)
    try:
        return await _checked(data, kind, masks)
    finally:
        await data.close()


async def read_archive(request: Request, open_files: ExitStack) -> tuple[BinaryIO, EraseOptions, ChapterOptions]:
    """Read a form with an `archive`, the options of its pages and those of the chapter.

    The archive stays in the form's own memory, without a copy, for as long as `open_files` is not closed.
    Raises as `read_form` does.
    """
    _check_content_type(request)
    _check_query(request, {"archive", *EraseOptions.model_fields, *ChapterOptions.model_fields})
    data = await _parse(request)
    for _, value in data.multi_items():
        if isinstance(value, UploadFile):
            open_files.enter_context(closing(value.file))
    _check_not_repeated(data)
    fields = {name: value for name, value in data.items() if isinstance(value, str) and value and name != "archive"}
    if strange := sorted(ONE_PAGE_ONLY & set(fields)):
        raise InvalidOption(f"For one page only, not for a chapter: {', '.join(strange)}.")
    if other := [name for name, value in data.items() if not isinstance(value, str) and name != "archive"]:
        raise InvalidOption(f"There is no file part {other[0][:64]!r} here; expected: archive.", allowed=["archive"])
    part = data.get("archive")
    if not isinstance(part, UploadFile):
        _missing("archive", data)
    if not part.size:
        raise EmptyFile("The file `archive` has 0 bytes.", part="archive")
    own = {name: fields.pop(name) for name in ChapterOptions.model_fields if name in fields}
    allowed = [*ChapterOptions.model_fields, *(name for name in EraseOptions.model_fields if name not in ONE_PAGE_ONLY)]
    return part.file, EraseOptions.parse(fields, allowed=allowed), ChapterOptions.parse(own)


def _check_content_type(request: Request) -> None:
    content_type = request.headers.get("content-type", "")
    if content_type.partition(";")[0].strip().lower() != "multipart/form-data":
        raise WrongContentType(
            f"Content-Type is {content_type[:100]!r}; expected multipart/form-data.", allowed=["multipart/form-data"]
        )
    packed = request.headers.get("content-encoding", "").strip()
    if packed.lower() not in {"", "identity"}:
        raise WrongContentType(f"Content-Encoding is {packed[:64]!r}; expected the form as it is, not packed.")


def _check_query(request: Request, names: Collection[str]) -> None:
    """Refuse options in the address, where nobody would read them; what a proxy may add there is its own."""
    misplaced = sorted(set(request.query_params).intersection(names))
    if misplaced:
        raise InvalidOption(f"In the query: {', '.join(misplaced)}; expected as fields of the form.")


async def _parse(request: Request) -> FormData:
    parser = _MemoryParser(
        request.headers,
        request.stream(),
        max_files=MAX_FILES,
        max_fields=MAX_FIELDS,
        max_part_size=MAX_FIELD_BYTES,
    )
    try:
        return await parser.parse()
    except MultiPartException as exc:
        raise MalformedForm(exc.message, max_files=MAX_FILES, max_fields=MAX_FIELDS) from exc
    except ClientDisconnect as exc:
        raise ClientGone from exc


async def _checked(data: FormData, kind: type[O], masks: Masks) -> Form[O]:
    file_names = ("image", *masks)
    _check_not_repeated(data)
    fields: dict[str, str] = {}
    for name, value in data.items():
        if isinstance(value, str):
            if value and name in file_names and name not in kind.model_fields:
                _missing(name, data)  # a mask that nobody sees would let the whole page be erased
            if value:
                fields[name] = value
        elif name not in file_names:
            raise InvalidOption(
                f"There is no file part {name[:64]!r} here; expected: {', '.join(file_names)}.",
                allowed=list(file_names),
            )
    image = await _file(data, "image") or _missing("image", data)
    given: dict[str, bytes] = {}
    for name, need in masks.items():
        content = await _file(data, name) or (_missing(name, data) if need == "required" else None)
        if content is None:
            continue
        text = json_in(content) if name in kind.model_fields else None
        if text is None:
            given[name] = content
        else:
            fields[name] = text
    return Form(image, given, kind.parse(fields))


def _check_not_repeated(data: FormData) -> None:
    repeated = sorted({name for name in data if len(data.getlist(name)) > 1})
    if repeated:
        raise MalformedForm(f"Given more than once: {', '.join(repeated)[:200]}; each part may stand once.")


async def _file(data: FormData, name: str) -> bytes | None:
    """The bytes of a file part; None where it is absent, or is a browser's empty file field."""
    part = data.get(name)
    if not isinstance(part, UploadFile):
        return None
    content = await part.read()
    if not content and part.filename:
        raise EmptyFile(f"The file `{name}` has 0 bytes.", part=name)
    return content or None


def _missing(name: str, data: FormData) -> NoReturn:
    if isinstance(data.get(name), str):
        raise MissingPart(f"`{name}` came as a text field; send it as a file, with a filename.", part=name)
    raise MissingPart(f"The form has no file `{name}`.", part=name)


def form_body(kind: type[Options], *, masks: Masks = NO_MASKS) -> dict[str, Any]:
    """The OpenAPI request body of a route that reads such a form."""
    files: dict[str, Any] = {
        "image": {
            "type": "string",
            "format": "binary",
            "description": "The picture: PNG, JPEG, WebP, AVIF, TIFF, BMP or GIF, with their extras HEIC and JPEG XL; "
            "one frame, at most 40,000,000 pixels (see `/v1/info`).",
        }
    }
    if "mask" in masks:
        files["mask"] = {
            "type": "string",
            "format": "binary",
            "description": "What to erase: gray, 1-bit or RGB of the same size as the upright image, without "
            "transparency; a value above 127 is erased.",
        }
    required = ["image", *(name for name, need in masks.items() if need == "required")]
    options = {name: _field(entry) for name, entry in kind.model_json_schema()["properties"].items()}
    areas = [name for name in options if name in masks]
    schema = {
        "type": "object",
        "title": kind.__name__.removesuffix("Options") + "Form",
        "required": required,
        "additionalProperties": False,
        "properties": files | options | {name: _area_field(options[name]) for name in areas},
    }
    encoding = {name: {"contentType": ACCEPTED_FILES} for name in files}
    encoding |= {name: {"contentType": f"text/plain, application/json, {ACCEPTED_FILES}"} for name in areas}
    return {"required": True, "content": {"multipart/form-data": {"schema": schema, "encoding": encoding}}}


def archive_body() -> dict[str, Any]:
    """The OpenAPI request body of the route that takes chapters."""
    body = form_body(EraseOptions)
    schema = body["content"]["multipart/form-data"]["schema"]
    archive = {
        "type": "string",
        "format": "binary",
        "description": "A ZIP or CBZ file with pages in it, at most 268,435,456 bytes (see `/v1/info`).",
    }
    options = {name: entry for name, entry in schema["properties"].items() if name not in {"image", *ONE_PAGE_ONLY}}
    for entry in options.values():
        entry["description"] = entry["description"].replace(OR_A_FILE, "")  # pages are not all of one size
    own = {name: _field(entry) for name, entry in ChapterOptions.model_json_schema()["properties"].items()}
    schema |= {"title": "ChapterForm", "required": ["archive"], "properties": {"archive": archive} | own | options}
    body["content"]["multipart/form-data"]["encoding"] = {
        "archive": {"contentType": "application/zip, application/vnd.comicbook+zip, application/x-cbz"}
    }
    return body


def _area_field(entry: dict[str, Any]) -> dict[str, Any]:
    """An area as a form field: JSON, or a mask file."""
    text = {name: entry[name] for name in ("type", "contentMediaType", "maxLength")}
    told = {name: value for name, value in entry.items() if name not in text}
    return {"anyOf": [text, {"type": "string", "format": "binary"}], **told}


def _field(entry: dict[str, Any]) -> dict[str, Any]:
    """An option as a form field: a form knows no null, so an optional number is a number that may be left out."""
    kinds = [choice for choice in entry.pop("anyOf", [{}]) if choice.get("type") != "null"]
    entry.pop("title", None)
    if entry.get("default", ...) is None:
        del entry["default"]
    elif "default" in entry:
        entry.setdefault("examples", [entry["default"]])
    return {**kinds[0], **entry}
