"""The open store behind a manager, and what becomes of it when this process forks or ends."""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from typing import Any, Dict, Optional, Tuple

from . import _custody
from .errors import InvalidState

# How long fork() waits for calls that other threads have under way.
_FORK_PATIENCE_MS = 10_000


class Connection:
    """Opens the store; in a forked child, on first use, opens it anew."""

    def __init__(self, base: bytes, options: Dict[str, Any]) -> None:
        self._base = base
        self._options = options
        self._lock = threading.Lock()
        self._closed = False
        self._unusable = False
        self._ready = self._locked = False  # of a fork that is under way
        self._store: Optional[_custody.Store] = _custody.Store(base, options)
        _open.add(self)

    @property
    def store(self) -> "_custody.Store":
        return self._store or self._reopened()

    def _reopened(self) -> "_custody.Store":
        with self._lock:
            if self._closed:
                raise InvalidState("this store was closed")
            if self._unusable:
                raise InvalidState("this process was forked while another thread had a call of the store under way, so it can't open "
                                   "that store: fork between calls, or start processes by spawn")
            if self._store is None:
                self._store = _custody.Store(self._base, {**self._options, "create": False})
            return self._store

    def __reduce__(self) -> tuple:
        return Connection, (self._base, {**self._options, "create": False})

    def close(self) -> None:
        with self._lock:
            store, self._store, self._closed = self._store, None, True
        if store is not None:
            try:
                store.close()
            except InvalidState:
                self._store, self._closed = store, False
                raise

    def before_fork(self) -> None:
        self._ready = self._locked = False
        self._locked = self._lock.acquire(timeout=_FORK_PATIENCE_MS / 1000)
        self._ready = self._locked and (self._store is None or self._store.before_fork(_FORK_PATIENCE_MS))

    def after_fork_in_parent(self) -> None:
        if self._store is not None:
            self._store.after_fork_in_parent()
        if self._locked:
            self._lock.release()

    def after_fork_in_child(self) -> None:
        self._lock = threading.Lock()
        self._unusable = self._unusable or not self._ready
        if self._store is not None:
            self._store.abandon()
            self._store = None


class View:
    """The same connection in somebody else's name."""

    def __init__(self, root: "Connection | View", attribution: Dict[str, str]) -> None:
        self._root = root
        self._attribution = attribution
        self._made: Tuple[Any, Any] = (None, None)

    @property
    def store(self) -> "_custody.Store":
        root = self._root.store
        made_from, store = self._made
        if made_from is not root:
            store = root.acting(self._attribution)
            self._made = (root, store)
        return store

    def __reduce__(self) -> tuple:
        return View, (self._root, self._attribution)

    def close(self) -> None:
        """A view has nothing of its own to close."""


_open: "weakref.WeakSet[Connection]" = weakref.WeakSet()
_forking: list = []
_one_fork_at_a_time = threading.Lock()


def _before_fork() -> None:
    _one_fork_at_a_time.acquire()
    _forking.extend(_open)
    for connection in _forking:
        try:
            connection.before_fork()
        except BaseException:  # an interrupt, which fork() can't let out; the child is told that it can't use this store
            pass


def _after_fork_in_parent() -> None:
    for connection in reversed(_forking):
        connection.after_fork_in_parent()
    _forking.clear()
    _one_fork_at_a_time.release()


def _after_fork_in_child() -> None:
    global _one_fork_at_a_time
    _one_fork_at_a_time = threading.Lock()
    for connection in _forking:
        connection.after_fork_in_child()
    _forking.clear()


def _close_all() -> None:
    for connection in list(_open):
        try:
            connection.close()
        except Exception:  # the process ends anyway; what went on is found as lost
            pass


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
atexit.register(_close_all)
