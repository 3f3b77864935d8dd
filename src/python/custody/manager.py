"""The manager: a store, and everything that is done with it."""

from __future__ import annotations

import logging
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType
from typing import Any, Dict, List, Optional, Type, Union

from .artifacts import Artifacts, PayloadReader
from .audit import AuditTrail
from .connection import Connection, View
from .enums import ArtifactStatus
from .errors import Conflict, Error, InvalidArgument, NotFound
from .models import RunRecord
from .runs import ProcessingRun
from .storage import ArtifactStorage
from .upkeep import Upkeep
from .values import (PathLike, absolute_bytes, count_of, is_id, json_text, member_of, message_of, microseconds_of, path_of,
                     text_of)

__all__ = ["ArtifactManager", "PayloadReader"]


_OURS = {"_connection", "enable_audit", "auto_cleanup", "logger", "storage", "audit", "_base_path", "_runs"}


def _on(kind: "Type[ArtifactManager]", connection: "Union[Connection, View]", enable_audit: bool,
        auto_cleanup: bool) -> "ArtifactManager":
    manager = object.__new__(kind)
    manager._begin(connection, enable_audit, auto_cleanup)
    return manager


class ArtifactManager(Artifacts, Upkeep):
    """A store and everything that is done with it. For many threads at once, and many processes on one store.

    A child of fork() opens the store anew by itself; processes started by spawn make their own manager. As a context manager it is
    closed at the end: runs that this process has not ended then end as failed.

    Every call is one transaction and leaves one entry in the trail, failed ones too. All of them may raise Busy (another process held
    the store past the deadline; nothing changed), IoError, Corruption and InvalidState; what else is said at each.
    """

    storage: ArtifactStorage
    audit: AuditTrail
    enable_audit: bool
    logger: logging.Logger

    def __init__(self, base_path: PathLike, enable_audit: bool = True, auto_cleanup: bool = False, *, actor: Optional[str] = None,
                 on_behalf_of: Optional[str] = None, purpose: Optional[str] = None, program: Optional[str] = None,
                 create: bool = True, upgrade: bool = False, accept_clock: bool = False, diagnose: bool = False,
                 collecting: bool = False, lock_timeout: float = 30.0, metadata_limit_bytes: int = 65536,
                 metadata_limit_depth: int = 64, signing_key: Optional[PathLike] = None, seal_every_entries: int = 0,
                 seal_every_seconds: int = 0, group_reads: bool = True, group: bool = False,
                 payloads: Optional[PathLike] = None, phi_guard: bool = True) -> None:
        """Opens the store below `base_path`, or makes it there (not without `create`; group, payloads and phi_guard are for that).

        enable_audit=False drops the entries of reads; changes always write theirs. auto_cleanup empties this process's temp folder
        whenever a run ends. actor: who acts, else the operating system's account. upgrade: migrate an older store. accept_clock: a clock
        that jumped ahead is right. diagnose: open an altered store for verify, doctor and backup alone. lock_timeout: seconds that a
        write waits for other processes. signing_key: to seal and export with. group_reads: entries of reads wait up to a second.

        Raises StoreNotFound, VersionMismatch, SchemaAltered, InvalidArgument, Conflict, IoError.
        """
        if isinstance(lock_timeout, bool) or not isinstance(lock_timeout, (int, float)) or not 0 <= lock_timeout < 1e9:
            raise InvalidArgument(f"lock_timeout is in seconds, not {lock_timeout!r}")
        options: Dict[str, Any] = {
            "enable_audit": bool(enable_audit), "auto_cleanup": bool(auto_cleanup), "actor": text_of(actor, "actor"),
            "on_behalf_of": text_of(on_behalf_of, "on_behalf_of"), "purpose": text_of(purpose, "purpose"),
            "program": text_of(program, "program"), "create": bool(create), "upgrade": bool(upgrade),
            "accept_clock": bool(accept_clock), "diagnose": bool(diagnose), "collecting": bool(collecting),
            "lock_timeout_ms": int(lock_timeout * 1000), "metadata_limit_bytes": count_of(metadata_limit_bytes, "a limit"),
            "metadata_limit_depth": count_of(metadata_limit_depth, "a limit"),
            "seal_every_entries": count_of(seal_every_entries, "seal_every_entries"),
            "seal_every_s": count_of(seal_every_seconds, "seal_every_seconds"), "group_reads": bool(group_reads),
            "group": bool(group), "phi_guard": bool(phi_guard),
        }
        for name, path in (("signing_key", signing_key), ("payloads", payloads)):
            if path is not None:
                options[name] = absolute_bytes(path, name)
        self._begin(Connection(absolute_bytes(base_path, "base_path"), options), bool(enable_audit), bool(auto_cleanup))

    def _begin(self, connection: "Union[Connection, View]", enable_audit: bool, auto_cleanup: bool) -> None:
        self._connection = connection
        self.enable_audit = enable_audit
        self.auto_cleanup = auto_cleanup
        self.logger = logging.getLogger("custody")
        self.storage = ArtifactStorage(connection)
        self.audit = AuditTrail(connection)
        self._base_path = path_of(connection.store.base_path())
        self._runs: Dict[str, ProcessingRun] = {}

    @property
    def base_path(self) -> Path:
        return self._base_path

    def acting(self, *, actor: Optional[str] = None, on_behalf_of: Optional[str] = None,
               purpose: Optional[str] = None) -> "ArtifactManager":
        """The same open store in somebody else's name: `manager.acting(actor="anna", purpose="audit 7").get_artifact_file(id)`."""
        given = {"actor": actor, "on_behalf_of": on_behalf_of, "purpose": purpose}
        attribution = {what: text for what, text in ((what, text_of(text, what)) for what, text in given.items()) if text is not None}
        manager = object.__new__(type(self))
        manager.__dict__.update(self._own())
        manager._begin(View(self._connection, attribution), self.enable_audit, self.auto_cleanup)
        manager._runs = self._runs
        return manager

    def close(self) -> None:
        """Closes the store; runs that this process has not ended end as failed. Closing again does nothing."""
        self._connection.close()

    def __enter__(self) -> "ArtifactManager":
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                 traceback: Optional[TracebackType]) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"ArtifactManager({str(self._base_path)!r})"

    def __reduce__(self) -> tuple:
        """For another process, which opens the store anew, with the same options."""
        return _on, (type(self), self._connection, self.enable_audit, self.auto_cleanup), self._own() or None

    def _own(self) -> Dict[str, Any]:
        """What a derived class has beside our attributes."""
        return {name: value for name, value in self.__dict__.items() if name not in _OURS}

    # ---- Runs ----

    @property
    def current_run(self) -> Optional[ProcessingRun]:
        """The innermost run that this thread started and that has not ended."""
        if not self._runs:
            return None
        run = self._store.current_run()
        return None if run is None else self._runs.get(run)

    def start_processing_run(self, configuration: Optional[Dict[str, Any]] = None, *, on_behalf_of: Optional[str] = None,
                             purpose: Optional[str] = None, time_to_live: int = 0,
                             allow_phi_metadata: bool = False) -> ProcessingRun:
        """Starts a run; artifacts that this thread makes join it until it ends. Runs are independent of one another.

        time_to_live: seconds after which it ends as lost, for runs that several processes share; else it is lost when this process dies.
        Raises InvalidArgument where the configuration is no dict or too large, Refused for protected health information in it.
        """
        configuration = {} if configuration is None else configuration
        try:
            text = json_text(configuration, "configuration")
            options = {"on_behalf_of": text_of(on_behalf_of, "on_behalf_of"), "purpose": text_of(purpose, "purpose"),
                       "time_to_live_s": count_of(time_to_live, "time_to_live"), "allow_phi_metadata": bool(allow_phi_metadata)}
        except Error as error:
            self._misused("start_processing_run", error)
            raise
        run_id = self._store.start_run(text, options)
        run = ProcessingRun(run_id, dict(configuration), ArtifactStatus.IN_PROGRESS, datetime.now(timezone.utc), manager=self)
        self._runs[run_id] = run
        return run

    def end_processing_run(self, status: ArtifactStatus = ArtifactStatus.COMPLETED, error_message: Optional[str] = None, *,
                           run: "Union[ProcessingRun, str, None]" = None) -> Optional[ProcessingRun]:
        """Ends the given run, else this thread's innermost one, as completed or failed. With none, a warning is logged.

        Raises NotFound, Conflict where it has ended (then it is this thread's no longer), InvalidArgument.
        """
        current = self.current_run if run is None else run
        if current is None:
            self.logger.warning("No active processing run to end")
            return None
        run_id = current.run_id if isinstance(current, ProcessingRun) else current
        try:
            wanted = member_of(ArtifactStatus, status, "status").value
            message = message_of(error_message, "error_message")
            if not is_id(run_id):
                raise NotFound(f"there is no run {run_id!r}")
        except Error as error:
            self._misused("end_processing_run", error)
            raise
        try:
            self._store.end_run(run_id, wanted, message)
        except Conflict:  # somebody else has ended it: what is made from here on is not of it
            self._store.detach_run(run_id)
            self._runs.pop(run_id, None)
            raise
        ended = self._runs.pop(run_id, current if isinstance(current, ProcessingRun) else None)
        if ended is not None:
            ended.status = ArtifactStatus(wanted)
            ended.ended_at = datetime.now(timezone.utc)
            if message:
                ended.error_messages.append(message)
        return ended

    def _detach(self, run: ProcessingRun) -> None:
        self._store.detach_run(run.run_id)
        self._runs.pop(run.run_id, None)

    def get_run(self, run_id: str) -> Optional[RunRecord]:
        """None for an unknown id."""
        if not self._is_id("get_run", run_id):
            return None
        form = self._store.get_run(run_id)
        return None if form is None else RunRecord.of(form)

    def list_runs(self, status: Optional[ArtifactStatus] = None, *, since: Optional[datetime] = None,
                  until: Optional[datetime] = None, limit: Optional[int] = None) -> List[RunRecord]:
        """Newest first. `since`: started then or later; `until`: before. A limit of 0 is none."""
        try:
            query = {"status": None if status is None else member_of(ArtifactStatus, status, "status").value,
                     "since": microseconds_of(since, "since"), "until": microseconds_of(until, "until"),
                     "limit": count_of(limit, "limit")}
        except Error as error:
            self._misused("list_runs", error)
            raise
        return [RunRecord.of(form) for form in self._store.list_runs(query)]
