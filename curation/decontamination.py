"""Training texts that are test texts, or nearly: pairs found in three ways.

* `exact`: equal once case, width, punctuation, symbols and spacing are taken away.
* `words`: cosine of TF-IDF over runs of `GRAM` characters of what is left then.
* `meaning`: cosine of sentence embeddings, which the caller brings (no model is loaded here).

The default cuts come from measurements on real test queries: bench/results/decontamination.md.
"""

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from typing import Any, Literal

import numpy as np

from curation.errors import CurationError

Kind = Literal["exact", "words", "meaning"]
KINDS: tuple[Kind, ...] = ("exact", "words", "meaning")
GRAM = 5
NEAR = 0.1  # how far below a cut a pair is still worth listing
ROUNDING = 1e-6  # equal texts may score this much below 1
BINS = 50  # of the histograms over 0..1
MOST = 1_000_000  # pairs of a way: more would be no list that anyone reads
CHUNK = 512  # training texts in one product

Vectors = np.ndarray[Any, np.dtype[np.float32]]
Fingerprints = dict[bytes, list[str]]
Progress = Callable[[int, int], None]


class DecontaminationError(CurationError):
    """A comparison cannot be made as asked; nothing was recorded."""


@dataclass(frozen=True, slots=True)
class Cuts:
    """From which cosine on (0..1) a pair counts as the same text."""

    words: float = 0.75
    meaning: float = 0.90

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not 0 < value <= 1:
                raise DecontaminationError(
                    f"The cut of {name} is a cosine above 0 and at most 1, got {value}."
                )

    def of(self, kind: Kind) -> float:
        """Return the cut of a way; an exact pair scores 1."""
        return {"exact": 1.0, "words": self.words, "meaning": self.meaning}[kind]


@dataclass(frozen=True, slots=True)
class Pair:
    """A training text and a test text that are alike.

    Attributes:
        score: Cosine, 0..1; 1 for an exact pair.
    """

    item_id: str
    qid: str
    kind: Kind
    score: float

    def over(self, cut: float) -> bool:
        """Return whether it counts as the same text."""
        return self.score >= cut - ROUNDING


@dataclass(frozen=True, slots=True)
class Found:
    """What one way found.

    Attributes:
        pairs: Those at or above the cut, and of each training text without one its nearest test
            text, if that is less than `NEAR` below.
        histogram: How many training texts have their nearest test text in each of `BINS` equal
            bins over 0..1.
    """

    pairs: list[Pair]
    histogram: list[int]


class _Dropped(dict[int, int | None]):
    """A table for `str.translate` that keeps letters, marks and numbers."""

    def __missing__(self, point: int) -> int | None:
        kept = None if unicodedata.category(chr(point))[0] in "PSZC" else point
        self[point] = kept
        return kept


_DROPPED = _Dropped()


def normalise(text: str) -> str:
    """Return the text's letters, marks and numbers: NFKC, case folded, in their order.

    Example:
        >>> normalise("What's  ２ + 2?") == normalise("WHATS 22")
        True
    """
    while True:  # folding and dropping can each give the other something to do, beyond ASCII
        step = unicodedata.normalize("NFKC", text).casefold().translate(_DROPPED)
        if step == text or text.isascii():
            return step
        text = step


def exact_pairs(training: Mapping[str, str], test: Mapping[str, str]) -> list[Pair]:
    """Return the pairs whose normalised texts are equal, and not empty.

    Args:
        training: Texts by id; test likewise.
    """
    wanted: dict[str, list[str]] = {}
    for qid, text in test.items():
        if key := normalise(text):
            wanted.setdefault(key, []).append(qid)
    return [
        Pair(item_id, qid, "exact", 1.0)
        for item_id, text in training.items()
        for qid in wanted.get(normalise(text), ())
    ]


def word_pairs(
    training: Mapping[str, str],
    test: Mapping[str, str],
    cut: float,
    on_progress: Progress | None = None,
) -> Found:
    """Return the pairs that share their runs of characters.

    Weights are sublinear term frequency times inverse document frequency over both sides, of
    length 1 for each text; a text shorter than `GRAM` characters is like no other.

    Args:
        on_progress: Told how many training texts are compared, and of how many.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    ids, qids = list(training), list(test)
    texts = [normalise(text) for text in (*training.values(), *test.values())]
    if not any(len(text) >= GRAM for text in texts):
        return _collect(ids, qids, iter(()), "words", cut)
    vectors = TfidfVectorizer(
        analyzer="char",
        ngram_range=(GRAM, GRAM),
        lowercase=False,
        sublinear_tf=True,
        dtype=np.float32,
    ).fit_transform(texts)
    rows, columns = vectors[: len(ids)], vectors[len(ids) :].T.tocsr()
    products = (
        (rows[start : start + CHUNK] @ columns).toarray() for start in range(0, len(ids), CHUNK)
    )
    return _collect(ids, qids, _told(products, len(ids), on_progress), "words", cut)


def meaning_pairs(
    ids: Sequence[str], vectors: Vectors, qids: Sequence[str], test_vectors: Vectors, cut: float
) -> Found:
    """Return the pairs whose embeddings are near.

    Args:
        vectors: (len(ids), d), each row of length 1; test_vectors likewise for qids.
    """
    products = (
        vectors[start : start + CHUNK] @ test_vectors.T for start in range(0, len(ids), CHUNK)
    )
    return _collect(ids, qids, products, "meaning", cut)


def _told(
    products: Iterator[Vectors], total: int, on_progress: Progress | None
) -> Iterator[Vectors]:
    done = 0
    for product in products:
        yield product
        done += len(product)
        if on_progress:
            on_progress(done, total)


def _collect(
    ids: Sequence[str], qids: Sequence[str], products: Iterable[Vectors], kind: Kind, cut: float
) -> Found:
    """Read pairs and the histogram from products of (a chunk of ids, in order) x (all qids)."""
    pairs: list[Pair] = []
    best = np.zeros(len(ids), dtype=np.float32)
    start = 0
    for product in products:
        scores = product.clip(0, 1)
        nearest = scores.max(axis=1, initial=0)
        best[start : start + len(scores)] = nearest
        keep = scores >= cut - ROUNDING
        missed = (nearest < cut - ROUNDING) & (nearest >= cut - NEAR) & (nearest > 0)
        if missed.any():
            keep[missed, scores[missed].argmax(axis=1)] = True
        if len(pairs) + int(keep.sum()) > MOST:
            raise DecontaminationError(
                f"More than {MOST:,} pairs reach the cut {cut} of {kind}. Choose a higher one."
            )
        for row, column in zip(*np.nonzero(keep), strict=True):
            pairs.append(Pair(ids[start + row], qids[column], kind, float(scores[row, column])))
        start += len(scores)
    counts, _ = np.histogram(best, bins=BINS, range=(0, 1))
    return Found(pairs, counts.tolist())


def fingerprints(texts: Iterable[tuple[str, str]]) -> Fingerprints:
    """Return the ids of texts by what is left of them after normalisation, hashed.

    Args:
        texts: (id, text), each id once; a long stream is fine, only hashes are kept.
    """
    known: Fingerprints = {}
    for name, text in texts:
        if key := normalise(text):
            known.setdefault(_digest(key), []).append(name)
    return known


def shared_texts(known: Fingerprints, texts: Iterable[str]) -> tuple[list[str], int]:
    """Return which of the known texts are among others, exactly after normalisation.

    Returns:
        Their ids, sorted, and how many of `texts` are known.
    """
    hits = [key for text in texts if (key := _digest(normalise(text))) in known]
    return sorted({name for key in hits for name in known[key]}), len(hits)


def _digest(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
