"""Comments and flags: who says what, who sees it, and what taking it back leaves."""

import pytest

from curation import discussion, gold, queue_keeping, queueing, review
from curation.discussion import DiscussionError
from curation.queue_policy import Policy, badge
from db import audit, items
from db import discussion as log
from db.audit import AuditFilter
from db.errors import NotFoundError, StoreError
from db.records import ItemFilter
from tests.samples import add_samples


@pytest.fixture(autouse=True)
def samples(store):
    add_samples(store)


def texts(store, item_id="i1", reader="ada"):
    return [
        row["text"]
        for row in log.comments_of(store, item_id)
        if row["said_by"] == reader or discussion.sees_others(store, item_id, reader)
    ]


def test_a_thread_is_appended_and_a_deletion_compensates(store):
    first = discussion.comment(store, "i1", "  why [3]? ", said_by="ada")
    discussion.comment(store, "i1", "because", said_by="ben")
    discussion.comment(store, "i2", "elsewhere", said_by="ben")
    assert texts(store) == ["why [3]?", "because"]
    discussion.delete(store, first, deleted_by="ada")
    assert texts(store) == ["because"]
    with pytest.raises(NotFoundError, match="not there any more"):
        discussion.delete(store, first, deleted_by="ada")
    said = audit.page(store, AuditFilter(item="i1", kinds=("comment",)), limit=9)
    assert said.select("actor", "after", "note").rows() == [
        ("ada", "deleted", ""),
        ("ben", "said", "because"),
        ("ada", "said", "why [3]?"),
    ]


@pytest.mark.parametrize(
    ("item", "text", "by", "error", "message"),
    [
        ("i1", " \n", "ada", DiscussionError, "nothing to say"),
        ("i1", "x" * 10_001, "ada", DiscussionError, "10,001 characters"),
        ("i1", "x", " ", DiscussionError, "needs a name"),
        ("gone", "x", "ada", NotFoundError, "no item gone"),
    ],
)
def test_what_is_no_comment_is_refused(store, item, text, by, error, message):
    with pytest.raises(error, match=message):
        discussion.comment(store, item, text, said_by=by)
    assert texts(store) == []


def test_who_decides_for_themselves_reads_others_comments_afterwards(store):
    queueing.save_policy(
        store, Policy(overlap_share=1.0, overlap_reviewers=2), note="", saved_by="lead"
    )
    discussion.comment(store, "i1", "I would reject", said_by="ben")
    discussion.comment(store, "i1", "mine", said_by="ada")
    assert texts(store) == ["mine"]
    review.decide(store, item_id="i1", reviewer="ada", verdict="approve")
    assert texts(store) == ["I would reject", "mine"]


def test_a_gold_item_s_comments_do_not_give_it_away(store):
    review.decide(store, item_id="i4", reviewer="lead", verdict="approve")
    discussion.comment(store, "i4", "approve, clearly", said_by="lead")
    assert texts(store, "i4") == ["approve, clearly"]
    gold.set_from_verdict(store, "i4", "lead")
    queue_keeping.refresh(store)
    assert texts(store, "i4") == []
    assert texts(store, "i4", "lead") == ["approve, clearly"]


def test_a_flag_is_a_filter_and_a_reason_until_it_is_resolved(store):
    flag = discussion.flag(store, "i2", "two readings", raised_by="ada")
    with pytest.raises(StoreError, match="flagged already"):
        discussion.flag(store, "i2", "again", raised_by="ben")
    flagged = ItemFilter(flagged=True)
    assert items.next_item_ids(store, flagged) == ["i2"]
    queueing.save_policy(store, Policy(weights={"flagged": 1.0}), note="", saved_by="lead")
    queue_keeping.refresh(store)
    assert badge(queueing.why(store, "i2")) == "Flagged"
    assert queueing.next_item(store, "ben") == "i2"
    discussion.resolve(store, flag, "the first one", resolved_by="lead")
    assert items.count_items(store, flagged) == 0
    assert log.open_flag(store, "i2") is None
    with pytest.raises(NotFoundError, match="not open any more"):
        discussion.resolve(store, flag, "again", resolved_by="lead")
    discussion.flag(store, "i2", "still", raised_by="ben")
    kept = audit.page(store, AuditFilter(item="i2", kinds=("flag",)), limit=9)
    assert kept.select("actor", "before", "after", "note").rows() == [
        ("ben", "", "open", "still"),
        ("lead", "open", "resolved", "the first one"),
        ("ada", "", "open", "two readings"),
    ]
