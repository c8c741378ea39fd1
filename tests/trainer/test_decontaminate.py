from collections.abc import Sequence

import numpy as np
import pytest

from curation.decontamination import Vectors
from db.store import Store
from trainer import decontaminate
from trainer.similar import encode

TEXTS = ["why is the sky blue?", "what does a ribosome do", "WHY IS THE SKY BLUE?"]


def quiet(*_: object) -> None:
    pass


def test_texts_are_encoded_once_and_work_that_was_cut_short_goes_on(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    asked: list[str] = []

    def counted(texts: Sequence[str]) -> Vectors:
        asked.extend(texts)
        return encode(texts)

    def leave(done: int, total: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(decontaminate, "encode", counted)
    monkeypatch.setattr(decontaminate, "CHUNK", 2)
    with pytest.raises(KeyboardInterrupt):
        decontaminate.embedded(store, TEXTS, leave)
    assert len(asked) == 2
    found = decontaminate.embedded(store, [*TEXTS, TEXTS[0]], quiet)
    assert sorted(asked) == sorted(TEXTS)
    assert found.shape == (4, 384)
    np.testing.assert_allclose(found, encode([*TEXTS, TEXTS[0]]), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)


def test_another_encoder_s_vectors_are_not_taken(store: Store, monkeypatch: pytest.MonkeyPatch):
    decontaminate.embedded(store, TEXTS[:1], quiet)
    monkeypatch.setenv("RANKDESK_ENCODER", "another")
    monkeypatch.setattr(decontaminate, "encode", lambda texts: np.ones((len(texts), 3)))
    assert decontaminate.embedded(store, TEXTS[:1], quiet).shape == (1, 3)
