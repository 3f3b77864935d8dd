"""Processing runs: handles that end, also by themselves."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Type

from .enums import ArtifactStatus
from .models import ArtifactMetadata, RunRecord

if TYPE_CHECKING:
    from .manager import ArtifactManager

__all__ = ["ProcessingRun"]


@dataclass
class ProcessingRun:
    """A run that this process started. As a context manager it ends itself: completed, or failed where an exception passes through;
    but not where a forked child leaves its block, since the run is the parent's.

    `input_artifacts`, `output_artifacts` and `error_messages` are of what went through this manager; `record()` asks the store.
    """

    run_id: str
    configuration: Dict[str, Any]
    status: ArtifactStatus
    started_at: datetime
    ended_at: Optional[datetime] = None
    input_artifacts: List[str] = field(default_factory=list)
    output_artifacts: List[str] = field(default_factory=list)
    error_messages: List[str] = field(default_factory=list)
    manager: "Optional[ArtifactManager]" = field(default=None, repr=False, compare=False)
    _pid: int = field(default_factory=os.getpid, init=False, repr=False, compare=False)

    @property
    def start_time(self) -> datetime:
        return self.started_at

    @property
    def end_time(self) -> Optional[datetime]:
        return self.ended_at

    @property
    def config(self) -> Dict[str, Any]:
        return self.configuration

    @property
    def ended(self) -> bool:
        return self.ended_at is not None

    def end(self, status: ArtifactStatus = ArtifactStatus.COMPLETED, error_message: Optional[str] = None) -> None:
        """Ends the run: completed or failed. Raises Conflict where it has ended already."""
        self._manager().end_processing_run(status, error_message, run=self)

    def detach(self) -> None:
        """Leaves the run going on when this process ends; for a run with a time to live. End it later by its id."""
        self._manager()._detach(self)

    def record(self) -> RunRecord:
        """The run as the store has it now."""
        record = self._manager().get_run(self.run_id)
        assert record is not None
        return record

    def _manager(self) -> "ArtifactManager":
        if self.manager is None:
            raise ValueError("this run has no manager")
        return self.manager

    def _made(self, artifact: ArtifactMetadata) -> None:
        if artifact.artifact_id not in self.output_artifacts:
            self.output_artifacts.append(artifact.artifact_id)
        self._used(artifact.source_artifacts)

    def _used(self, sources: List[str]) -> None:
        for source in sources:
            if source not in self.input_artifacts and source not in self.output_artifacts:
                self.input_artifacts.append(source)

    def __enter__(self) -> "ProcessingRun":
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                 traceback: Optional[TracebackType]) -> None:
        if self.ended or os.getpid() != self._pid:
            return
        if kind is None:
            self.end()
        else:
            self.end(ArtifactStatus.FAILED, str(error) or kind.__name__)
