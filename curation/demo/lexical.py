"""BM25 over a small pool: the demo's first stage, which shared words mislead."""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence

K1, B = 1.2, 0.75
_WORD = re.compile(r"[a-z']+|\d+")


def words(text: str) -> list[str]:
    """Return the lower-case words and numbers of a text."""
    return _WORD.findall(text.lower())


class Bm25:
    """BM25 scores (Robertson and Zaragoza 2009, Eq. 3.15) with statistics from one pool."""

    def __init__(self, passages: Mapping[str, str]) -> None:
        self._counts = {docid: Counter(words(text)) for docid, text in passages.items()}
        self._lengths = {docid: sum(counts.values()) for docid, counts in self._counts.items()}
        self._mean_length = sum(self._lengths.values()) / max(1, len(self._lengths))
        frequency = Counter(word for counts in self._counts.values() for word in counts)
        total = len(self._counts)
        self._idf = {
            word: math.log(1 + (total - n + 0.5) / (n + 0.5)) for word, n in frequency.items()
        }

    def rank(self, query: str, docids: Sequence[str]) -> dict[str, float]:
        """Return scores of some of the passages, best first."""
        scores = {docid: self._score(words(query), docid) for docid in docids}
        return dict(sorted(scores.items(), key=lambda entry: (-entry[1], entry[0])))

    def _score(self, query: Sequence[str], docid: str) -> float:
        counts = self._counts[docid]
        norm = K1 * (1 - B + B * self._lengths[docid] / self._mean_length)
        return sum(
            self._idf[word] * counts[word] * (K1 + 1) / (counts[word] + norm)
            for word in query
            if word in counts
        )
