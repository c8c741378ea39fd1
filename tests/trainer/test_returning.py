"""An evaluation's mistakes bring the most similar items back, until they are judged again."""

import pytest

from curation import review
from db import evaluations, items, returns
from db.records import ItemFilter
from db.store import Store
from db.workspace import Workspace
from tests.app.sample import add_evaluation, fill
from trainer import returning
from trainer.errors import EvaluationError
from trainer.similar import nearest

BACK = ItemFilter(verdict="returned")


@pytest.mark.slow
def test_the_encoder_finds_what_means_alike():
    found = nearest(
        {"q": "How fast does a dropped stone fall?"},
        {"tax": "Who pays when prices rise?", "fall": "The speed of a falling rock after a second"},
        2,
    )
    (first, high), (second, low) = found["q"]
    assert (first, second) == ("fall", "tax")
    assert 1 >= high > low


@pytest.fixture
def store(tmp_path, monkeypatch):
    # The encoder has its own test: here every query is like the first items.
    monkeypatch.setattr(
        returning,
        "nearest",
        lambda texts, among, k, on_progress: {
            key: [(item_id, 0.9 - 0.1 * at) for at, item_id in enumerate(sorted(among)[:k])]
            for key in texts
        },
    )
    with Store.create(Workspace(tmp_path / "workspace")) as opened:
        fill(opened, tmp_path)
        yield opened


def ids(store: Store) -> tuple[str, str, dict[str, str]]:
    rows = {row["name"]: row["evaluation_id"] for row in evaluations.list_evaluations(store)}
    texts = {f"q{n}": f"query {n}" for n in range(12)}
    return rows["sft on held-out"], rows["first-stage"], texts


def test_lost_queries_come_back_as_items_with_the_reason(store):
    evaluation, baseline, texts = ids(store)
    found = returning.find_mistakes(
        store, evaluation, baseline, "lost", least=0.01, measure="nDCG@10"
    )
    assert found
    sent = returning.send_back(store, evaluation, found, texts, per_query=2, returned_by="ada")
    assert sent == 2 * len(found)
    assert items.count_items(store, BACK) == returns.count_open(store) == 2
    item_id = items.next_item_ids(store, BACK)[0]
    reasons = returns.open_returns(store, item_id)
    assert {row["qid"] for row in reasons} == {each.qid for each in found}
    assert reasons[0]["evaluation"] == "sft on held-out"
    assert "→" in reasons[0]["detail"]
    again = returning.send_back(store, evaluation, found, texts, per_query=2, returned_by="ada")
    assert again == 0


def test_a_verdict_closes_a_return_and_undo_opens_it_again(store):
    evaluation, baseline, texts = ids(store)
    found = returning.find_mistakes(
        store, evaluation, baseline, "lost", least=0.01, measure="nDCG@10"
    )
    returning.send_back(store, evaluation, found, texts, per_query=1, returned_by="ada")
    (item_id,) = items.next_item_ids(store, BACK)
    review.decide(store, item_id=item_id, reviewer="ada", verdict="approve")
    assert items.count_items(store, BACK) == 0
    assert returns.open_returns(store, item_id) == []
    review.undo(store, "ada")
    assert items.next_item_ids(store, BACK) == [item_id]


def test_nothing_to_send_is_said(store):
    evaluation, _, texts = ids(store)
    with pytest.raises(EvaluationError, match="no query went wrong"):
        returning.send_back(store, evaluation, [], texts, per_query=1, returned_by="ada")


def test_broken_answers_of_an_evaluation(store):
    evaluation = add_evaluation(store, "job", "again")
    found = returning.find_mistakes(
        store, evaluation, evaluation, "format", least=0.2, measure="nDCG@10"
    )
    assert found == []  # the sample's calls are all clean
