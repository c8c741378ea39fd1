"""Texts that are the same, nearly the same, or mean the same: the first stays, the others go.

Each text is held against those that stay, never against one that goes: whatever is removed is as
similar as asked to the one it is removed for, and no chain of small steps joins unlike texts.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Literal

Level = Literal["none", "exact", "near", "semantic"]
LEVELS: tuple[Level, ...] = ("none", "exact", "near", "semantic")

NEAR = 0.8
"""Jaccard similarity of the sets of `SHINGLE` words in a row, from which texts are near."""

SEMANTIC = 0.95
"""Cosine of two texts' vectors from which they mean the same."""

SHINGLE = 3
_PERMUTATIONS = 128
# Candidates are checked by their real similarity: a pair too many costs little, a missed one stays.
_WEIGHTS = (0.1, 0.9)  # of false positives and false negatives
_CHUNK = 256
_WORD = re.compile(r"\w+")

Encode = Callable[[Sequence[str]], Any]
"""Gives an array (texts, dimensions) of vectors of length 1."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A text that goes.

    Attributes:
        id: Its id.
        of: The id of the one that stays.
        kind: How the two were found to be alike; through a third text, where that went later.
        similarity: 1 for exact, Jaccard for near, cosine for semantic.
    """

    id: str
    of: str
    kind: Literal["exact", "near", "semantic"]
    similarity: float


def normal(text: str) -> str:
    """Return the words of a text, without case, punctuation, spacing and forms of letters."""
    return " ".join(_WORD.findall(unicodedata.normalize("NFKC", text).casefold())) or text.strip()


def find_duplicates(
    texts: Mapping[str, str],
    level: Level,
    *,
    near: float = NEAR,
    semantic: float = SEMANTIC,
    encode: Encode | None = None,
    on_progress: Progress | None = None,
) -> list[Duplicate]:
    """Return the texts that go, in order; each level includes those before it.

    Args:
        texts: By id; the first of several alike stays.
        near: See `NEAR`.
        semantic: See `SEMANTIC`.
        encode: Needed for `semantic`.
        on_progress: Told how many texts the present step has seen, and of how many.
    """
    found: list[Duplicate] = []
    staying = dict(texts)
    steps: list[Callable[[], list[Duplicate]]] = [
        lambda: exact(staying),
        lambda: near_duplicates(staying, near, on_progress),
        lambda: semantic_duplicates(staying, semantic, _given(encode), on_progress),
    ]
    for step in steps[: LEVELS.index(level)]:
        gone = step()
        for duplicate in gone:
            del staying[duplicate.id]
        now = {duplicate.id: duplicate.of for duplicate in gone}
        found = [
            Duplicate(each.id, now.get(each.of, each.of), each.kind, each.similarity)
            for each in found
        ] + gone
    place = {key: number for number, key in enumerate(texts)}
    return sorted(found, key=lambda duplicate: place[duplicate.id])


def exact(texts: Mapping[str, str]) -> list[Duplicate]:
    """Return the texts whose words an earlier one has, in the same order."""
    first: dict[bytes, str] = {}  # by hash: millions of texts need not be held twice
    return [
        Duplicate(key, stays, "exact", 1.0)
        for key, text in texts.items()
        if (stays := first.setdefault(_hash(normal(text)), key)) != key
    ]


def near_duplicates(
    texts: Mapping[str, str], threshold: float = NEAR, on_progress: Progress | None = None
) -> list[Duplicate]:
    """Return the texts that share most of their runs of words with an earlier one that stays.

    Candidates come from MinHash and LSH, which miss few; their similarity is then computed.
    """
    from datasketch import MinHash, MinHashLSH

    index = MinHashLSH(threshold=threshold, num_perm=_PERMUTATIONS, weights=_WEIGHTS)
    found = []
    # The generator draws its permutations once, not for each text.
    hashes = MinHash.generator(map(_as_bytes, texts.values()), num_perm=_PERMUTATIONS)
    for number, (key, hashed) in enumerate(zip(texts, hashes, strict=True), start=1):
        shingles = _shingles(texts[key])
        best, of = max(
            ((_jaccard(shingles, _shingles(texts[other])), other) for other in index.query(hashed)),
            default=(0.0, ""),
        )
        if best >= threshold:
            found.append(Duplicate(key, of, "near", best))
        else:
            index.insert(key, hashed, check_duplication=False)
        if on_progress and (number % _CHUNK == 0 or number == len(texts)):
            on_progress(number, len(texts))
    return found


def semantic_duplicates(
    texts: Mapping[str, str],
    threshold: float,
    encode: Encode,
    on_progress: Progress | None = None,
) -> list[Duplicate]:
    """Return the texts whose vector is nearly that of an earlier one that stays."""
    import numpy as np

    ids = list(texts)
    kept: list[str] = []
    vectors = np.empty((len(ids), 0), dtype=np.float32)
    found = []
    for start in range(0, len(ids), _CHUNK):
        chunk = ids[start : start + _CHUNK]
        new = np.asarray(encode([texts[key] for key in chunk]), dtype=np.float32)
        if start == 0:
            vectors = np.empty((len(ids), new.shape[1]), dtype=np.float32)
        before = new @ vectors[: len(kept)].T
        earlier = len(kept)
        for row, key in enumerate(chunk):
            within = vectors[earlier : len(kept)] @ new[row]
            similar = np.concatenate([before[row], within])
            best = int(similar.argmax()) if len(similar) else 0
            if len(similar) and similar[best] >= threshold:
                found.append(Duplicate(key, kept[best], "semantic", min(1.0, float(similar[best]))))
            else:
                vectors[len(kept)] = new[row]
                kept.append(key)
        if on_progress:
            on_progress(min(start + _CHUNK, len(ids)), len(ids))
    return found


def _hash(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _given(encode: Encode | None) -> Encode:
    if encode is None:
        raise ValueError("semantic duplicates need an encoder")
    return encode


def _shingles(text: str) -> set[str]:
    """Return every run of `SHINGLE` words; of a shorter text, the whole."""
    words = normal(text).split()
    last = max(len(words) - SHINGLE + 1, 1)
    return {" ".join(words[start : start + SHINGLE]) for start in range(last)}


def _as_bytes(text: str) -> list[bytes]:
    return [shingle.encode("utf-8", "surrogatepass") for shingle in _shingles(text)]


def _jaccard(one: set[str], other: set[str]) -> float:
    return len(one & other) / len(one | other)
