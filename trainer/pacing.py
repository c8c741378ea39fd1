"""Rates that an endpoint allows, kept to by whoever asks it."""

import asyncio
import time

_SLACK = 1.05
"""So much longer than need be is a pause: requests that left evenly arrive less so."""


class Pace:
    """Lets so much pass per minute, evenly: endpoints count over any minute, the first one too."""

    def __init__(self, per_minute: int | None, *, minute_s: float = 60.0) -> None:
        """Begin with nothing passed.

        Args:
            per_minute: None lets everything pass at once.
            minute_s: Seconds that count as a minute.
        """
        self._seconds_each = 0.0 if per_minute is None else _SLACK * minute_s / per_minute
        self._free_at = 0.0  # on the monotonic clock

    async def take(self, amount: float = 1.0) -> None:
        """Wait for one's turn; what comes next waits as long as `amount` takes."""
        now = time.monotonic()
        turn = max(now, self._free_at)
        self._free_at = turn + amount * self._seconds_each
        if turn > now:
            await asyncio.sleep(turn - now)


class Paces:
    """Requests and tokens per minute of one endpoint and key; shared by the models behind it."""

    def __init__(self, requests: int | None, tokens: int | None, *, minute_s: float = 60.0) -> None:
        """Take the limits of requests and of tokens per minute; None sets none."""
        self._requests = Pace(requests, minute_s=minute_s)
        self._tokens = Pace(tokens, minute_s=minute_s)
        self.counts_tokens = tokens is not None

    async def take(self, tokens: float) -> None:
        """Wait until one more request is allowed, which takes so many tokens."""
        await self._requests.take()
        await self._tokens.take(tokens)
