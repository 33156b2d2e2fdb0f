"""Every error that a caller can meet. Each one knows its code, its HTTP status and its public title.

TextEraserError
├── BadRequest (400)            MalformedForm, MissingPart, EmptyFile
├── Unauthorized (401)
├── NotAcceptable (406)
├── ContentTooLarge (413)       TooManyBytes, TooManyPixels
├── UnsupportedMediaType (415)  WrongContentType, NotAnImage, UnsupportedFormat, NotAnArchive
├── Unprocessable (422)         CorruptImage, AnimatedImage, MaskMismatch, InvalidMask,
│                               InvalidOption, UnknownModel, NotEncodable, ArchiveRefused
├── Unavailable (503)           Overloaded, NotReady, OutOfMemory
├── DeadlineExceeded (504)
├── ClientGone (499, never sent: nobody is there to read it; it only stands in logs)
└── ModelStoreError             stops the start; never reaches a client
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class TextEraserError(Exception):
    """Base of all our errors. The message says what was seen and what is allowed; it is public."""

    code: ClassVar[str] = "internal-error"
    status: ClassVar[int] = 500
    public: ClassVar[str] = "The service failed."

    def __init__(self, detail: str = "", **facts: object) -> None:
        super().__init__(detail or self.public)
        self.detail = detail or self.public
        self.facts: Mapping[str, object] = facts

    @property
    def headers(self) -> dict[str, str]:
        """HTTP headers that belong to this error."""
        return {}


class BadRequest(TextEraserError):
    """The request is not what this route can read."""

    code, status, public = "bad-request", 400, "The request cannot be read."


class MalformedForm(BadRequest):
    """The body is not well-formed multipart/form-data, or breaks the form's limits."""

    code, public = "malformed-form", "The form cannot be read."


class MissingPart(BadRequest):
    """A required part of the form is absent."""

    code, public = "missing-part", "A required part of the form is missing."


class EmptyFile(BadRequest):
    """A file part holds no bytes."""

    code, public = "empty-file", "The uploaded file is empty."


class Unauthorized(TextEraserError):
    """The bearer token is missing or unknown."""

    code, status, public = "unauthorized", 401, "A valid bearer token is required."

    @property
    def headers(self) -> dict[str, str]:
        """`WWW-Authenticate`, as RFC 6750 asks."""
        return {"WWW-Authenticate": "Bearer"}


class NotFound(TextEraserError):
    """There is no such route."""

    code, status, public = "not-found", 404, "There is nothing at this address."


class MethodNotAllowed(TextEraserError):
    """The route exists; the method does not."""

    code, status, public = "method-not-allowed", 405, "This method is not allowed here."


class NotAcceptable(TextEraserError):
    """No media type that `Accept` allows can be produced."""

    code, status, public = "not-acceptable", 406, "No acceptable media type can be produced."


class ContentTooLarge(TextEraserError):
    """The upload is over a limit."""

    code, status, public = "content-too-large", 413, "The upload is too large."


class TooManyBytes(ContentTooLarge):
    """The body or a file has more bytes than allowed."""

    code, public = "too-many-bytes", "The upload has too many bytes."


class TooManyPixels(ContentTooLarge):
    """Width x height, read from the header before decoding, is over the limit."""

    code, public = "too-many-pixels", "The image has too many pixels."


class UnsupportedMediaType(TextEraserError):
    """The media type cannot be read here."""

    code, status, public = "unsupported-media-type", 415, "This media type is not supported."


class WrongContentType(UnsupportedMediaType):
    """The request's content type is not multipart/form-data, or its body is packed (`Content-Encoding`)."""

    code, public = "wrong-content-type", "The request must be multipart/form-data."


class NotAnImage(UnsupportedMediaType):
    """The first bytes are not those of any image format we know."""

    code, public = "not-an-image", "The file is not an image."


class UnsupportedFormat(UnsupportedMediaType):
    """An image, but of a format or mode that is not read here (the detail names the extra, if one exists)."""

    code, public = "unsupported-format", "This image format is not supported."


class NotAnArchive(UnsupportedMediaType):
    """The file is not a ZIP or CBZ archive."""

    code, public = "not-an-archive", "The file is not a ZIP or CBZ archive."


class Unprocessable(TextEraserError):
    """Well-formed, but it cannot be done."""

    code, status, public = "unprocessable", 422, "The request cannot be processed."


class CorruptImage(Unprocessable):
    """The image is cut off or damaged."""

    code, public = "corrupt-image", "The image is damaged."


class AnimatedImage(Unprocessable):
    """The file holds more than one frame or page."""

    code, public = "animated-image", "The file holds more than one picture."


class MaskMismatch(Unprocessable):
    """The mask's size is not the size of the upright image."""

    code, public = "mask-mismatch", "The mask has another size than the image."


class InvalidMask(Unprocessable):
    """The mask has a mode that has no clear meaning (transparency, for instance)."""

    code, public = "invalid-mask", "The mask cannot be understood."


class InvalidOption(Unprocessable):
    """An option is unknown or out of its range."""

    code, public = "invalid-option", "An option is out of its range."


class UnknownModel(Unprocessable):
    """The model name is not in the manifest, or does another job."""

    code, public = "unknown-model", "There is no such model."


class NotEncodable(Unprocessable):
    """The output format cannot hold this image."""

    code, public = "not-encodable", "The output format cannot hold this image."


class ArchiveRefused(Unprocessable):
    """The archive is hostile, or too large to be worked on: paths that lead elsewhere, links, bombs."""

    code, public = "archive-refused", "The archive cannot be accepted."


class Unavailable(TextEraserError):
    """Not now; the client may try again after `Retry-After` seconds, or never where there is none."""

    code, status, public = "unavailable", 503, "The service is not available right now."

    def __init__(self, detail: str = "", *, retry_after_s: int | None = 1, **facts: object) -> None:
        super().__init__(detail, **facts)
        self.retry_after_s = retry_after_s

    @property
    def headers(self) -> dict[str, str]:
        """`Retry-After`, whole seconds; nothing where no waiting helps."""
        return {} if self.retry_after_s is None else {"Retry-After": str(self.retry_after_s)}


class Overloaded(Unavailable):
    """The queue is full; the client may try again after `Retry-After` seconds."""

    code, public = "overloaded", "The service is busy."


class NotReady(Unavailable):
    """The models are not loaded yet, or the process is shutting down."""

    code, public = "not-ready", "The service is not ready."


class OutOfMemory(Unavailable):
    """Memory ran out while working, or too little is left beside archives; without `Retry-After` it never fits here."""

    code, public = "out-of-memory", "There is not enough memory for this upload."


class DeadlineExceeded(TextEraserError):
    """The request's time is over; its work was stopped."""

    code, status, public = "deadline-exceeded", 504, "The request took too long."


class ClientGone(TextEraserError):
    """The client closed the connection; its work was stopped."""

    code, status, public = "client-gone", 499, "The client closed the connection."


class ModelStoreError(TextEraserError):
    """A model file, its checksum or its tensors are not what the manifest says."""

    code, public = "model-store", "The model store is damaged."
