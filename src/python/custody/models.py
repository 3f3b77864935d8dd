"""What the store keeps, as dataclasses. Times are aware datetimes in UTC, paths are absolute."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple, Union

from .enums import ArtifactStatus, ArtifactType, Outcome, Transfer
from .values import time_text

__all__ = ["ArtifactMetadata", "NewArtifact", "AuditEntry", "RunRecord", "LineageNode", "LineageEdge", "Lineage"]


class _PathField:
    """A field that keeps a path as its text until it is asked for: making a Path takes as long as half a lookup."""

    def __get__(self, instance: Any, owner: Any) -> Optional[Path]:
        if instance is None:
            return None  # the field's default
        path = instance.__dict__["file_path"]
        if isinstance(path, str):
            path = instance.__dict__["file_path"] = Path(path)
        return path

    def __set__(self, instance: Any, path: "Union[Path, str, None]") -> None:
        instance.__dict__["file_path"] = path


@dataclass
class ArtifactMetadata:
    """An artifact as the store has it at one moment: the original's thirteen fields, then custody's own.

    `file_path` is where `get_artifact_file` puts the payload's named link on first use; only that call hands the payload out.
    """

    artifact_id: str
    artifact_type: ArtifactType
    status: ArtifactStatus
    created_at: datetime
    updated_at: datetime
    source_artifacts: List[str] = field(default_factory=list)
    processing_module: Optional[str] = None
    processing_version: Optional[str] = None
    file_path: Optional[Path] = _PathField()  # type: ignore[assignment]
    file_size: Optional[int] = None
    checksum: Optional[str] = None
    metadata: Dict[str, Any] = field(default_factory=dict)
    error_message: Optional[str] = None
    run_id: Optional[str] = field(default=None, repr=False)
    file_name: Optional[str] = field(default=None, repr=False)
    removed_at: Optional[datetime] = field(default=None, repr=False)
    links: List[Tuple[str, str]] = field(default_factory=list, repr=False)

    def to_dict(self) -> Dict[str, Any]:
        """The thirteen fields, as the original's metadata files have them: values of enums, times as ISO 8601, paths as text."""
        return {
            "artifact_id": self.artifact_id,
            "artifact_type": self.artifact_type.value,
            "status": self.status.value,
            "created_at": time_text(self.created_at),
            "updated_at": time_text(self.updated_at),
            "source_artifacts": list(self.source_artifacts),
            "processing_module": self.processing_module,
            "processing_version": self.processing_version,
            "file_path": None if self.file_path is None else str(self.file_path),
            "file_size": self.file_size,
            "checksum": self.checksum,
            "metadata": self.metadata,
            "error_message": self.error_message,
        }

    @classmethod
    def from_dict(cls, values: Dict[str, Any]) -> "ArtifactMetadata":
        """The other way: from the thirteen fields of `to_dict`, or of the original's metadata files."""
        path = values.get("file_path")
        return cls(
            artifact_id=values["artifact_id"],
            artifact_type=ArtifactType.of(values["artifact_type"]),
            status=ArtifactStatus(values["status"]),
            created_at=datetime.fromisoformat(values["created_at"]).astimezone(),
            updated_at=datetime.fromisoformat(values["updated_at"]).astimezone(),
            source_artifacts=list(values.get("source_artifacts") or []),
            processing_module=values.get("processing_module"),
            processing_version=values.get("processing_version"),
            file_path=None if path is None else Path(path),
            file_size=values.get("file_size"),
            checksum=values.get("checksum"),
            metadata=dict(values.get("metadata") or {}),
            error_message=values.get("error_message"),
        )


@dataclass
class NewArtifact:
    """What a new artifact is to be, for `create_artifacts`; the arguments of `create_artifact`."""

    artifact_type: ArtifactType
    source_path: Optional[Path] = None
    source_artifacts: List[str] = field(default_factory=list)
    processing_module: Optional[str] = None
    processing_version: Optional[str] = None
    metadata: Dict[str, Any] = field(default_factory=dict)
    content: Optional[bytes] = field(default=None, repr=False)
    source_fd: Optional[int] = None
    file_name: Optional[str] = None
    relationship: str = "derived_from"
    run: Optional[str] = None
    request_key: Optional[str] = None
    transfer: Transfer = Transfer.COPY
    status: ArtifactStatus = ArtifactStatus.COMPLETED
    allow_identified_release: bool = False
    allow_phi_metadata: bool = False


