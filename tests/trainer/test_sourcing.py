"""Cleaning with models: a tokenizer that counts, an encoder that compares."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from curation.source_drafts import Draft, cleaning_of
from curation.source_folder import PASSAGES_SCHEMA, SourceQuery
from trainer import similar
from trainer.errors import ModelError
from trainer.models import load_tokenizer
from trainer.sourcing import clean_draft

TEXT = " ".join(f"Thermoregulation number {n} is uncharacteristically slow." for n in range(30))


def draft(*texts: str) -> Draft:
    rows = [(str(number), None, text) for number, text in enumerate(texts)]
    frame = pl.DataFrame(rows, schema=PASSAGES_SCHEMA, orient="row")
    return Draft("table", [SourceQuery("q", "d", "why?")], frame, {})


def test_passages_are_measured_in_a_model_s_tokens(tiny_model: Path):
    found = clean_draft(draft(TEXT), cleaning_of(length=80, tokenizer=str(tiny_model)))
    texts = found.passages["text"].to_list()
    tokenizer = load_tokenizer(str(tiny_model))
    counts = [len(tokenizer(text, add_special_tokens=False)["input_ids"]) for text in texts]
    assert len(texts) > 3
    assert max(counts) <= 81  # a word that begins a text is another token than after a space
    assert max(counts) > max(len(text.split()) for text in texts)
    assert " ".join(texts) == TEXT
    assert all(text.endswith(".") for text in texts)
    assert found.report.cleaning.tokenizer == str(tiny_model)


def test_a_tokenizer_that_is_not_there_is_refused():
    with pytest.raises(ModelError, match="nowhere"):
        clean_draft(draft(TEXT), cleaning_of(length=40, tokenizer="/nowhere"))


def test_vectors_have_length_one():
    vectors = similar.encode(["one", "two words"])
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
