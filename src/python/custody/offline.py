"""What needs no open manager: making, upgrading and restoring stores, and checking exported files."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional

from . import _custody
from .enums import ArtifactStatus
from .original import ImportReport
from .reports import RestoreReport, TrailReport
from .values import PathLike, absolute_bytes, keys_of, member_of, optional_path_bytes, text_of

__all__ = ["init", "migrate", "restore", "examine_original", "verify_audit_files", "transition_allowed", "Progress"]

Progress = Callable[[int, int], Any]


def init(base_path: PathLike, *, group: bool = False, payloads: Optional[PathLike] = None, phi_guard: bool = True,
         actor: Optional[str] = None) -> bool:
    """Makes a store; on one that is there, does nothing, and answers False.

    group: open to the group (folders 2770, files 0660, payloads 0440). payloads: keep payloads in this folder, on another disk.
    phi_guard: False for fields of work where no metadata is protected. Raises InvalidArgument, IoError.
    """
    options: Dict[str, Any] = {"group": bool(group), "phi_guard": bool(phi_guard), "actor": text_of(actor, "actor")}
    if payloads is not None:
        options["payloads"] = absolute_bytes(payloads, "payloads")
    return _custody.init(absolute_bytes(base_path, "base_path"), options)


def migrate(base_path: PathLike, *, actor: Optional[str] = None) -> int:
    """Brings an older store to this version; answers how many migrations were applied. A copy of the database is kept.

    Raises StoreNotFound, VersionMismatch (it is newer), SchemaAltered.
    """
    return _custody.migrate(absolute_bytes(base_path, "base_path"), {"actor": text_of(actor, "actor")})


def restore(source: PathLike, destination: PathLike, reason: str, *, payloads: Optional[PathLike] = None,
            accept_missing: bool = False, actor: Optional[str] = None, progress: Optional[Progress] = None) -> RestoreReport:
    """Makes a store in an empty or missing folder, from a backup or from the copy of a store's folder, and verifies it.

    It begins a new epoch of the trail, which says which head was left and why. Raises StoreNotFound, InvalidArgument, Corruption
    (the source is damaged, or payloads are missing and that is not accepted), VersionMismatch, IoError; nothing is left behind then.
    """
    how: Dict[str, Any] = {"accept_missing": bool(accept_missing)}
    if payloads is not None:
        how["payloads"] = absolute_bytes(payloads, "payloads")
    return RestoreReport.of(_custody.restore(absolute_bytes(source, "source"), absolute_bytes(destination, "destination"),
                                             text_of(reason, "reason") or "", how, {"actor": text_of(actor, "actor")}, progress))


def examine_original(folder: PathLike, *, timezone: Optional[str] = None, allow_phi_metadata: bool = False,
                     allow_identified_release: bool = False, progress: Optional[Progress] = None) -> ImportReport:
    """What an import of an original store into a new one would do; nothing is changed anywhere.

    Raises as `ArtifactManager.import_original`.
    """
    options = {"timezone": text_of(timezone, "timezone") or "", "allow_phi_metadata": bool(allow_phi_metadata),
               "allow_identified_release": bool(allow_identified_release), "dry_run": True}
    return ImportReport.of(_custody.examine_original(absolute_bytes(folder, "folder"), options, progress))


def verify_audit_files(path: PathLike, keys: Optional[List[str]] = None, anchor: Optional[PathLike] = None, *,
                       progress: Optional[Progress] = None) -> TrailReport:
    """Verifies exported files without a store: a folder of month files, one month, or the proof of one entry.

    keys: verifier keys known from elsewhere to be right. anchor: a file that `seal` appended notes to.
    Never raises for what it finds. Raises IoError where there is nothing to read, InvalidArgument for a malformed key.
    """
    return TrailReport.of(_custody.verify_audit_files(absolute_bytes(path, "path"), keys_of([] if keys is None else keys),
                                                      optional_path_bytes(anchor, "anchor"), progress))


def transition_allowed(before: ArtifactStatus, after: ArtifactStatus) -> bool:
    """Whether an artifact may go from one status to the other."""
    return _custody.transition_allowed(member_of(ArtifactStatus, before, "a status").value,
                                       member_of(ArtifactStatus, after, "a status").value)