ORIGINAL_KEYS = ("entry_id", "timestamp", "operation", "artifact_id", "user", "module", "action", "details", "success",
                 "error_message")


@dataclass
class AuditEntry:
    """One entry of the trail, with free texts put back in place of their commitments: the original's ten fields, then custody's.

    `line` is the entry exactly as it is stored and hashed: canonical JSON, texts as commitments.
    """

    entry_id: str
    timestamp: datetime
    operation: str
    artifact_id: Optional[str]
    user: str
    module: Optional[str]
    action: str
    details: Dict[str, Any]
    success: bool
    error_message: Optional[str]
    seq: int = 0
    outcome: Outcome = Outcome.DONE
    run_id: Optional[str] = None
    on_behalf_of: Optional[str] = None
    purpose: Optional[str] = None
    agent: Dict[str, Any] = field(default_factory=dict, repr=False)
    line: str = field(default="", repr=False)

    def to_dict(self) -> Dict[str, Any]:
        """The original's ten keys, in its order; the time as ISO 8601."""
        form = {key: getattr(self, key) for key in ORIGINAL_KEYS}
        form["timestamp"] = time_text(self.timestamp)
        return form

    @classmethod
    def of(cls, form: Dict[str, Any], line: str) -> "AuditEntry":
        values = dict(form)
        values["timestamp"] = datetime.fromisoformat(form["timestamp"])
        values["outcome"] = Outcome(form["outcome"])
        return cls(**values, line=line)


@dataclass
class RunRecord:
    """A run as the store has it. `end_reason`: ended, abandoned, lost (its process died), expired; None while it goes on."""

    run_id: str
    status: ArtifactStatus
    started_at: datetime
    ended_at: Optional[datetime]
    end_reason: Optional[str]
    configuration: Dict[str, Any]
    user: str
    on_behalf_of: Optional[str]
    purpose: Optional[str]
    error_message: Optional[str]
    input_artifacts: List[str]
    output_artifacts: List[str]
    error_messages: List[str]

    @classmethod
    def of(cls, form: Dict[str, Any]) -> "RunRecord":
        values = dict(form)
        values["status"] = ArtifactStatus(form["status"])
        values["started_at"] = datetime.fromisoformat(form["started_at"])
        values["ended_at"] = None if form["ended_at"] is None else datetime.fromisoformat(form["ended_at"])
        return cls(**values)


@dataclass(frozen=True)
class LineageNode:
    """`depth`: links from the root by the shortest way. `removed`: its payload was removed by cleanup."""

    artifact_id: str
    artifact_type: ArtifactType
    status: ArtifactStatus
    created_at: datetime
    processing_module: Optional[str]
    depth: int
    removed: bool


@dataclass(frozen=True)
class LineageEdge:
    """`artifact_id` was made from `source_artifact_id`."""

    artifact_id: str
    source_artifact_id: str
    relationship: str


@dataclass
class Lineage:
    """A graph, each artifact once, nearest first. Every edge is between two of its nodes. `truncated`: a limit left something out."""

    root: str
    nodes: List[LineageNode]
    edges: List[LineageEdge]
    truncated: bool

    def __iter__(self) -> Iterator[LineageNode]:
        return iter(self.nodes)

    def __len__(self) -> int:
        return len(self.nodes)

    @classmethod
    def of(cls, answer: tuple) -> "Lineage":
        root, nodes, edges, truncated = answer
        return cls(root, [LineageNode(i, ArtifactType.of(t), ArtifactStatus(s), c, m, d, r)
                          for i, t, s, c, m, d, r in nodes], [LineageEdge(*edge) for edge in edges], truncated)
