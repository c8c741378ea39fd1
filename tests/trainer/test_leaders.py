"""Measured rows of a leaderboard: what is one row, and what is left out of an average."""

import polars as pl
import pytest

from curation.leaderboard import published_tables
from db import evaluations, suites
from db.benchmarks import insert_benchmark
from db.store import Store
from trainer.costs import engines_of
from trainer.leaders import leaderboard

LISTWISE = {"strategy": {"name": "listwise", "window": 20, "step": 10}, "first_stage": "run"}


@pytest.fixture
def two(store: Store) -> Store:
    for name, retriever in (("bright-biology", "reasonir"), ("bright-pony", "")):
        insert_benchmark(
            store,
            benchmark_id=f"id {name}",
            name=name,
            n_queries=1,
            n_passages=1,
            added_by="ada",
            retriever=retriever,
        )
    suites.set_suite(store, "two", ["bright-biology", "bright-pony"], made_by="ada")
    return store


def evaluate(store: Store, benchmark: str, value: float, summary: dict, **settings: object) -> None:
    number = len(evaluations.list_evaluations(store))
    evaluations.insert_evaluation(
        store,
        evaluation_id=f"e{number}",
        benchmark_id=f"id {benchmark}",
        checkpoint_id=None,
        name=f"evaluation {number}",
        strategy="listwise 20/10",
        settings={**LISTWISE, **settings},
        summary=summary,
        measures=pl.DataFrame({"qid": ["q"], "measure": ["nDCG@10"], "value": [value]}),
        rankings=pl.DataFrame({"qid": ["q"], "docids": [["d"]]}),
        calls=pl.DataFrame(),
    )


def served(main: str, small: str | None = None) -> dict:
    found = {"main": {"model": main}} | ({"small": {"model": small}} if small else {})
    return {"engines": found}


def test_one_model_by_the_same_settings_is_a_row_and_its_newest_counts(two):
    evaluate(two, "bright-biology", 0.2, served("r1"))
    evaluate(two, "bright-biology", 0.5, served("r1"), measures=["nDCG@10", "AP"])
    evaluate(two, "bright-pony", 0.25, served("r1"))
    (row,) = leaderboard(two, "two", None)
    assert (row.system, row.window, row.kind) == ("r1", "20/10", "measured")
    assert row.first_stage == "reasonir, the benchmark's run"
    assert row.values == {"bright-biology": 0.5, "bright-pony": 0.25}
    assert row.average == 0.375


def test_averages_are_tested_against_the_first_stage(two):
    for benchmark in ("bright-biology", "bright-pony"):
        evaluations.insert_evaluation(
            two,
            evaluation_id=f"first-stage:id {benchmark}",
            benchmark_id=f"id {benchmark}",
            checkpoint_id=None,
            name="first-stage",
            strategy="first-stage",
            settings={},
            summary={},
            measures=pl.DataFrame({"qid": ["q"], "measure": ["nDCG@10"], "value": [0.1]}),
            rankings=pl.DataFrame({"qid": ["q"], "docids": [["d"]]}),
            calls=pl.DataFrame(),
        )
    evaluate(two, "bright-biology", 0.5, served("r1"))
    evaluate(two, "bright-pony", 0.3, served("r1"))
    evaluate(two, "bright-pony", 0.9, served("r2"))
    model, first, part = leaderboard(two, "two", None)
    assert (model.gain, model.ci95, first.gain, part.ci95) == (
        pytest.approx(0.3),
        (pytest.approx(0.4), pytest.approx(0.4)),
        None,
        None,
    )
    assert model.p_holm == 0.5  # of the four sign patterns of two queries, two are as far apart


@pytest.mark.parametrize(
    "other",
    [
        (served("r2"), {}),
        (served("r1", "/models/small"), {}),
        ({"engine": {"model": "r2"}}, {}),
        (served("r1"), {"max_passage_tokens": 100}),
    ],
)
def test_other_models_or_settings_are_rows_of_their_own_without_an_average(two, other):
    summary, settings = other
    evaluate(two, "bright-biology", 0.5, served("r1"))
    evaluate(two, "bright-pony", 0.25, summary, **settings)
    rows = leaderboard(two, "two", None)
    assert [row.average for row in rows] == [None, None]
    assert len({row.system for row in rows}) == (1 if settings else 2)


def test_published_rows_stand_among_them_by_average(two):
    evaluate(two, "bright-biology", 0.99, served("r1"))
    evaluate(two, "bright-pony", 0.99, served("r1"))
    rows = leaderboard(two, "two", published_tables()["BRIGHT"])
    assert (rows[0].kind, rows[1].kind) == ("measured", "published")
    assert rows[1].average is not None
    assert rows[1].average > (rows[2].average or 0)
    assert {
        row.kind for row in leaderboard(two, "two", published_tables()["BRIGHT"], "AP")
    } == set()


def test_engines_of_an_evaluation_from_before_there_were_two():
    assert engines_of({"summary": {"engine": {"model": "m"}}}) == {"main": {"model": "m"}}
    assert engines_of({"summary": {}}) == {}
