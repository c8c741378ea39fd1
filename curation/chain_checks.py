"""What can be said of a chain without a model: does it look at what is there, and end as it argues?

Each check is cheap enough to run at import. A failed one is a reason to look, not a verdict.
"""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Literal

import numpy as np

from curation.chains import agrees, mentioned
from curation.languages import language_of

Check = Literal[
    "no_chain", "unknown", "ignored", "contradiction", "language", "loop", "cut", "leak", "tags"
]
CHECKS: dict[Check, str] = {
    "no_chain": "No chain",
    "unknown": "Names passages that are not there",
    "ignored": "Never names some passages",
    "contradiction": "Ends on another order than the answer",
    "language": "Switches to another language",
    "loop": "Repeats itself",
    "cut": "Cut off before its answer",
    "leak": "Repeats the gold answer",
    "tags": "Holds tags of the answer's format",
}
REPEATS = 4  # times that one sentence stands in a chain, or words run over, before it is a loop
LOOP = 16  # words at least that run over and over
PERIOD = 24  # words at most of what runs over and over without a full stop between
FOREIGN = 8  # letters of another script than the query's and the passages'
LEAK = 8  # words in a row that a chain shares with the gold answer alone
SHORT_LEAK = 3  # a shorter answer counts whole, from this many words on
SENTENCE = 12  # different words of a sentence whose language can be told
SHARED = 0.2  # of its words, in the query and the passages: it is in their language
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
    if not set(range(1, n + 1)) <= named:
        found.append("ignored")
    if agrees(chain, permutation) is False:
        found.append("contradiction")
    sentences = _SENTENCES.split(chain)
    if _switches(chain, texts) or _strays(sentences, texts):
        found.append("language")
    if _loops(sentences):
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
    length = min(LEAK, len(_WORDS.findall(answer)))
    if length < SHORT_LEAK:
        return False  # a word or a number is soon found without having been told
    shared = _runs(chain, length) & _runs(answer, length)
    return bool(shared) and not shared <= set().union(*(_runs(text, length) for text in texts))


def _runs(text: str, length: int) -> set[tuple[str, ...]]:
    words = _WORDS.findall(text.lower())
    return {tuple(words[i : i + length]) for i in range(len(words) - length + 1)}


def _switches(chain: str, texts: Sequence[str]) -> bool:
    """Say whether a chain has many letters of a script that neither query nor passages have."""
    if chain.isascii() or max(chain) <= _LATIN_TO:
        return False
    return any(
        len(script.findall(chain)) >= FOREIGN and not any(script.search(text) for text in texts)
        for script in _OTHER_SCRIPTS.values()
    )


def _strays(sentences: Sequence[str], texts: Sequence[str]) -> bool:
    """Say whether a sentence is in a language that neither query nor passages are in.

    A sentence in their language shares its small words with them: only one that shares few is worth
    the time of asking for its language.
    """
    few, every = _vocabulary(texts[:4]), set[str]()
    of_texts: set[str | None] = set()
    for sentence in sentences:
        words = {word for word in _WORDS.findall(sentence.lower()) if word.isalpha()}
        wanted = SHARED * len(words)
        if len(words) < SENTENCE or len(words & few) >= wanted:
            continue
        every = every or _vocabulary(texts)
        if len(words & every) >= wanted:
            continue
        if (language := language_of(sentence)) is None:
            continue
        of_texts = of_texts or {language_of(text) for text in (" ".join(texts), *texts)}
        if of_texts != {None} and language not in of_texts:
            return True
    return False


def _vocabulary(texts: Sequence[str]) -> set[str]:
    return set(" ".join(texts).lower().split())  # what punctuation sticks to is not missed


def _loops(sentences: Sequence[str]) -> bool:
    """Say whether a sentence of some length, or a run of words, comes again and again."""
    said = (each.strip(" .!?").lower() for each in sentences)
    counts = Counter(each for each in said if len(each.split()) >= 4)
    if any(count >= REPEATS for count in counts.values()):
        return True
    return any(_runs_over(each.lower().split()) for each in sentences)


def _runs_over(words: Sequence[str]) -> bool:
    """Say whether at least `LOOP` words are the same few, over and over."""
    # Sixteen words that run over have at least nine runs of four again: most texts have not.
    fours = zip(words, words[1:], words[2:], words[3:], strict=False)
    if len(words) <= LOOP or len(words) - 3 - len(set(fours)) < LOOP - 7:
        return False
    numbers: dict[str, int] = {}
    coded = np.array([numbers.setdefault(word, len(numbers)) for word in words], dtype=np.int32)
    for period in range(1, min(PERIOD, len(words) // REPEATS) + 1):
        wanted = max(LOOP, REPEATS * period) - period
        same = coded[period:] == coded[:-period]
        if np.count_nonzero(same) < wanted:
            continue
        breaks = np.flatnonzero(~same)
        gaps = np.diff(breaks, prepend=-1, append=len(same)) - 1
        if gaps.max() >= wanted:
            return True
    return False
