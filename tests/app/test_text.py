"""Foreign text in labels and messages is shown as written."""

import re
import string

from hypothesis import given
from hypothesis import strategies as st

from app.widgets.text import duration, key_of, markdown, plain


@given(st.text(alphabet=st.sampled_from(string.punctuation + "ab1 é\u4e2d")))
def test_plain_escapes_every_mark_once(text: str) -> None:
    shown = plain(text)
    assert re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", shown).replace("\u2060", "") == text
    assert not re.search(r"(?<!\\)(?:\\\\)*[*_`$<>\[\]:!|~]", shown)


@given(st.sampled_from(["http://a.b", "HTTPS://a.b", "www.a.b", "ada@a.b", "mailto:ada@a.b"]))
def test_plain_leaves_nothing_that_is_read_as_a_link(text: str) -> None:
    unescaped = plain(f"see {text} now").replace("\\", "")
    assert not re.search(r"(?i)https?:|www\.|\w@|mailto:", unescaped)


def test_plain_is_one_line() -> None:
    assert "\n" not in plain("a\n\n# b")


@given(st.lists(st.text(), min_size=1, max_size=3))
def test_keys_hold_nothing_of_their_ids(parts: list[str]) -> None:
    assert re.fullmatch(r"[0-9a-f]{12}", key_of(*parts))


@given(st.text(alphabet=st.sampled_from("![]()\\ab\u200b\n")))
def test_markdown_holds_no_image_and_nothing_hidden(text: str) -> None:
    shown = markdown(text)
    assert "![" not in shown
    assert "\u200b" not in shown
    assert shown.replace("!\u2060[", "![") == text.replace("\u200b", "⟨U+200B⟩")


def test_durations() -> None:
    assert [duration(s) for s in (None, 4.2, 89, 150, 4800)] == [
        "–",
        "4 s",
        "89 s",
        "2 min",
        "80 min",
    ]
