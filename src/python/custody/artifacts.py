"""What a manager does with artifacts, their links and their payloads."""

from __future__ import annotations

import io
import os
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Iterable, List, Optional, Union

from .base import ManagerBase
from .enums import ArtifactStatus, ArtifactType, Direction, Sensitivity, Transfer
from .errors import Error, InvalidArgument, NotFound
from .models import ArtifactMetadata, Lineage, NewArtifact
from .nested import nested
from .offline import Progress
from .reports import ArtifactTypeInfo
from .runs import ProcessingRun
from .values import (PathLike, absolute_bytes, count_of, id_of, ids_of, is_id, json_text, member_of, message_of, microseconds_of,
                     path_bytes, path_of, text_of, type_of)

if TYPE_CHECKING:
    from datetime import datetime

    from . import _custody


_NEW_FIELDS = [each.name for each in fields(NewArtifact)]


def _run_id(run: "Union[ProcessingRun, str, None]") -> Optional[str]:
    return run.run_id if isinstance(run, ProcessingRun) else run


def _sources(value: Any) -> List[str]:
    for source in ids_of(value, "source_artifacts"):
        if not isinstance(source, str):
            raise InvalidArgument(f"source_artifacts are ids, not {source!r}")
        if not is_id(source):
            raise NotFound(f"there is no artifact {source!r} to link to")
    return value


def _wanted(artifact_type: Any, source_path: Any, source_artifacts: Any, processing_module: Any, processing_version: Any,
            metadata: Any, content: Any, source_fd: Any, file_name: Any, relationship: Any, run: Any, request_key: Any,
            transfer: Any, status: Any, allow_identified_release: Any, allow_phi_metadata: Any) -> Dict[str, Any]:
    """The library's options of a new artifact, of what is given alone: it is on the way of every create.

    Raises InvalidArgument, and NotFound for sources that can't be there.
    """
    wanted: Dict[str, Any] = {"type": type_of(artifact_type)}
    if source_path is not None:
        if isinstance(source_path, str) or not isinstance(source_path, os.PathLike):
            raise InvalidArgument(f"source_path is a pathlib.Path, not {source_path!r}")
        wanted["source_path"] = path_bytes(source_path, "source_path")
    if source_artifacts is not None:
        wanted["source_artifacts"] = _sources(source_artifacts)
    if processing_module is not None:
        wanted["processing_module"] = text_of(processing_module, "processing_module")
    if processing_version is not None:
        wanted["processing_version"] = text_of(processing_version, "processing_version")
    if metadata is not None:
        wanted["metadata"] = json_text(metadata, "metadata")
    if content is not None:
        if not isinstance(content, (bytes, bytearray, memoryview)):
            raise InvalidArgument(f"content is bytes, not {type(content).__name__}")
        wanted["content"] = bytes(content)
    if source_fd is not None:
        wanted["source_fd"] = count_of(source_fd, "source_fd")
    if file_name is not None:
        wanted["file_name"] = text_of(file_name, "file_name")
    if relationship != "derived_from":
        wanted["relationship"] = text_of(relationship, "relationship") or ""
    if run is not None:
        wanted["run"] = id_of(_run_id(run), "run")
    if request_key is not None:
        wanted["request_key"] = text_of(request_key, "request_key")
    if transfer is not Transfer.COPY:
        wanted["transfer"] = member_of(Transfer, transfer, "transfer").value
    if status is not ArtifactStatus.COMPLETED:
        wanted["status"] = member_of(ArtifactStatus, status, "status").value
    if allow_identified_release:
        wanted["allow_identified_release"] = True
    if allow_phi_metadata:
        wanted["allow_phi_metadata"] = True
    return wanted


class PayloadReader(io.RawIOBase):
    """A payload, read from start to end and hashed on the way: the last bytes come only if the whole matches its SHA-256.

    Raises Corruption where it doesn't: what was read of it must not be used then.
    """

    def __init__(self, stream: "_custody.Stream") -> None:
        self._stream = stream
        self._pid = os.getpid()

    @property
    def size(self) -> int:
        return self._stream.size

    @property
    def checksum(self) -> str:
        return self._stream.checksum

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self.closed or os.getpid() != self._pid:
            raise ValueError("this payload is open no more, or is another process's")
        return self._stream.readinto(buffer)


