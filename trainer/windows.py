"""Sliding windows over a candidate list: the only place with window arithmetic."""

from trainer.errors import WindowError


def check_window(window: int, step: int) -> None:
    """Refuse a window and step that would skip candidates or never end.

    Raises:
        WindowError: `window` is below 2, or `step` is outside 1..window.
    """
    if window < 2:
        raise WindowError(f"window is {window}: give at least 2 passages, one alone has no order.")
    if not 1 <= step <= window:
        raise WindowError(
            f"step is {step} with a window of {window}: give 1 to {window}; "
            "a larger step would leave passages that no window sees."
        )


def sliding_windows(n: int, window: int, step: int) -> list[tuple[int, int]]:
    """Return the half-open windows over `n` candidates, back to front.

    The last window always starts at 0, and may be shorter than the others
    (ReasonRank, `rerank/rankllm.py`: the loop ends after the window at the top):

        n=25, window=20, step=10:   (5, 25)   then   (0, 15)

    Args:
        n: Number of candidates, 0 or more; 0 gives no window, n <= window gives one.
        window: Passages per call, at least 2.
        step: How far the window moves towards the top, 1..window.

    Raises:
        WindowError: `window` or `step` is out of range.
    """
    check_window(window, step)
    windows = []
    end = n
    while end > 0:
        start = max(end - window, 0)
        windows.append((start, end))
        if start == 0:
            break
        end -= step
    return windows
