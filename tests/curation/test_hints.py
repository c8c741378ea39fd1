"""A teacher's answer to a hint: kept apart, and marked wherever its chain goes."""

import pytest

from curation import batching, hints, orders, review, samples
from curation.errors import CurationError
from curation.snapshots import ITEMS
from curation.training_items import read_items
from db import items
from db.errors import StoreError
from db.store import Store
from tests.samples import add_samples, exported_and_imported

RESPONSE = "<think>\nNow I see that [1] leads to [2].\n</think>\n<answer>\n[1] > [2] > [3] > [4]"


@pytest.fixture(autouse=True)
def some(store):
    add_samples(store)


def keep(store: Store, **changed) -> str:
    said = {"hint": "look at [1]", "permutation": [1, 2, 3, 4], "status": "ok"} | changed
    return hints.keep_hinted(
        store,
        item_id="i3",
        model="r1",
        prompt="listwise@1a2b3c4d",
        response=RESPONSE,
        tokens=(90, 20),
        asked_by="ada",
        **said,
    )


def test_an_answer_to_a_hint_is_neither_under_review_nor_a_sample(store):
    before = samples.load(store, "i3").given
    ranking_id = keep(store)
    shown = review.load(store, "i3", "ada")
    assert items.ranking_under_review(store, "i3") == shown.teacher.ranking_id == "ri3"
    assert (shown.rankings[1].ranking_id, shown.rankings[1].hint) == (ranking_id, "look at [1]")
    assert shown.rankings[1].chain == "Now I see that [1] leads to [2]."
    assert shown.rankings[1].ndcg == 1.0
    assert samples.load(store, "i3").given == before
    assert samples.measure_agreement(store) == 0
    names = [each.name for each in orders.orders_of(store, shown)]
    assert names == ["simulated", "r1, with a hint"]


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"hint": " "}, CurationError, "1 to 2,000 characters"),
        ({"status": "truncated"}, CurationError, "holds no order"),
        ({"permutation": [1, 2, 3]}, CurationError, "each of the item's passages once"),
        ({}, StoreError, "word by word"),
    ],
)
def test_what_cannot_be_kept_is_refused(store, changed, error, message):
    kept = keep(store)
    with pytest.raises(error, match=message):
        keep(store, **changed)
    assert [each.ranking_id for each in review.load(store, "i3", "ada").rankings[1:]] == [kept]


def test_a_chain_taken_from_it_says_so_in_the_snapshot_and_comes_back(store, tmp_path):
    keep(store)
    chain = review.load(store, "i3", "ada").rankings[1].chain
    decide = {"reviewer": "ada", "verdict": "fix"}
    review.decide(store, item_id="i3", order=list("abcd"), chain=chain, **decide)
    review.decide(store, item_id="i5", chain=f"{chain} Mine.", **decide)
    batch = batching.create(store, "b", batching.Selection(verdicts=("fix",)), created_by="ada")
    manifest = batching.approve(store, batch, approved_by="ben")
    folder = store.workspace.snapshots / manifest.snapshot_id
    taken, own = read_items(folder / ITEMS)
    assert (taken.chain, taken.chain_author, own.chain_author) == (chain, "hinted", "human")
    back = exported_and_imported(folder, tmp_path)
    assert [each.chain_author for each in back] == ["hinted", "human"]
