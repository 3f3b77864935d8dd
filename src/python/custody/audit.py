"""The audit trail: what it says, and what proves it."""

from __future__ import annotations

import os
import secrets
from datetime import datetime
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Union

from .connection import Connection, View
from .enums import Outcome
from .errors import Error, InvalidArgument, NotFound
from .models import ORIGINAL_KEYS, AuditEntry
from .offline import Progress
from .reports import ErrorSummary, RedactedEntry, Redaction, Seal, TrailReport
from .values import (PathLike, absolute_bytes, count_of, is_id, keys_of, member_of, microseconds_of, optional_path_bytes, path_of,
                     seq_of, text_of)

__all__ = ["AuditTrail"]


def _original(form: Dict[str, Any]) -> Dict[str, Any]:
    return {key: form[key] for key in ORIGINAL_KEYS}


class AuditTrail:
    """The trail of a store; `manager.audit`. Valid as long as the manager."""

    def __init__(self, connection: "Union[Connection, View]") -> None:
        self._connection = connection

    def __repr__(self) -> str:
        return f"AuditTrail({str(path_of(self._connection.store.base_path()))!r})"

    def _query(self, call: str, start_time: Optional[datetime], end_time: Optional[datetime], operation: Optional[str],
               action: Optional[str], artifact_id: Optional[str], user: Optional[str], module: Optional[str],
               success: Optional[bool], limit: Optional[int], outcome: "Union[Outcome, str, None]", run_id: Optional[str],
               errors_only: bool) -> Optional[Dict[str, Any]]:
        """None for ids that nothing can have."""
        try:
            if success is not None and not isinstance(success, bool):
                raise InvalidArgument(f"success is True or False, not {success!r}")
            for what, value in (("artifact_id", artifact_id), ("run_id", run_id)):
                if value is not None and not is_id(value):
                    if not isinstance(value, str):
                        raise InvalidArgument(f"{what} is a text, not {value!r}")
                    raise NotFound(f"nothing has the {what} {value!r}")
            return {
                "start_time": microseconds_of(start_time, "start_time"), "end_time": microseconds_of(end_time, "end_time"),
                "operation": text_of(operation, "operation"), "action": text_of(action, "action"), "artifact_id": artifact_id,
                "user": text_of(user, "user"), "module": text_of(module, "module"), "success": success,
                "limit": count_of(limit, "limit"), "run_id": run_id, "errors_only": bool(errors_only),
                "outcome": None if outcome is None else member_of(Outcome, outcome, "outcome").value,
            }
        except Error as error:
            self._connection.store.record_misuse(call, str(error), isinstance(error, NotFound))
            if isinstance(error, NotFound):
                return None
            raise

    # ---- As the original has it ----

    def query_audit_trail(self, start_time: Optional[datetime] = None, end_time: Optional[datetime] = None,
                          operation: Optional[str] = None, action: Optional[str] = None, artifact_id: Optional[str] = None,
                          user: Optional[str] = None, module: Optional[str] = None, success: Optional[bool] = None,
                          limit: Optional[int] = None, *, outcome: "Union[Outcome, str, None]" = None,
                          run_id: Optional[str] = None, errors_only: bool = False) -> List[Dict[str, Any]]:
        """The newest `limit` entries that match (None or 0: all), oldest first, each a dict of the original's ten keys in its order.

        Of the time from `start_time` on and before `end_time`; naive datetimes are local time. `entries` gives all that an entry has.
        """
        query = self._query("query_audit_trail", start_time, end_time, operation, action, artifact_id, user, module, success,
                            limit, outcome, run_id, errors_only)
        return [] if query is None else [_original(form) for form, _line in self._connection.store.query(query)]

    def get_artifact_history(self, artifact_id: str) -> List[Dict[str, Any]]:
        """Everything that was done with an artifact, oldest first, in the same form; empty for an unknown one."""
        if not is_id(artifact_id):
            error = NotFound(f"there is no artifact {artifact_id!r}") if isinstance(artifact_id, str) else InvalidArgument(
                f"an artifact's id is a text, not {artifact_id!r}")
            self._connection.store.record_misuse("get_artifact_history", str(error), isinstance(artifact_id, str))
            if isinstance(error, NotFound):
                return []
            raise error
        return [_original(form) for form, _line in self._connection.store.history(artifact_id)]

    def get_error_summary(self, start_time: Optional[datetime] = None, end_time: Optional[datetime] = None) -> Dict[str, Any]:
        """total_errors, errors_by_operation, errors_by_module, unique_error_messages, time_range {start, end}."""
        query = self._query("query_audit_trail", start_time, end_time, None, None, None, None, None, None, None, None, None, False)
        return self._connection.store.error_summary(query)

    def export_audit_trail(self, output_path: PathLike, start_time: Optional[datetime] = None,
                           end_time: Optional[datetime] = None, format: str = "json", *, operation: Optional[str] = None,
                           action: Optional[str] = None, artifact_id: Optional[str] = None, user: Optional[str] = None,
                           module: Optional[str] = None, success: Optional[bool] = None, overwrite: bool = True,
                           progress: Optional[Progress] = None) -> Path:
        """Writes the matching entries, oldest first, as one JSON array, CSV or JSON Lines ("json", "csv", "jsonl"), and answers the path.

        The file appears whole or not at all; where `output_path` is a symbolic link, the file that it names. Without `overwrite` one that
        is there already stays, and FileExists is raised.
        Raises InvalidArgument for another format, and for a path in the store's storage/; IoError.
        """
        try:
            output = absolute_bytes(output_path, "output_path")
            if format not in ("json", "csv", "jsonl"):
                raise InvalidArgument(f"Unsupported export format: {format!r}; an export is in json, csv or jsonl")
            if artifact_id is not None and not is_id(artifact_id):
                raise InvalidArgument(f"{artifact_id!r} is no id")
            if overwrite:
                output = os.path.realpath(output)  # the file that a link names, and not the link, is replaced
                if os.path.exists(output) and not os.path.isfile(output):
                    raise InvalidArgument(f"{os.fspath(output_path)!r} is no regular file: it can't be replaced by an export")
        except Error as error:
            self._connection.store.record_misuse("export_audit_trail", str(error), False)
            raise
        query = self._query("export_audit_trail", start_time, end_time, operation, action, artifact_id, user, module, success,
                            None, None, None, False)
        assert query is not None
        self._export(output, format, query, overwrite, progress)
        return path_of(absolute_bytes(output_path, "output_path"))

    def _export(self, output: bytes, format: str, query: Dict[str, Any], overwrite: bool, progress: Optional[Progress]) -> None:
        store = self._connection.store
        if not overwrite or not os.path.isfile(output):
            store.export_trail(output, format, query, progress)
            return
        folder, name = os.path.split(output)
        draft = os.path.join(folder, b"." + name[:200] + b"." + secrets.token_hex(8).encode())
        try:
            store.export_trail(draft, format, query, progress)
            os.replace(draft, output)
        except BaseException:
            if os.path.exists(draft):
                os.unlink(draft)
            raise
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    # ---- Beyond the original ----

    def entries(self, start_time: Optional[datetime] = None, end_time: Optional[datetime] = None, *,
                operation: Optional[str] = None, action: Optional[str] = None, artifact_id: Optional[str] = None,
                user: Optional[str] = None, module: Optional[str] = None, success: Optional[bool] = None,
                limit: Optional[int] = None, outcome: "Union[Outcome, str, None]" = None, run_id: Optional[str] = None,
                errors_only: bool = False) -> List[AuditEntry]:
        """As `query_audit_trail`, with all that an entry has: its number, outcome, run, agent and stored line."""
        query = self._query("query_audit_trail", start_time, end_time, operation, action, artifact_id, user, module, success,
                            limit, outcome, run_id, errors_only)
        return [] if query is None else [AuditEntry.of(form, line) for form, line in self._connection.store.query(query)]

    def error_summary(self, start_time: Optional[datetime] = None, end_time: Optional[datetime] = None) -> ErrorSummary:
        """As `get_error_summary`, as a dataclass."""
        form = self.get_error_summary(start_time, end_time)
        first, last = (None if at is None else datetime.fromisoformat(at) for at in form.pop("time_range").values())
        return ErrorSummary(**form, first=first, last=last)

    def export_months(self, first_month: Optional[str] = None, last_month: Optional[str] = None, *,
                      folder: Optional[PathLike] = None, to_seq: Optional[int] = None, signing_key: Optional[PathLike] = None,
                      progress: Optional[Progress] = None) -> List[Path]:
        """Writes audit_YYYYMM.jsonl and audit_YYYYMM.proof.json for a range of months ("2026-10"), into the store's audit/ unless a
        folder is given, and answers the paths of the lines. Raises InvalidArgument, IoError."""
        months: Dict[str, Any] = {"first_month": text_of(first_month, "first_month"), "last_month": text_of(last_month, "last_month"),
                                  "to_seq": None if to_seq is None else count_of(to_seq, "to_seq")}
        if folder is not None:
            months["folder"] = absolute_bytes(folder, "folder")
        if signing_key is not None:
            months["signing_key"] = absolute_bytes(signing_key, "signing_key")
        return [path_of(path) for path in self._connection.store.export_months(months, progress)]

    def make_signing_key(self, file: PathLike, *, current_key: Optional[PathLike] = None, is_lost: bool = False) -> str:
        """Makes a signing key in a new file outside of the store, records it, and answers its verifier key, for whoever is to check the
        trail. Where there is a key already, `current_key` is its file, which signs the name of the new one; only where the old one
        `is_lost` nobody does, and whoever trusts the old one has to be told."""
        return self._connection.store.make_signing_key(absolute_bytes(file, "file"),
                                                       optional_path_bytes(current_key, "current_key"), bool(is_lost), False)

    def add_signing_key(self, file: PathLike, *, current_key: Optional[PathLike] = None, is_lost: bool = False) -> str:
        """The same with a key that is there, such as another store's."""
        return self._connection.store.make_signing_key(absolute_bytes(file, "file"),
                                                       optional_path_bytes(current_key, "current_key"), bool(is_lost), True)

    def seal(self, *, signing_key: Optional[PathLike] = None, anchor: Optional[PathLike] = None) -> Seal:
        """Signs the trail's head, and appends the note to `anchor`: a file out of the reach of whoever can change the store."""
        return Seal(*self._connection.store.seal(optional_path_bytes(signing_key, "signing_key"),
                                                 optional_path_bytes(anchor, "anchor")))

    def verify(self, keys: Sequence[str] = (), anchor: Optional[PathLike] = None, *,
               progress: Optional[Progress] = None) -> TrailReport:
        """Every line, the tree over them, texts, keys, checkpoints and guards. Never raises for what it finds.

        keys: verifier keys known from elsewhere to be right; a signature by another one is then a finding.
        """
        return TrailReport.of(self._connection.store.verify_trail(keys_of(keys), optional_path_bytes(anchor, "anchor"), progress))

    def prove(self, seq: int, *, signing_key: Optional[PathLike] = None) -> str:
        """The proof of one entry as JSON, which `verify_audit_files` checks alone. Raises NotFound."""
        return self._connection.store.prove(seq_of(seq), optional_path_bytes(signing_key, "signing_key"))

    def prove_history(self, artifact_id: str, folder: PathLike, *, signing_key: Optional[PathLike] = None) -> List[Path]:
        """The proofs of all entries about an artifact, as files in `folder`. Raises NotFound, IoError."""
        if not is_id(artifact_id):
            self._connection.store.record_misuse("get_artifact_history", f"there is no artifact {artifact_id!r}", True)
            raise NotFound(f"there is no artifact {artifact_id!r}")
        paths = self._connection.store.prove_history(artifact_id, absolute_bytes(folder, "folder"),
                                                     optional_path_bytes(signing_key, "signing_key"))
        return [path_of(path) for path in paths]

    def redact(self, seqs: "Union[int, Sequence[int]]", reason: str, *, pointer: str = "", dry_run: bool = False) -> Redaction:
        """Withdraws free text from entries: the one at `pointer` (such as "/error_message"), or all. Lines, tree and proofs stay.

        Raises NotFound, InvalidArgument without a reason or for a pointer at which no text was.
        """
        numbers = [seq_of(seq) for seq in (seqs if isinstance(seqs, (list, tuple, set, range)) else [seqs])]
        withdrawn, also_in, held_by, dry = self._connection.store.redact(numbers, text_of(pointer, "pointer") or "",
                                                                         text_of(reason, "reason") or "", bool(dry_run))
        return Redaction([RedactedEntry(*entry) for entry in withdrawn], also_in, held_by, dry)

    def flush(self) -> None:
        """Makes durable the entries of reads that are waiting to be written."""
        self._connection.store.flush()
