"""What a manager does for the store as a whole: holds, retention, removal, verification, backups, reviewers' questions."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Optional

from .base import ManagerBase
from .enums import ArtifactStatus, ArtifactType
from .errors import Error, InvalidArgument
from .offline import Progress
from .original import ImportReport, OriginalExportReport
from .reports import (BackupReport, CleanupReport, DoctorCheck, GcReport, Hold, RepairReport, RetentionPolicy, SqlResult,
                      Statistics, VerifyReport)
from .values import PathLike, absolute_bytes, count_of, member_of, number_of, optional_path_bytes, path_of, text_of, type_of


def _whole(value: Any, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not -(2**31) <= value < 2**31:
        raise InvalidArgument(f"{what} is a whole number, not {value!r}")
    return value


class Upkeep(ManagerBase):
    # ---- Holds ----

    def add_hold(self, artifact_id: str, reason: str) -> Hold:
        """Keeps an artifact's payload from every removal. Raises NotFound, InvalidArgument without a reason."""
        self._require_id("add_hold", artifact_id)
        return Hold.of(self._store.add_hold(artifact_id, text_of(reason, "reason") or ""))

    def remove_hold(self, artifact_id: str, reason: Optional[str] = None, *, hold_id: Optional[int] = None) -> int:
        """Lifts every hold on the artifact, or the one of that number; answers how many. Raises NotFound where there is none."""
        self._require_id("remove_hold", artifact_id)
        return self._store.remove_hold(artifact_id, text_of(reason, "reason") or "",
                                       None if hold_id is None else number_of(hold_id, "a hold's number"))

    def list_holds(self) -> List[Hold]:
        """The holds that there are, oldest first."""
        return [Hold.of(form) for form in self._store.list_holds()]

    # ---- Retention ----

    def set_retention(self, artifact_type: ArtifactType, days: int, *, when_descendants_completed: bool = False,
                      reason: Optional[str] = None) -> RetentionPolicy:
        """Sets how many days payloads of the type are kept, in place of the policy that it has."""
        return RetentionPolicy.of(self._store.set_retention(type_of(artifact_type), _whole(days, "days"),
                                                            bool(when_descendants_completed), text_of(reason, "reason") or ""))

    def remove_retention(self, artifact_type: ArtifactType, reason: Optional[str] = None) -> None:
        """Raises NotFound where the type has no policy."""
        self._store.remove_retention(type_of(artifact_type), text_of(reason, "reason") or "")

    def list_retention(self) -> List[RetentionPolicy]:
        """The policies that there are, by type."""
        return [RetentionPolicy.of(form) for form in self._store.list_retention()]

    # ---- Removal ----

    def cleanup_old_artifacts(self, days_old: int = 30, *, artifact_type: Optional[ArtifactType] = None,
                              status: Optional[ArtifactStatus] = None, reason: Optional[str] = None) -> int:
        """Removes payloads of artifacts older than so many days, and answers how many files went; records, links and trail stay.

        What is on hold, in use by an unfinished run, or the source of something pending, in progress or failed is kept: `cleanup` tells
        why. Raises InvalidArgument for negative days.
        """
        return self.cleanup(days_old, artifact_type=artifact_type, status=status, reason=reason).removed_files

    def cleanup(self, older_than_days: int = 30, *, artifact_type: Optional[ArtifactType] = None,
                status: Optional[ArtifactStatus] = None, reason: Optional[str] = None, dry_run: bool = False,
                progress: Optional[Progress] = None) -> CleanupReport:
        """As `cleanup_old_artifacts`, and says what went, and what was kept and why. `dry_run` changes nothing."""
        try:
            options: Dict[str, Any] = {"older_than_days": _whole(older_than_days, "the age in days"), "dry_run": bool(dry_run),
                                       "reason": text_of(reason, "reason")}
            if artifact_type is not None:
                options["type"] = type_of(artifact_type)
            if status is not None:
                options["status"] = member_of(ArtifactStatus, status, "status").value
        except Error as error:
            self._misused("cleanup_old_artifacts", error)
            raise
        return CleanupReport.of(self._store.cleanup(options, progress))

    def collect_garbage(self, *, grace_seconds: int = 3600, reason: Optional[str] = None, dry_run: bool = False,
                        progress: Optional[Progress] = None) -> GcReport:
        """Applies the retention policies, and frees what nothing refers to and what has been in the trash for its grace period."""
        return GcReport.of(self._store.collect_garbage({"grace_s": _whole(grace_seconds, "grace_seconds"),
                                                        "reason": text_of(reason, "reason"), "dry_run": bool(dry_run)}, progress))

    # ---- Insight ----

    def get_statistics(self) -> Dict[str, Any]:
        """In the original's form: storage, artifacts, and audit while the entries of reads are kept. `statistics` knows more."""
        form = self._store.statistics()
        storage = {key: form["storage"][key] for key in ("total_size_bytes", "total_size_mb", "artifact_counts",
                                                         "total_artifacts")}
        statistics = {"storage": storage, "artifacts": form["artifacts"]}
        if "audit" in form:
            statistics["audit"] = form["audit"]
        return statistics

    def statistics(self) -> Statistics:
        """All that the store can sum up."""
        form = self._store.statistics()
        storage, artifacts, audit = form["storage"], form["artifacts"], form.get("audit", {})
        return Statistics(storage["total_size_bytes"], storage["total_payloads"], artifacts["total"], storage["artifact_counts"],
                          artifacts["by_status"], artifacts["by_type"], form["runs"]["by_status"], audit.get("total_errors"),
                          audit.get("errors_by_operation", {}))

    def verify(self, *, quick: bool = False, sample_percent: float = 100.0, resume: bool = False, threads: int = 0,
               progress: Optional[Progress] = None) -> VerifyReport:
        """Integrity of everything: every row from the trail, every payload from its SHA-256. Never raises for what it finds.

        quick: presence and size of payloads only. sample_percent: hash so many of them, drawn at random. resume: leave out what an
        interrupted verification has found good. `progress(done_bytes, total_bytes)`.
        """
        if isinstance(sample_percent, bool) or not isinstance(sample_percent, (int, float)):
            raise InvalidArgument(f"sample_percent is a number, not {sample_percent!r}")
        return VerifyReport.of(self._store.verify({"quick": bool(quick), "sample_percent": float(sample_percent),
                                                   "resume": bool(resume), "threads": count_of(threads, "threads")}, progress))

    def repair(self, *, source: Optional[PathLike] = None, dry_run: bool = False, threads: int = 0,
               progress: Optional[Progress] = None) -> RepairReport:
        """Verifies, puts right what can be put right without losing anything, and verifies again. `source`: a folder with content that
        may be missing or damaged, such as a backup."""
        options: Dict[str, Any] = {"dry_run": bool(dry_run), "threads": count_of(threads, "threads")}
        if source is not None:
            options["from"] = absolute_bytes(source, "source")
        return RepairReport.of(self._store.repair(options, progress))

    def doctor(self) -> List[DoctorCheck]:
        """The state of machine and store, with the next command to run."""
        return [DoctorCheck.of(form) for form in self._store.doctor()]

    def backup(self, folder: PathLike, *, catalog_only: bool = False, rehash: bool = False,
               progress: Optional[Progress] = None) -> BackupReport:
        """Copies the store into a folder of its own while others go on writing, only what that doesn't have yet."""
        return BackupReport.of(self._store.backup(absolute_bytes(folder, "folder"),
                                                  {"catalog_only": bool(catalog_only), "rehash": bool(rehash)}, progress))

    # ---- Stores of the original system ----

    def import_original(self, folder: PathLike, *, timezone: Optional[str] = None, allow_phi_metadata: bool = False,
                        allow_identified_release: bool = False, dry_run: bool = False,
                        progress: Optional[Progress] = None) -> ImportReport:
        """Brings a store of the original over, as `custody import original` does; a second time adds nothing.

        timezone: of the machine that wrote it (IANA); local time where it is not given. Raises StoreNotFound, InvalidArgument, IoError.
        """
        options = {"timezone": text_of(timezone, "timezone") or "", "allow_phi_metadata": bool(allow_phi_metadata),
                   "allow_identified_release": bool(allow_identified_release), "dry_run": bool(dry_run)}
        return ImportReport.of(self._store.import_original(absolute_bytes(folder, "folder"), options, progress))

    def export_original(self, folder: PathLike, *, timezone: Optional[str] = None,
                        progress: Optional[Progress] = None) -> OriginalExportReport:
        """Writes the store as a tree that the original's own code can read, into an empty or missing folder."""
        options = {"timezone": text_of(timezone, "timezone") or ""}
        return OriginalExportReport.of(self._store.export_original(absolute_bytes(folder, "folder"), options, progress))

    # ---- For reviewers ----

    def snapshot(self, output: PathLike, *, include_text: bool = True, signing_key: Optional[PathLike] = None) -> Path:
        """One self-contained database for a reviewer; `output` must not exist. Without `include_text`, free texts are left out."""
        return path_of(self._store.snapshot(absolute_bytes(output, "output"), bool(include_text),
                                            optional_path_bytes(signing_key, "signing_key")))

    def sql(self, query: str, *, time_limit: float = 30.0, max_rows: Optional[int] = None) -> SqlResult:
        """One read-only SELECT, within so many seconds. Raises InvalidArgument for anything else.

        `pandas.DataFrame(manager.sql("SELECT * FROM review_artifacts"))` is a data frame.
        """
        if isinstance(time_limit, bool) or not isinstance(time_limit, (int, float)) or not 0 < time_limit < 1e9:
            raise InvalidArgument(f"a time limit is in seconds, not {time_limit!r}")
        return SqlResult(*self._store.sql(text_of(query, "query") or "", max(1, int(time_limit * 1000)),
                                          count_of(max_rows, "max_rows")))
