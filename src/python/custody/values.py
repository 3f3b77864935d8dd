"""Values of callers, checked and as the library takes them; and back."""

from __future__ import annotations

import json
import os
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, List, Optional, TypeVar, Union

from .enums import ArtifactStatus, ArtifactType, Direction, Outcome, Sensitivity, Transfer
from .errors import InvalidArgument, UnserializableMetadata

PathLike = Union[str, "os.PathLike[str]"]

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")


def time_text(time: datetime) -> str:
    """`2026-11-23T02:07:16.146392+00:00`: always with microseconds, so that text sorts as time does."""
    return time.isoformat(timespec="microseconds")


def microseconds_of(time: Optional[datetime], what: str) -> Optional[int]:
    """Naive datetimes are taken as local time."""
    if time is None:
        return None
    if not isinstance(time, datetime):
        raise InvalidArgument(f"{what} is a datetime, not {time!r}")
    try:
        return (time.astimezone(timezone.utc) - _EPOCH) // _MICROSECOND
    except (OverflowError, OSError, ValueError) as error:
        raise InvalidArgument(f"{what} {time!r} is no time that can be compared") from error


def is_id(value: Any) -> bool:
    """Whether it has the form of an id. What has not is the id of nothing."""
    return isinstance(value, str) and _UUID.match(value) is not None


def id_of(value: Any, what: str) -> str:
    if is_id(value):
        return value
    raise InvalidArgument(f"{what} is an id (a UUID), not {value!r}")


def path_bytes(path: Any, what: str) -> bytes:
    """A path, absolute or not, by its bytes."""
    if not isinstance(path, (str, os.PathLike)) or not os.fspath(path):
        raise InvalidArgument(f"{what} is a path, not {path!r}")
    try:
        name = os.fsencode(path)
    except UnicodeEncodeError:
        raise InvalidArgument(f"{what} {path!r} is no path: it has a lone surrogate in it") from None
    if b"\0" in name:
        raise InvalidArgument(f"{what} has a NUL in it")
    return name


def absolute_bytes(path: Any, what: str) -> bytes:
    return os.path.abspath(path_bytes(path, what))


def optional_path_bytes(path: Any, what: str) -> bytes:
    return b"" if path is None else absolute_bytes(path, what)


def path_of(name: bytes) -> Path:
    return Path(os.path.abspath(os.fsdecode(name)))


def text_of(value: Any, what: str) -> Optional[str]:
    """A text that can be stored, or None."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise InvalidArgument(f"{what} is a text, not {value!r}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidArgument(f"{what} has a lone surrogate in it, which is no text") from None
    return value


def message_of(value: Any, what: str) -> str:
    """A message as it can be stored. It tells of a failure, and must not become another one: what is no text in it, such as the
    surrogates of a file name that isn't UTF-8, is replaced."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidArgument(f"{what} is a text, not {value!r}")
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def number_of(value: Any, what: str) -> int:
    """The number that the store has given something."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 2**63:
        raise InvalidArgument(f"{what} is 1 or more, not {value!r}")
    return value


def seq_of(value: Any) -> int:
    """The number of an entry."""
    return number_of(value, "an entry's number")


def keys_of(value: Any) -> List[str]:
    """Verifier keys."""
    if not isinstance(value, (list, tuple, set)) or not all(isinstance(key, str) for key in value):
        raise InvalidArgument(f"keys is a list of verifier keys, not {value!r}")
    return list(value)


def json_text(value: Any, what: str) -> str:
    """A dict as JSON. NaN, cycles and what JSON has no form for are refused."""
    if not isinstance(value, dict):
        raise InvalidArgument(f"{what} is a dict, not {type(value).__name__}")
    try:
        text = _encode(value)
        text.encode()
    except TypeError as error:
        raise UnserializableMetadata(f"{what}: {error}") from error
    except (ValueError, RecursionError) as error:
        raise InvalidArgument(f"{what} is no JSON: {error}") from error
    return text


def type_of(value: Any) -> str:
    """An ArtifactType, or its name."""
    return ArtifactType.of(value).value


E = TypeVar("E", ArtifactStatus, Direction, Outcome, Sensitivity, Transfer)


def member_of(kind: "type[E]", value: Any, what: str) -> E:
    """A member, or its value as text."""
    if isinstance(value, kind):
        return value
    try:
        if isinstance(value, str):
            return kind(value)
    except ValueError:
        pass
    names = ", ".join(member.value for member in kind)
    raise InvalidArgument(f"{what} is one of {names}, not {value!r}")


def ids_of(value: Any, what: str) -> List[str]:
    if not isinstance(value, list):
        raise InvalidArgument(f"{what} is a list of ids, not {type(value).__name__}")
    return value


def count_of(value: Any, what: str) -> int:
    """A number of things; None for all of them."""
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        raise InvalidArgument(f"{what} is a number from 0 on, not {value!r}")
    return value
