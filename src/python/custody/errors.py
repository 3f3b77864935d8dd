"""What the package raises. Each class is custody's own, and also what Python, or the original system, raised in its place."""

from __future__ import annotations

import errno as _errno
from typing import Optional

__all__ = [
    "Error", "InvalidArgument", "UnserializableMetadata", "NotFound", "Conflict", "Refused", "Busy", "IoError", "SourceNotFound",
    "SourceIsDirectory", "FileExists", "FileMissing", "PermissionDenied", "Corruption", "SchemaAltered", "StoreNotFound",
    "VersionMismatch", "InvalidState",
]


class Error(Exception):
    """Every failure of the package is one of these. The message says what happened, to what, and what to do."""


class InvalidArgument(Error, ValueError):
    """A value that can't be used: malformed metadata, a symbolic link as a source, a negative age."""


class UnserializableMetadata(InvalidArgument, TypeError):
    """Metadata, or a configuration, with something in it that JSON has no form for."""


class NotFound(Error, LookupError):
    """A change names an artifact, run, hold or type that the store does not have."""


class Conflict(Error):
    """The change contradicts what the store holds: a transition that is not allowed, a link that would close a cycle."""


class Refused(Error, ValueError):
    """A rule of the house forbids it; `rule` names the rule. The offending text is never repeated."""

    rule: str

    def __init__(self, message: str = "", rule: str = "") -> None:
        super().__init__(message)
        self.rule = rule

    def __reduce__(self) -> tuple:
        return type(self), (str(self), self.rule)


class IoError(Error, OSError):
    """The operating system refused: full disk, permission, I/O error. `errno` is its number."""

    def __reduce__(self) -> tuple:
        return _io_error, (str(self), self.errno, type(self).__name__)


class SourceNotFound(IoError, FileNotFoundError):
    """The file that was to become an artifact is not there."""


class SourceIsDirectory(IoError, IsADirectoryError):
    """The file that was to become an artifact is a directory."""


class FileExists(IoError, FileExistsError):
    """What was to be written is there already."""


class FileMissing(IoError, FileNotFoundError):
    """A file or folder that is needed is not there."""


class PermissionDenied(IoError, PermissionError):
    """The operating system doesn't let this account do it."""


class Busy(Error, TimeoutError):
    """Another process held the store past the lock timeout. Nothing was changed."""


class Corruption(Error):
    """Something is lost, wrong or altered: a payload that differs from its SHA-256, a damaged database."""


class SchemaAltered(Corruption):
    """The database's schema is not the one that its version ships with. Such a store opens for diagnosis only."""


class StoreNotFound(Error, FileNotFoundError):
    """There is no store at the path."""


class VersionMismatch(Error):
    """The store belongs to an older or newer version of custody than this one can use."""


class InvalidState(Error, RuntimeError):
    """The object can't be used as it is: a store that was closed, a run that has ended."""


_BY_ERRNO = {
    _errno.EEXIST: FileExists,
    _errno.ENOENT: FileMissing,
    _errno.ENOTDIR: FileMissing,
    _errno.EACCES: PermissionDenied,
    _errno.EPERM: PermissionDenied,
}
_SPECIAL = {"SourceNotFound": SourceNotFound, "SourceIsDirectory": SourceIsDirectory}


def _io_error(message: str, code: Optional[int], name: str = "Error") -> IoError:
    """The library's IoError; with one argument alone its text is the message, as the original's was."""
    kind = _SPECIAL.get(name) or _BY_ERRNO.get(code or 0, IoError)
    error = kind(message)
    error.errno = code
    return error