class Artifacts(ManagerBase):
    # ---- New ones ----

    def _create(self, all_wanted: List[Dict[str, Any]], progress: Optional[Progress]) -> List[ArtifactMetadata]:
        try:
            artifacts = self._store.create(all_wanted, progress)
        except Error as error:
            self._note_failure(error)
            raise
        if self._runs:
            for artifact in artifacts:
                if artifact.run_id in self._runs:
                    self._runs[artifact.run_id]._made(artifact)  # type: ignore[index]
        return artifacts

    def _create_misused(self, error: Error) -> None:
        self._misused("create_artifact", error)
        self._note_failure(error)

    def create_artifact(self, artifact_type: ArtifactType, source_path: Optional[Path] = None,
                        source_artifacts: Optional[List[str]] = None, processing_module: Optional[str] = None,
                        processing_version: Optional[str] = None, metadata: Optional[Dict[str, Any]] = None, *,
                        content: Optional[bytes] = None, source_fd: Optional[int] = None, file_name: Optional[str] = None,
                        relationship: str = "derived_from", run: "Union[ProcessingRun, str, None]" = None,
                        request_key: Optional[str] = None, transfer: Union[Transfer, str] = Transfer.COPY,
                        status: ArtifactStatus = ArtifactStatus.COMPLETED, allow_identified_release: bool = False,
                        allow_phi_metadata: bool = False, progress: Optional[Progress] = None) -> ArtifactMetadata:
        """Makes an artifact from a file, from bytes, from an open descriptor, or of metadata alone; its status is completed.

        It joins `run`, else the innermost run that this thread started. With a `request_key`, calling again answers the first artifact
        where type, content and metadata are the same. `progress(done_bytes, total_bytes)` is told of large files.

        Raises SourceNotFound (a FileNotFoundError), SourceIsDirectory (an IsADirectoryError), InvalidArgument (a ValueError: a text
        where a Path is due, metadata that is no dict, a symbolic link), NotFound for a source artifact or run, Refused (identified
        content under a de-identified type, protected health information), Conflict (the request key was used for something else),
        IoError. Nothing is left behind then but one entry of the trail.
        """
        try:
            wanted = _wanted(artifact_type, source_path, source_artifacts, processing_module, processing_version, metadata, content,
                             source_fd, file_name, relationship, run, request_key, transfer, status, allow_identified_release,
                             allow_phi_metadata)
        except Error as error:
            self._create_misused(error)
            raise
        return self._create([wanted], progress)[0]

    def create_artifacts(self, artifacts: Iterable[NewArtifact], *,
                         progress: Optional[Progress] = None) -> List[ArtifactMetadata]:
        """Many in one transaction, all or none; one entry each. Files are brought in on all cores. Raises as `create_artifact`."""
        try:
            all_given = list(artifacts) if isinstance(artifacts, Iterable) else [artifacts]
            if any(not isinstance(given, NewArtifact) for given in all_given) or isinstance(artifacts, NewArtifact):
                raise InvalidArgument(f"create_artifacts takes a list of NewArtifact({', '.join(_NEW_FIELDS)})")
            wanted = [_wanted(*(getattr(given, name) for name in _NEW_FIELDS)) for given in all_given]
        except Error as error:
            self._create_misused(error)
            raise
        return self._create(wanted, progress)

    # ---- Lookups ----

    def get_artifact(self, artifact_id: str) -> Optional[ArtifactMetadata]:
        """None for an unknown id."""
        if not self._is_id("get_artifact", artifact_id):
            return None
        return self._store.get(artifact_id)

    def list_artifacts(self, artifact_type: Optional[ArtifactType] = None, status: Optional[ArtifactStatus] = None,
                       run_id: "Union[ProcessingRun, str, None]" = None, *, processing_module: Optional[str] = None,
                       since: "Optional[datetime]" = None, until: "Optional[datetime]" = None, limit: Optional[int] = None,
                       after: "Union[ArtifactMetadata, str, None]" = None) -> List[ArtifactMetadata]:
        """Newest first. `since`: created then or later; `until`: before. `limit` and `after`, the last artifact of the page before,
        make pages; a limit of 0 is none. Raises NotFound for an unknown run or `after`."""
        try:
            query: Dict[str, Any] = {"processing_module": text_of(processing_module, "processing_module"),
                                     "since": microseconds_of(since, "since"), "until": microseconds_of(until, "until"),
                                     "limit": count_of(limit, "limit")}
            if artifact_type is not None:
                query["type"] = type_of(artifact_type)
            if status is not None:
                query["status"] = member_of(ArtifactStatus, status, "status").value
            if run_id is not None:
                query["run"] = id_of(_run_id(run_id), "run_id")
            if after is not None:
                query["after"] = id_of(after.artifact_id if isinstance(after, ArtifactMetadata) else after, "after")
        except Error as error:
            self._misused("list_artifacts", error)
            raise
        return self._store.list(query)

    # ---- Changes ----

    def update_artifact_status(self, artifact_id: str, status: ArtifactStatus,
                               error_message: Optional[str] = None) -> Optional[ArtifactMetadata]:
        """Any change but to failed clears the error message. For an unknown id an error is logged and the answer is None, as in
        the original. Raises Conflict for a change that ArtifactStatus doesn't allow, InvalidArgument."""
        try:
            wanted = member_of(ArtifactStatus, status, "status").value
            message = message_of(error_message, "error_message")
        except Error as error:
            self._misused("update_artifact_status", error)
            raise
        if not self._is_id("update_artifact_status", artifact_id):
            return None
        try:
            artifact = self._store.update_status(artifact_id, wanted, message)
        except NotFound as error:
            self.logger.error("Artifact not found: %s", error)
            return None
        if message and artifact.run_id in self._runs:
            self._runs[artifact.run_id].error_messages.append(artifact.error_message or message)  # type: ignore[index]
        return artifact

    def link_artifacts(self, source_artifact_ids: List[str], output_artifact_id: str, relationship: str = "derived_from", *,
                       allow_identified_release: bool = False) -> Optional[int]:
        """Answers how many links are new. For an unknown id an error is logged and the answer is None, as in the original.

        Raises Conflict where a link would close a cycle, Refused where it would make a de-identified artifact descend from the
        identified one whose bytes it has, InvalidArgument.
        """
        try:
            sources = ids_of(source_artifact_ids, "source_artifact_ids")
            kind = text_of(relationship, "relationship") or ""
        except Error as error:
            self._misused("link_artifacts", error)
            raise
        if not all(self._is_id("link_artifacts", each) for each in [output_artifact_id, *sources]):
            return None
        try:
            added = self._store.link(sources, output_artifact_id, kind, bool(allow_identified_release))
        except NotFound as error:
            self.logger.error("Artifact not found: %s", error)
            return None
        run = self.current_run
        if run is not None:
            run._used(sources)
        return added

    # ---- Lineage ----

    def get_artifact_lineage(self, artifact_id: str, *, max_depth: Optional[int] = None,
                             max_nodes: Optional[int] = 100_000) -> Dict[str, Any]:
        """What an artifact was made from, as dicts in dicts: artifact_id, type, status, created_at, processing_module, sources.

        An ancestor of several artifacts is one dict that all of them share. An unknown id gives {artifact_id, not_found: True}. Where
        a limit leaves something out, dicts whose sources are not all there have a key more, truncated: True. `lineage` has the flat form.
        """
        if not self._is_id("get_artifact_lineage", artifact_id):
            return {"artifact_id": artifact_id, "not_found": True}
        answer = self._store.lineage(artifact_id, "up", count_of(max_depth, "max_depth"), count_of(max_nodes, "max_nodes"), "")
        return {"artifact_id": artifact_id, "not_found": True} if answer is None else nested(answer)

    def lineage(self, artifact_id: str, direction: Union[Direction, str] = Direction.UP, *, max_depth: Optional[int] = None,
                max_nodes: Optional[int] = 1_000_000) -> Optional[Lineage]:
        """The graph around an artifact, flat: up to its sources, down to what was made from it, or both. None for an unknown id."""
        answer = self._lineage_form(artifact_id, direction, max_depth, max_nodes, "")
        return None if answer is None else Lineage.of(answer)

    def lineage_tree(self, artifact_id: str, direction: Union[Direction, str] = Direction.UP) -> Optional[str]:
        """An indented tree for people."""
        return self._lineage_form(artifact_id, direction, None, 1_000_000, "tree")

    def lineage_dot(self, artifact_id: str, direction: Union[Direction, str] = Direction.UP) -> Optional[str]:
        """The graph in Graphviz' dot language."""
        return self._lineage_form(artifact_id, direction, None, 1_000_000, "dot")

    def _lineage_form(self, artifact_id: str, direction: Union[Direction, str], max_depth: Optional[int],
                      max_nodes: Optional[int], form: str) -> Any:
        way = member_of(Direction, direction, "direction").value
        if not self._is_id("get_artifact_lineage", artifact_id):
            return None
        return self._store.lineage(artifact_id, way, count_of(max_depth, "max_depth"), count_of(max_nodes, "max_nodes"), form)

    # ---- Payloads ----

    def get_artifact_file(self, artifact_id: str, *, verify: bool = False) -> Optional[Path]:
        """The payload's absolute path, with its own name and extension; the entry of this is written first. None for an unknown id and
        for an artifact without a payload. `verify`: hash it again in any case. Raises Corruption where it is missing or altered."""
        if not self._is_id("get_artifact_file", artifact_id):
            return None
        path = self._store.get_file(artifact_id, bool(verify))
        return None if path is None else path_of(path)

    def open_payload(self, artifact_id: str) -> io.BufferedReader:
        """The payload's bytes, hashed while they are read. Raises NotFound, Conflict where it has no payload (any more), Corruption."""
        self._require_id("open_payload", artifact_id)
        return io.BufferedReader(PayloadReader(self._store.open_payload(artifact_id)), 1 << 20)

    def checkout(self, artifact_id: str, destination: PathLike, *, progress: Optional[Progress] = None) -> Path:
        """A copy, hashed on the way; `destination` may be a folder, and is never overwritten. Answers the file made.
        `progress(done_bytes, total_bytes)`."""
        self._require_id("checkout", artifact_id)
        return path_of(self._store.checkout(artifact_id, absolute_bytes(destination, "destination"), progress))

    # ---- Types ----

    def register_artifact_type(self, name: Union[ArtifactType, str], sensitivity: Union[Sensitivity, str]) -> ArtifactType:
        """Makes a type known to the store. Raises Conflict where it is known with another sensitivity."""
        self._store.register_type(type_of(name), member_of(Sensitivity, sensitivity, "sensitivity").value)
        return ArtifactType.of(name)

    def artifact_types(self) -> List[ArtifactTypeInfo]:
        """The types that the store knows."""
        return [ArtifactTypeInfo(ArtifactType.of(name), Sensitivity(sensitivity), built_in)
                for name, sensitivity, built_in in self._store.types()]
