"""Words and numbers for the screen. Text from outside is made inert here before it is shown."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from math import floor, log10

_MARKS = re.compile(r"([!-/:-@\[-`{-~])")
_LINKS = re.compile(r"(?i)(https?|ftp|www|mailto|xmpp)(?=[:.])|(?<=\w)(?=@)")
# Control characters but tab and line ends, soft hyphens, bidi controls, zero-width characters,
# other invisible ones, and half pairs, which no browser can be sent.
_UNSEEN = re.compile(
    "\r(?!\n)|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0e\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e0fff]"
)
_BREAK = "\u2060"  # word joiner: invisible, and no link is recognised across it


def visible(text: str) -> str:
    r"""Return `text` with what hides, or reorders what stands around it, spelled out.

    Example:
        >>> visible("pay\u202epal")
        'pay⟨U+202E⟩pal'
    """
    return _UNSEEN.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", text)


def brief(text: str, most: int = 200) -> str:
    """Return a text, cut where it is longer than `most` characters.

    Where more is cut than shown, it says how much.
    """
    more = len(text) - most
    if more <= 0:
        return text
    return f"{text[:most]}…" + (f" ({more:,} more characters)" if more > most else "")


def plain(text: object) -> str:
    """Return `text` so that Markdown shows it as written: no link, image, formula or directive.

    Characters that hide, or reorder what stands around them, are spelled out.

    For labels, captions and messages that carry ids or names from outside. Long texts go to
    `st.text` or to the reader instead.
    """
    seen = visible(str(text).replace("\r\n", " ").replace("\n", " "))
    shown = _LINKS.sub(lambda found: f"{found[0]}{_BREAK}", seen)
    return _MARKS.sub(r"\\\1", shown)


def markdown(text: str) -> str:
    r"""Return Markdown that a person wrote, without what would fetch something: its images.

    Headings, lists, tables, links and formulas stay. `st.markdown` shows HTML as text by itself.
    An image is left as its text with a link, which asks nobody until it is clicked.

    Example:
        >>> markdown("![plan](https://a.example/p.png)").replace("\u2060", "|")
        '!|[plan](https://a.example/p.png)'
    """
    return visible(text).replace("![", f"!{_BREAK}[")


def key_of(*parts: object) -> str:
    """Return a short widget key that holds nothing of the ids it is made from."""
    return sha256("\x1f".join(map(str, parts)).encode("utf-8", "surrogatepass")).hexdigest()[:12]


def points(value: float | None, *, signed: bool = False) -> str:
    """Return a measure of 0..1 as points: ×100 with two decimals, as the recipe prints it."""
    if value is None:
        return "–"
    return f"{value * 100:+.2f}" if signed else f"{value * 100:.2f}"


def p_value(p: float | None) -> str:
    """Return a p-value as text."""
    if p is None:
        return "–"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def interval(bounds: tuple[float, float] | None) -> str:
    """Return an interval of a measure, in points."""
    return "–" if bounds is None else f"{points(bounds[0])} – {points(bounds[1])}"


def duration(seconds: float | None) -> str:
    """Return a time span for people: `40 s`, `3 min`, `1 h 20 min`."""
    if seconds is None:
        return "–"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def when(moment: datetime | None) -> str:
    """Return a time in UTC, to the minute."""
    return "–" if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def many(n: int, noun: str, plural: str = "") -> str:
    """Return `1 item`, `2 items`, `1,500 items`."""
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"


def labelled(names: dict[str, str]) -> Callable[[str], str]:
    """Return a `format_func` that shows the (inert) name of a key."""
    return lambda key: plain(names.get(key, key))


def dollars(amount: float) -> str:
    """Write US dollars with as many places as a small amount needs.

    Example:
        >>> dollars(12.5), dollars(0.0024), dollars(0)
        ('$12.50', '$0.0024', '$0.00')
    """
    places = 2 if amount == 0 or amount >= 1 else max(2, 1 - floor(log10(amount)))
    return f"${amount:,.{places}f}"
