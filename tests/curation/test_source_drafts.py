import polars as pl
import pytest

from curation.languages import language_of
from curation.source_drafts import Cleaned, Cleaning, Draft, clean, cleaning_of, parse_range
from curation.source_folder import (
    PASSAGES_SCHEMA,
    SourceError,
    SourceQuery,
    read_duplicates,
    write_source,
)

ENGLISH = "Water moves through the membrane towards the side that holds more salt."
GERMAN = "Das Wasser wandert durch die Membran zur Seite mit dem höheren Salzgehalt."


def cleaned(queries: list[SourceQuery], passages: dict[str, str], **options: object) -> Cleaned:
    frame = pl.DataFrame(
        [(docid, None, text) for docid, text in passages.items()],
        schema=PASSAGES_SCHEMA,
        orient="row",
    )
    return clean(Draft("table", queries, frame, {}), cleaning_of(**options))


def test_what_a_query_names_follows_a_duplicate_to_the_one_that_stays(tmp_path):
    query = SourceQuery("q", "d", "why?", relevant=("b", "a"), candidates=("c", "b", "a"))
    found = cleaned([query], {"a": "One two.", "b": "one TWO", "c": "three"})
    assert found.queries == [
        SourceQuery("q", "d", "why?", relevant=("a",), candidates=("c", "a")),
    ]
    assert found.passages["docid"].to_list() == ["a", "c"]
    assert found.report.passages == {"exact duplicate": 1}
    rows = [("passages", "a", "a", "kept", 1.0, "One two.")]
    rows += [("passages", "a", "b", "exact", 1.0, "one TWO")]
    assert found.duplicates.rows() == rows
    made = write_source(
        tmp_path, "mine", found.kind, found.queries, found.passages, found.duplicates
    )
    assert read_duplicates(tmp_path / made.source_id).rows() == rows


def test_of_equal_queries_the_first_stays_with_the_labels_of_all():
    first = SourceQuery("q1", "d", "Why?", relevant=("a",))
    again = SourceQuery("q2", "d", "why", "because", relevant=("b", "a"))
    found = cleaned([first, again], {"a": "one", "b": "two"})
    assert found.queries == [SourceQuery("q1", "d", "Why?", "because", relevant=("a", "b"))]
    assert found.report.queries == {"exact duplicate": 1}


def test_nothing_goes_where_nothing_is_asked():
    queries = [SourceQuery("1", "d", "why?"), SourceQuery("2", "d", "why?")]
    found = cleaned(queries, {"a": "x", "b": "x"}, duplicates="none")
    assert (found.queries, len(found.passages)) == (queries, 2)
    assert found.duplicates.is_empty()


def test_lengths_and_languages_are_counted_by_cause():
    queries = [
        SourceQuery("short", "d", "why"),
        SourceQuery("fine", "d", "why is the sky so blue?", linked=("de", "en")),
        SourceQuery("long", "d", "why " * 9),
        SourceQuery("code", "d", "x == y != z"),
        SourceQuery("lost", "d", "what is the colour of grass?", relevant=("de",)),
    ]
    found = cleaned(
        queries,
        {"en": ENGLISH, "de": GERMAN, "one": "word"},
        query_words=(2, 8),
        passage_words=(2, None),
        languages=("en",),
    )
    assert [query.qid for query in found.queries] == ["fine", "code"]
    assert found.queries[0].linked == ("en",)
    assert found.report.queries == {
        "too short": 1,
        "too long": 1,
        "its labelled passages went": 1,
    }
    assert found.report.passages == {"too short": 1, "in another language": 1}


def test_links_follow_a_passage_to_its_parts():
    found = cleaned(
        [SourceQuery("q", "d", "why?", linked=("b", "a"))],
        {"a": "one two three four five", "b": "six"},
        length=3,
        overlap=1,
    )
    assert found.passages["docid"].to_list() == ["a#1", "a#2", "b"]
    assert found.passages["text"].to_list() == ["one two three", "three four five", "six"]
    assert found.queries[0].linked == ("b", "a#1", "a#2")


def test_labelled_passages_are_not_split():
    with pytest.raises(SourceError, match="labels are of whole passages"):
        cleaned([SourceQuery("q", "d", "why?", relevant=("a",))], {"a": "b"}, length=5)


def test_a_sample_is_drawn_by_its_seed_and_keeps_the_order():
    queries = [SourceQuery(str(n), "d", f"why {n}?") for n in range(50)]
    one, same, other = (
        [query.qid for query in cleaned(queries, {"a": "b"}, sample=5, seed=seed).queries]
        for seed in (1, 1, 2)
    )
    assert one == same != other
    assert one == sorted(one, key=int)


def test_ids_that_stand_twice_are_refused_before_they_are_taken_for_duplicates():
    with pytest.raises(SourceError, match="qid 'q' stands twice"):
        cleaned([SourceQuery("q", "d", "one"), SourceQuery("q", "d", "two")], {"a": "b"})


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"overlap": 3}, "at most half"),
        ({"length": 4, "overlap": 3}, "at most half"),
        ({"languages": ("english",)}, "o language has the code 'english'.*en, eo"),
        ({"near": 1.5}, "near: .*less than or equal to 1"),
        ({"sample": 0}, "sample"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, object], told: str):
    with pytest.raises(SourceError, match=told):
        cleaning_of(**options)


def test_ranges_are_open_where_a_number_is_missing():
    assert [parse_range(each) for each in (":", "3:", ":4", " 3 : 4 ", "3:3")] == [
        (None, None),
        (3, None),
        (None, 4),
        (3, 4),
        (3, 3),
    ]


@pytest.mark.parametrize("written", ["", "3", "a:", "4:3", "-1:", "1:2:3", "1.5:"])
def test_what_is_no_range_is_refused(written: str):
    with pytest.raises(SourceError, match="is no range: write LEAST:MOST"):
        parse_range(written)


def test_a_language_is_told_of_prose_and_not_of_formulas():
    assert language_of(ENGLISH) == "en"
    assert language_of(GERMAN) == "de"
    assert language_of("x^2 + 1 = 0") is None
    assert Cleaning().languages == ()
