"""Names of types, statuses, outcomes and kinds. Values are the names in lower case, as they stand in the store."""

from __future__ import annotations

import re
from enum import Enum
from typing import Union

from .errors import InvalidArgument

__all__ = ["ArtifactType", "ArtifactStatus", "Sensitivity", "Outcome", "Transfer", "Direction", "Severity"]

_TYPE_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")


class ArtifactType(Enum):
    """What kind of file an artifact is. These eleven are known to every store; for others see `ArtifactType.of`."""

    VIDEO_RAW = "video_raw"
    VIDEO_KEYPOINTS = "video_keypoints"
    VIDEO_DEID = "video_deid"
    AUDIO_RAW = "audio_raw"
    AUDIO_PHI_INTERVALS = "audio_phi_intervals"
    AUDIO_DEID = "audio_deid"
    AUDIO_TRANSCRIPT = "audio_transcript"
    TEXT_RAW = "text_raw"
    TEXT_DEID = "text_deid"
    METADATA = "metadata"
    LOG = "log"

    @classmethod
    def of(cls, name: Union[str, "ArtifactType"]) -> "ArtifactType":
        """The type of this name, also one that a store registers for itself; it is no member when the class is iterated over.

        Raises InvalidArgument for what is no name of a type. Whether a store knows it is checked when it is used.
        """
        if isinstance(name, cls):
            return name
        if not isinstance(name, str):
            raise InvalidArgument(f"an artifact type is an ArtifactType or its name, not {name!r}")
        known = cls._value2member_map_.get(name)
        if known is None:
            if not _TYPE_NAME.match(name):
                raise InvalidArgument(f"{name!r} is no name of an artifact type ([a-z][a-z0-9_]*, at most 63 characters)")
            member = object.__new__(cls)
            member._name_ = name.upper()
            member._value_ = name
            known = cls._value2member_map_.setdefault(name, member)
        return known  # type: ignore[return-value]

    def __reduce_ex__(self, protocol: object) -> tuple:
        return ArtifactType.of, (self.value,)


class ArtifactStatus(Enum):
    """Where an artifact or a run stands.

    Allowed changes: pending → in_progress, completed, failed · in_progress → completed, failed ·
    completed → in_progress, failed, archived · failed → pending, in_progress, archived · archived → completed.
    """

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    ARCHIVED = "archived"


class Sensitivity(Enum):
    """What a type of artifact says about patients."""

    IDENTIFIED = "identified"
    DEIDENTIFIED = "deidentified"
    NEUTRAL = "neutral"


class Outcome(Enum):
    """What became of an audited operation."""

    DONE = "done"
    NOT_FOUND = "not_found"
    REFUSED = "refused"
    FAILED = "failed"


class Transfer(Enum):
    """How the bytes of a source file get into the store."""

    COPY = "copy"
    REFLINK = "reflink"
    MOVE = "move"


class Direction(Enum):
    """Which way to walk from an artifact: to its sources, to what was made from it, or both."""

    UP = "up"
    DOWN = "down"
    BOTH = "both"


class Severity(Enum):
    """How bad a finding is. An error: something is lost, wrong or altered."""

    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"
