"""What the import and the export of an original store answer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional

__all__ = ["ImportRemark", "ImportReport", "OriginalExportReport"]


@dataclass
class ImportRemark:
    """Something about an original store that whoever imports it has to know. `kind`: note, mended or left_out."""

    kind: str
    path: str
    line: Optional[int]
    subject: Optional[str]
    message: str


def _with_remarks(form: Dict[str, Any]) -> Dict[str, Any]:
    return {**form, "remarks": [ImportRemark(**remark) for remark in form["remarks"]]}


@dataclass
class ImportReport:
    """What `import_original` found and did. What an earlier import had brought in is counted in `…_there`."""

    artifacts: int
    artifacts_there: int
    payloads: int
    payload_bytes: int
    links: int
    runs: int
    runs_there: int
    audit_entries: int
    audit_entries_there: int
    timezone: str
    dry_run: bool
    mended_count: int
    left_out_count: int
    remarks: List[ImportRemark]

    @property
    def ok(self) -> bool:
        """Nothing was left out."""
        return self.left_out_count == 0

    @classmethod
    def of(cls, form: Dict[str, Any]) -> "ImportReport":
        return cls(**_with_remarks(form))


@dataclass
class OriginalExportReport:
    """What `export_original` wrote, and what has no place in a tree of the original."""

    folder: Path
    artifacts: int
    payloads: int
    payload_bytes: int
    runs: int
    audit_entries: int
    audit_entries_left_out: int
    timezone: str
    remarks: List[ImportRemark]

    @classmethod
    def of(cls, form: Dict[str, Any]) -> "OriginalExportReport":
        return cls(**{**_with_remarks(form), "folder": Path(form["folder"])})
