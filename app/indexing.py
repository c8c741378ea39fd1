"""The search index of the open workspace: a thread extends it while pages are drawn."""

import threading
from weakref import WeakKeyDictionary

from db.errors import RankDeskError
from db.search import SearchIndex
from db.store import Store


class Indexing:
    """A workspace's search index and the thread that brings it up to date.

    Attributes:
        error: What stopped the thread; None while all is well.
    """

    def __init__(self, store: Store) -> None:
        self.index = SearchIndex(store)
        self.error: RankDeskError | None = None
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()

    def catch_up(self, wait: float) -> bool:
        """Index in the background what is missing, and return whether all can be found.

        Args:
            wait: Seconds that the caller has: little is missing as a rule, and soon there.
        """
        if self.index.up_to_date():
            return True
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="indexing", daemon=True)
                self._thread.start()
            thread = self._thread
        thread.join(wait)
        return self.index.up_to_date()

    def close(self) -> None:
        """End the thread, once it has written what it is at."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        try:
            self.index.extend(lambda: not self._closed.is_set())
            self.error = None
        except RankDeskError as error:  # the page says so, and asks again
            self.error = error


_RUNNING: WeakKeyDictionary[Store, Indexing] = WeakKeyDictionary()
_LOCK = threading.Lock()


def indexing(store: Store) -> Indexing:
    """Return the indexing of an open workspace; all sessions share it."""
    with _LOCK:
        if store not in _RUNNING:
            _RUNNING[store] = Indexing(store)
        return _RUNNING[store]


def release(store: Store) -> None:
    """Close a workspace, after what indexes it."""
    with _LOCK:
        running = _RUNNING.pop(store, None)
    if running is not None:
        running.close()
    store.close()
