"""What can be said of a chain without a model: does it look at what is there, and end as it argues?

Each check is cheap enough to run at import. A failed one is a reason to look, not a verdict.
"""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Literal

from curation.chains import concludes_on, mentioned

Check = Literal[
    "no_chain", "unknown", "ignored", "contradiction", "language", "loop", "cut", "leak", "tags"
]
CHECKS: dict[Check, str] = {
    "no_chain": "No chain",
    "unknown": "Names passages that are not there",
    "ignored": "Never names some passages",
    "contradiction": "Ends on another passage than the answer's first",
    "language": "Switches to another script",
    "loop": "Repeats itself",
    "cut": "Cut off before its answer",
    "leak": "Repeats the gold answer",
    "tags": "Holds tags of the answer's format",
}
REPEATS = 4  # times that one sentence stands in a chain before it counts as a loop
FOREIGN = 8  # letters of another script than the query's and the passages'
LEAK = 8  # words in a row that a chain shares with the gold answer alone
_TAGS = re.compile(r"</?(think|answer)>", re.IGNORECASE)
_WORDS = re.compile(r"\w+")
_SENTENCES = re.compile(r"[.!?]\s+|\n+")
_LATIN_TO = "\u024f"
# Scripts that chains are known to slip into: Cyrillic, Arabic, Devanagari, Thai, kana, Han, Hangul.
_OTHER_SCRIPTS = {
    "Cyrillic": re.compile("[\u0400-\u052f]"),
    "Arabic": re.compile("[\u0600-\u06ff]"),
    "Devanagari": re.compile("[\u0900-\u097f]"),
    "Thai": re.compile("[\u0e00-\u0e7f]"),
    "Kana": re.compile("[\u3040-\u30ff]"),
    "Han": re.compile("[\u3400-\u9fff]"),
    "Hangul": re.compile("[\uac00-\ud7af]"),
}


def failed_checks(
    chain: str,
    permutation: Sequence[int],
    status: str,
    texts: Sequence[str],
    answer: str = "",
) -> list[Check]:
    """Return the checks that a chain fails, in the order of `CHECKS`.

    Args:
        permutation: The answer, 1-based into the passages.
        status: Parse status of the response.
        texts: The query and the passages: what is written there in another script is no switch.
        answer: The gold answer, which the ranker must not have seen; "" where it is not known.
    """
    n = len(permutation)
    if not chain.strip():
        return ["no_chain"]
    named = mentioned(chain)
    found: list[Check] = []
    if any(not 1 <= number <= n for number in named):
        found.append("unknown")
    if named and not set(range(1, n + 1)) <= named:
        found.append("ignored")
    last = concludes_on(chain, n)
    if last and permutation[0] not in last:
        found.append("contradiction")
    if _switches(chain, texts):
        found.append("language")
    if _loops(chain):
        found.append("loop")
    if status in ("truncated", "no_answer"):
        found.append("cut")
    if answer and _leaks(chain, texts, answer):
        found.append("leak")
    if holds_tags(chain):
        found.append("tags")
    return found


def holds_tags(chain: str) -> bool:
    """Say whether a chain holds tags that stand around it when it is trained on."""
    return bool(_TAGS.search(chain))


def _leaks(chain: str, texts: Sequence[str], answer: str) -> bool:
    """Say whether a chain has words in a row from the answer that no text it was shown has."""
    shared = _runs(chain) & _runs(answer)
    return bool(shared) and not shared <= set().union(*map(_runs, texts))


def _runs(text: str) -> set[tuple[str, ...]]:
    words = _WORDS.findall(text.lower())
    return {tuple(words[i : i + LEAK]) for i in range(len(words) - LEAK + 1)}


def _switches(chain: str, texts: Sequence[str]) -> bool:
    """Say whether a chain has many letters of a script that neither query nor passages have."""
    if chain.isascii() or max(chain) <= _LATIN_TO:
        return False
    return any(
        len(script.findall(chain)) >= FOREIGN and not any(script.search(text) for text in texts)
        for script in _OTHER_SCRIPTS.values()
    )


def _loops(chain: str) -> bool:
    """Say whether a sentence of some length stands in a chain again and again."""
    sentences = (each.strip(" .!?").lower() for each in _SENTENCES.split(chain))
    counts = Counter(each for each in sentences if len(each.split()) >= 4)
    return any(count >= REPEATS for count in counts.values())
