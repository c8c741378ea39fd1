"""The thread of the workspace's owner that delivers webhooks.

It also reads what jobs wrote, so that a job's end is told while no page is open. Without a webhook
there is nobody to tell, and it looks at nothing but that.
"""

import logging
import time
from threading import Event, Thread

from curation import webhooks
from db.store import Store
from db.webhooks import list_webhooks
from trainer import ingest

TICK = 1.0  # seconds between two looks into the outbox
SYNC = 5.0  # seconds between two looks at the jobs

_logger = logging.getLogger(__name__)


class Courier:
    """Delivers what is due until it is stopped."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._stopped = Event()
        self._synced_at = 0.0
        self._thread = Thread(target=self._run, name="courier", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop after the attempt that is under way; what is not delivered stays in the outbox."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(TICK):
            try:
                self._round()
            except Exception:  # one bad job folder must not end all telling
                _logger.exception("The courier goes on after an error.")

    def _round(self) -> None:
        if not list_webhooks(self._store):
            return
        webhooks.deliver_due(self._store, self._stopped.is_set)
        if time.monotonic() - self._synced_at >= SYNC:
            self._synced_at = time.monotonic()
            ingest.sync(self._store)
