"""What work on the store reports, as dataclasses. Times are aware datetimes in UTC, paths are absolute."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple

from .enums import ArtifactType, Sensitivity, Severity

__all__ = [
    "ArtifactTypeInfo", "Hold", "RetentionPolicy", "KeptArtifact", "CleanupReport", "RetiredArtifact", "GcItem", "GcReport",
    "Statistics", "Finding", "VerifyReport", "Repair", "RepairReport", "DoctorCheck", "BackupReport", "RestoreReport",
    "TrailReport", "ErrorSummary", "Seal", "RedactedEntry", "Redaction", "SqlResult",
]


@dataclass(frozen=True)
class ArtifactTypeInfo:
    """A type as a store knows it."""

    artifact_type: ArtifactType
    sensitivity: Sensitivity
    built_in: bool


@dataclass(frozen=True)
class Hold:
    """A hold keeps an artifact's payload from cleanup until it is removed."""

    hold_id: int
    artifact_id: str
    reason: str
    placed_by: str
    placed_at: datetime

    @classmethod
    def of(cls, form: Dict[str, Any]) -> "Hold":
        return cls(**{**form, "placed_at": datetime.fromisoformat(form["placed_at"])})


@dataclass(frozen=True)
class RetentionPolicy:
    """How long payloads of a type are kept."""

    artifact_type: ArtifactType
    days: int
    when_descendants_completed: bool
    reason: Optional[str]
    set_by: str
    set_at: datetime

    @classmethod
    def of(cls, form: Dict[str, Any]) -> "RetentionPolicy":
        return cls(**{**form, "artifact_type": ArtifactType.of(form["artifact_type"]),
                      "set_at": datetime.fromisoformat(form["set_at"])})


@dataclass(frozen=True)
class KeptArtifact:
    """Why an artifact that was due kept its payload."""

    artifact_id: str
    reason: str


@dataclass
class CleanupReport:
    """What `cleanup` removed, or would have."""

    removed: List[str]
    removed_files: int
    removed_bytes: int
    kept: List[KeptArtifact]
    dry_run: bool

    @classmethod
    def of(cls, form: Dict[str, Any]) -> "CleanupReport":
        return cls(form["removed"], form["removed_files"], form["removed_bytes"], [KeptArtifact(**kept) for kept in form["kept"]],
                   form["dry_run"])


@dataclass(frozen=True)
class RetiredArtifact:
    """An artifact whose payload went under its type's policy."""

    artifact_id: str
    artifact_type: ArtifactType
    days: int


@dataclass(frozen=True)
class GcItem:
    """A file or folder that `gc` met, and why it went or stays."""

    path: Path
    size_bytes: int
    reason: str


@dataclass
class GcReport:
    """What `collect_garbage` did, or would have done."""

    removed: List[RetiredArtifact]
    removed_bytes: int
    kept: List[KeptArtifact]
    collected: List[GcItem]
    collected_bytes: int
    freed: List[GcItem]
    freed_bytes: int
    left: List[GcItem]
    failed_files: int
    dry_run: bool

    @classmethod
    def of(cls, form: Dict[str, Any]) -> "GcReport":
        def items(key: str) -> List[GcItem]:
            return [GcItem(Path(item["path"]), item["size_bytes"], item["reason"]) for item in form[key]]

        removed = [RetiredArtifact(one["artifact_id"], ArtifactType.of(one["artifact_type"]), one["older_than_days"])
                   for one in form["removed"]]
        return cls(removed, form["removed_bytes"], [KeptArtifact(**kept) for kept in form["kept"]], items("collected"),
                   form["collected_bytes"], items("freed"), form["freed_bytes"], items("left"), form["failed_files"],
                   form["dry_run"])


@dataclass
class Statistics:
    """Sums over the store. `total_size_bytes` is of the payloads on disk, each content once."""

    total_size_bytes: int
    total_payloads: int
    total_artifacts: int
    artifact_counts: Dict[str, int]
    by_status: Dict[str, int]
    by_type: Dict[str, int]
    runs_by_status: Dict[str, int]
    total_errors: Optional[int]
    errors_by_operation: Dict[str, int]


@dataclass(frozen=True)
class Finding:
    """One thing that a verification has to say."""

    severity: Severity
    kind: str
    subject: str
    message: str

    @classmethod
    def of(cls, form: Dict[str, Any]) -> "Finding":
        return cls(**{**form, "severity": Severity(form["severity"])})


def _with_findings(form: Dict[str, Any]) -> Dict[str, Any]:
    return {**form, "findings": [Finding.of(finding) for finding in form["findings"]]}


@dataclass
class VerifyReport:
    """What `verify` found. `statement` says what signed checkpoints cover."""

    ok: bool
    findings: List[Finding]
    database: str
    artifacts: int
    payloads: int
    payloads_hashed: int
    bytes_hashed: int
    payloads_resumed: int
    audit_entries: int
    statement: str
    audited: bool

    @classmethod
    def of(cls, form: Dict[str, Any]) -> "VerifyReport":
        return cls(**_with_findings(form))


