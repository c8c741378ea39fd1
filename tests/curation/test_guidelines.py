"""Guidelines: versions, what differs, and the stamp on each judgment."""

import pytest

from curation import guidelines, review
from curation.guidelines import GuidelineError
from db import guidelines as log
from db import judgments
from db.errors import NotFoundError, StoreError
from tests.samples import add_samples


def publish(store, text, *, name="general", after=0, note=""):
    return guidelines.publish(store, name, text, note=note, after=after, published_by="lead")


def test_versions_are_appended_and_the_latest_is_in_force(store):
    assert log.in_force(store, "general") is None
    assert publish(store, "Read the chain.\r\n") == 1
    assert publish(store, "Read the chain.\nThen judge.", after=1, note="  a   step ") == 2
    publish(store, "Run the code.", name="leetcode")
    assert log.in_force(store, "general")["text"] == "Read the chain.\nThen judge."
    assert [(row["version"], row["note"]) for row in log.versions(store, "general")] == [
        (2, "a step"),
        (1, ""),
    ]
    assert log.get_version(store, "general", 1)["text"] == "Read the chain."
    assert log.names(store) == ["general", "leetcode"]
    with pytest.raises(NotFoundError, match="no version 3"):
        log.get_version(store, "general", 3)


def test_two_people_do_not_write_over_each_other(store):
    publish(store, "one")
    publish(store, "two", after=1)
    with pytest.raises(StoreError, match="lead published version 2 of general meanwhile"):
        publish(store, "mine", after=1)


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("  ", "general", "1 to 50,000 characters"),
        ("x" * 50_001, "general", "not 50,001"),
        ("x", " ", "A name is"),
        ("x", "a\x1b[31m", "A name is"),
        ("same", "general", "version in force"),
    ],
)
def test_what_will_not_do_is_refused(store, text, name, message):
    publish(store, "same")
    with pytest.raises(GuidelineError, match=message):
        publish(store, text, name=name, after=1)


def test_each_judgment_is_stamped_with_the_version_in_force(store):
    add_samples(store)

    def stamp(item_id):
        return judgments.judgments_of(store, item_id)[0].guideline

    review.decide(store, item_id="i1", reviewer="ada", verdict="approve")
    publish(store, "one")
    review.decide(store, item_id="i2", reviewer="ada", verdict="approve", seconds=4.5)
    publish(store, "two", after=1)
    review.decide_many(store, item_ids=["i3"], reviewer="ada", verdict="approve")
    assert [stamp(item_id) for item_id in ("i1", "i2", "i3")] == [None, "general v1", "general v2"]
    assert judgments.in_force(store)["seconds"].to_list() == [None, 4.5, None]


def test_changes_are_lines_with_their_signs():
    assert guidelines.changes("a\nb\nc", "a\nB\nc") == ["@@ -1,3 +1,3 @@", " a", "-b", "+B", " c"]
    assert guidelines.changes("a", "a") == []
