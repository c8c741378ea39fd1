"""What a job is said to take before it starts."""

import json
from pathlib import Path

import polars as pl
import pytest

from curation.prices import Price
from curation.source_folder import SourceQuery, write_source
from db.store import Store
from db.workspace import Workspace
from trainer import estimating
from trainer.engines.opening import Served
from trainer.estimating import estimate
from trainer.jobs import GenerateSpec
from trainer.synthesis_settings import SynthesisSettings
from trainer.texts import first_words, rough_tokens

MAIN = Served(model="main", base_urls=("http://h/v1",))
PRICES = {"main": Price(prompt=1, completion=2, batch=0.5), "judge": Price(prompt=10, completion=0)}
SETTINGS = {"dense": False, "max_new_tokens": 100, "samples": 2}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create(Workspace(tmp_path / "workspace"))


def spec(store: Store, queries: list[SourceQuery], passages: int = 60, **changes) -> GenerateSpec:
    frame = pl.DataFrame(
        [(f"d{n}", "", f"passage number {n}") for n in range(passages)],
        schema={"docid": pl.String, "title": pl.String, "text": pl.String},
        orient="row",
    )
    made = write_source(store.workspace.sources, "s", "table", queries, frame)
    given = {"engine": MAIN, "settings": SynthesisSettings(**SETTINGS)} | changes
    return GenerateSpec(
        name="n",
        source=store.workspace.sources / made.source_id,
        answers=store.workspace.answers,
        prices=PRICES,
        **given,
    )


def test_a_second_teacher_costs_what_it_asks_itself(store):
    queries = [SourceQuery(f"q{n}", "d", "why?", "because") for n in range(3)]
    alone = estimate(store, spec(store, queries))
    assert alone.requests == {"select": 3, "negatives": 3, "rank": 6}
    assert alone.completion_tokens == 12 * 100
    assert alone.price == pytest.approx((alone.prompt_tokens + 2 * 1200) / 1e6, abs=1e-6)
    judge = MAIN.model_copy(update={"model": "judge"})
    both = estimate(store, spec(store, queries, judge=judge))
    assert both.requests == {"select": 3, "negatives": 3, "rank": 9}
    more = both.prompt_tokens - alone.prompt_tokens
    assert both.price - alone.price == pytest.approx(10 * more / 1e6, abs=1e-5)
    unknown = MAIN.model_copy(update={"model": "unknown"})
    found = estimate(store, spec(store, queries, judge=unknown))
    assert (found.price, found.unpriced) == (None, ("unknown",))
    batch = MAIN.model_copy(update={"batch": True})
    assert estimate(store, spec(store, queries, engine=batch)).price == pytest.approx(
        alone.price / 2
    )


def test_linked_passages_are_asked_for_in_parts(store):
    linked = tuple(f"d{n}" for n in range(50))
    queries = [SourceQuery("q1", "d", "why?", "because", linked=linked)]
    settings = SynthesisSettings(**SETTINGS, depth=20)
    found = estimate(store, spec(store, queries, settings=settings))
    assert found.requests == {"select": 3, "negatives": 1, "rank": 2}


def test_an_estimate_goes_by_earlier_answers_and_reads_nothing_twice(store, monkeypatch):
    queries = [SourceQuery("q1", "d", "why?", "because")]
    asked = spec(store, queries)
    first = estimate(store, asked)
    monkeypatch.setattr(estimating, "read_source", None)
    again = asked.model_copy(update={"name": "other"})
    assert estimate(store, again) == first


def test_a_tokenizer_is_believed_and_without_one_texts_without_spaces_count():
    assert rough_tokens("生存还是毁灭" * 100) == 600
    assert rough_tokens("a b c") == 4
    assert len(first_words("生" * 10_000, 512)) == 512 * 2
    prose = "Water moves through membranes. " * 200
    assert len(first_words(prose, 512).split()) == 384
    assert first_words("as it is", 512) == "as it is"
    assert json.dumps(first_words("\ud800" * 5000, 512))
