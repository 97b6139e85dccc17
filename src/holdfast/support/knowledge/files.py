"""Finds and reads the files of a knowledge base."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from stat import S_ISREG

from holdfast.support.knowledge.document import Form, Manuscript
from holdfast.support.knowledge.errors import InvalidDocument

LARGEST = 5_000_000
"""Bytes of a file, at most. It is checked before anything is read."""

_FORMS: dict[str, Form] = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".txt": "text",
    ".html": "html",
    ".htm": "html",
}


def manuscripts(paths: Iterable[Path]) -> Iterator[Manuscript | InvalidDocument]:
    """Read each file, and all files below each folder in order; hidden ones are passed over.

    A file that breaks a rule comes as its refusal, so that the others still arrive.
    """
    origins: dict[str, Path] = {}
    for path, root in _files(paths):
        try:
            manuscript = read_file(path, root=root)
            _claim(origins, manuscript.document_id, path)
        except InvalidDocument as refusal:
            yield refusal
        else:
            yield manuscript


def read_file(path: Path, *, root: Path) -> Manuscript:
    """Read one file. Its document id is its path below `root` without the suffix.

    Raises:
        InvalidDocument: of an unknown kind, too large, empty, not UTF-8 text, or unreadable.
    """
    form = _FORMS.get(path.suffix.lower())
    if form is None:
        raise InvalidDocument(str(path), f"must end in one of {', '.join(_FORMS)}")
    return Manuscript(
        document_id=_document_id(path, root),
        content=_text(path),
        form=form,
        origin=str(path.absolute()),
    )


def _files(paths: Iterable[Path]) -> Iterator[tuple[Path, Path]]:
    for path in paths:
        if not path.is_dir():
            yield path, path.parent
            continue
        for below in sorted(path.rglob("*")):
            if below.is_file() and not _is_hidden(below.relative_to(path)):
                yield below, path


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _claim(origins: dict[str, Path], document_id: str, path: Path) -> None:
    first = origins.setdefault(document_id, path)
    if first != path:
        raise InvalidDocument(str(path), f"has the document id {document_id!r} of {first}")


def _document_id(path: Path, root: Path) -> str:
    below = path.relative_to(root).with_suffix("").as_posix()
    return re.sub(r"[\s#]+", "-", below)


def _text(path: Path) -> str:
    content = _content(path)
    if not content.strip():
        raise InvalidDocument(str(path), "must not be empty")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise InvalidDocument(str(path), "must be UTF-8 text, not binary") from exc
    if "\0" in text:
        raise InvalidDocument(str(path), "must be UTF-8 text, not binary: it holds NUL bytes")
    return text


def _content(path: Path) -> bytes:
    try:
        status = path.stat()
        if not S_ISREG(status.st_mode):
            # A pipe would be waited for without end.
            raise InvalidDocument(str(path), "must be a regular file")
        size = status.st_size
        if size > LARGEST:
            rule = f"must not be larger than {LARGEST:,} bytes; it has {size:,}"
            raise InvalidDocument(str(path), rule)
        with path.open("rb") as file:
            return file.read(LARGEST)
    except OSError as exc:
        raise InvalidDocument(str(path), f"cannot be read: {exc.strerror}") from exc
