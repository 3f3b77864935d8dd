"""The store's folders."""

from __future__ import annotations

from pathlib import Path
from typing import Union

from .connection import Connection, View
from .values import path_of

__all__ = ["ArtifactStorage"]


class ArtifactStorage:
    """Where a store keeps its files; `manager.storage`."""

    def __init__(self, connection: "Union[Connection, View]") -> None:
        self._connection = connection
        self._path = path_of(connection.store.storage_path())

    @property
    def base_path(self) -> Path:
        """The folder `storage/` of the store."""
        return self._path

    @property
    def artifacts_path(self) -> Path:
        """Named links to payloads, by type; made when a path is asked for."""
        return self._path / "artifacts"

    @property
    def temp_path(self) -> Path:
        """Scratch space, one folder a process."""
        return self._path / "temp"

    def temp_folder(self) -> Path:
        """This process's own scratch folder, made on first use and removed with the manager."""
        return path_of(self._connection.store.temp_folder())

    def cleanup_temp(self) -> int:
        """Empties this process's temp folder and removes those of dead processes; answers how many files and folders went."""
        return self._connection.store.cleanup_temp()

    def __repr__(self) -> str:
        return f"ArtifactStorage({str(self._path)!r})"