@dataclass(frozen=True)
class Repair:
    """Something that was (or would be) put right."""

    kind: str
    subject: str
    message: str


@dataclass
class RepairReport:
    """What `repair` did. `failed`: what couldn't be put right, and why. `refused`: why nothing was repaired."""

    ok: bool
    dry_run: bool
    repairs: List[Repair]
    failed: List[Repair]
    refused: Optional[str]
    before: VerifyReport
    after: VerifyReport

    @classmethod
    def of(cls, form: Dict[str, Any]) -> "RepairReport":
        return cls(form["ok"], form["dry_run"], [Repair(**repair) for repair in form["repairs"]],
                   [Repair(**repair) for repair in form["failed"]], form["refused"],
                   VerifyReport.of(form["before"]), VerifyReport.of(form["after"]))


@dataclass(frozen=True)
class DoctorCheck:
    """One thing that `doctor` looked at, and what to run next."""

    name: str
    severity: Severity
    message: str
    next_command: Optional[str]

    @classmethod
    def of(cls, form: Dict[str, Any]) -> "DoctorCheck":
        return cls(**{**form, "severity": Severity(form["severity"])})


@dataclass(frozen=True)
class Seal:
    """A signed head of the trail: a C2SP tlog-checkpoint over entries 1 to `size`."""

    size: int
    note: str
    verifier_key: str


@dataclass(frozen=True)
class RedactedEntry:
    """An entry of which texts were withdrawn, and where they stood."""

    seq: int
    pointers: List[str]


@dataclass
class Redaction:
    """What `redact` has done. `held_by`: why bytes of the texts may still be in files of the store; the same call again finishes."""

    withdrawn: List[RedactedEntry]
    also_in: List[int]
    held_by: str
    dry_run: bool


@dataclass
class BackupReport:
    """What `backup` did. `complete`: the backup in the folder is this one, else the one before it."""

    ok: bool
    complete: bool
    findings: List[Finding]
    store_id: str
    epoch: str
    tree_size: int
    root: Optional[str]
    payloads: int
    payloads_copied: int
    bytes_copied: int
    audited: bool

    @classmethod
    def of(cls, form: Dict[str, Any]) -> "BackupReport":
        return cls(**_with_findings(form))


@dataclass
class RestoreReport:
    """What `restore` made: a new epoch, and the head of the trail that was left."""

    findings: List[Finding]
    store_id: str
    epoch: str
    left_epoch: str
    left_size: int
    left_root: Optional[str]
    payloads: int
    payloads_missing: int
    bytes: int

    @classmethod
    def of(cls, form: Dict[str, Any]) -> "RestoreReport":
        return cls(**_with_findings(form))


@dataclass
class TrailReport:
    """What a verification of the trail has found, and what it has proven, in `statement`: never a bare "ok"."""

    ok: bool
    statement: str
    findings: List[Finding]
    entries: int
    first_seq: int
    sealed_entries: int
    sealed_at: Optional[datetime]
    sealed_by: Optional[str]
    pinned: bool
    entries_after: int
    withdrawn_texts: int
    root: Optional[str]
    audited: bool

    @classmethod
    def of(cls, form: Dict[str, Any]) -> "TrailReport":
        at = form["sealed_at"]
        return cls(**{**_with_findings(form), "sealed_at": None if at is None else datetime.fromisoformat(at)})


@dataclass
class ErrorSummary:
    """What went wrong, summed up; `first` and `last` are the times of the oldest and the newest."""

    total_errors: int
    errors_by_operation: Dict[str, int]
    errors_by_module: Dict[str, int]
    unique_error_messages: List[str]
    first: Optional[datetime]
    last: Optional[datetime]


def _unique_names(columns: List[str]) -> List[str]:
    """A name that comes again gets a number, as `custody sql --json` has it."""
    names: Dict[str, None] = {}
    for column in columns:
        name, number = column, 1
        while name in names or (number > 1 and name in columns):
            number += 1
            name = f"{column}_{number}"
        names[name] = None
    return list(names)


@dataclass
class SqlResult:
    """What a query answered. Iterating gives dicts, so that `pandas.DataFrame(result)` is a data frame; where there may be no row,
    `pandas.DataFrame(result.rows, columns=result.columns)` keeps the columns. A column whose name came before has a number in the
    dicts: a, a_2. `truncated`: there were more rows than were asked for."""

    columns: List[str]
    rows: List[Tuple[Any, ...]]
    truncated: bool = False

    def __iter__(self) -> Iterator[Dict[str, Any]]:
        names = _unique_names(self.columns)
        return (dict(zip(names, row)) for row in self.rows)

    def __len__(self) -> int:
        return len(self.rows)
