"""What all parts of a manager stand on."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Dict, Optional, Union

from .connection import Connection, View
from .errors import Error, InvalidArgument, NotFound
from .storage import ArtifactStorage
from .values import is_id

if TYPE_CHECKING:
    from . import _custody
    from .runs import ProcessingRun


class ManagerBase:
    """The connection, and how calls that can't be made are told of."""

    storage: ArtifactStorage
    logger: logging.Logger
    _connection: Union[Connection, View]
    _runs: "Dict[str, ProcessingRun]"

    @property
    def _store(self) -> "_custody.Store":
        return self._connection.store

    @property
    def current_run(self) -> "Optional[ProcessingRun]":
        raise NotImplementedError

    def _misused(self, call: str, error: Error) -> None:
        """The entry of a call whose arguments the library can't even be given."""
        self._store.record_misuse(call, str(error), isinstance(error, NotFound))

    def _is_id(self, call: str, value: Any) -> bool:
        """False for a text that is no id, and so the id of nothing; that is recorded as a lookup that found nothing."""
        if is_id(value):
            return True
        if not isinstance(value, str):
            error = InvalidArgument(f"an artifact's id is a text, not {value!r}")
            self._misused(call, error)
            raise error
        self._misused(call, NotFound(f"there is no artifact {value!r}"))
        if not call.startswith("get_"):
            self.logger.error("Artifact not found: %r", value)
        return False

    def _require_id(self, call: str, value: Any) -> None:
        if not self._is_id(call, value):
            raise NotFound(f"there is no artifact {value!r}")

    def _note_failure(self, error: Error) -> None:
        run = self.current_run
        if run is not None:
            run.error_messages.append(str(error))
