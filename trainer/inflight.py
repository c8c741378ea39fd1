"""A bound on calls in flight, by which the longest remaining work goes first."""

import asyncio
import heapq
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count


class InFlight:
    """At most `limit` calls at once; of those that wait, the one with the most left behind it.

    Queries with many calls left would otherwise be finished last and alone, with an idle engine.
    """

    def __init__(self, limit: int) -> None:
        self._free = limit
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._arrivals = count()

    @asynccontextmanager
    async def turn(self, left: int) -> AsyncIterator[None]:
        """Wait for a place and hold it.

        Args:
            left: Calls that the caller has yet to make, this one included.
        """
        if self._free:
            self._free -= 1
        else:
            place = asyncio.get_running_loop().create_future()
            heapq.heappush(self._waiting, (-left, next(self._arrivals), place))
            try:
                await place
            except asyncio.CancelledError:
                if place.done() and not place.cancelled():
                    self._give_back()  # the place came in the same moment
                raise
        try:
            yield
        finally:
            self._give_back()

    def _give_back(self) -> None:
        while self._waiting:
            _, _, place = heapq.heappop(self._waiting)
            if not place.done():
                place.set_result(None)
                return
        self._free += 1
