"""Published tables are what papers print, and stand beside measured rows by name."""

import csv
import io

import pytest

from curation.errors import CurationError
from curation.leaderboard import (
    Row,
    as_csv,
    as_markdown,
    closest_table,
    macro_average,
    matching,
    ordered,
    published_rows,
    published_tables,
)
from curation.scoring import mean, per_query
from curation.trec import read_qrels, read_run
from tests.shared_data import SHARED, needs_shared_data


@pytest.mark.parametrize("name", ["BRIGHT", "R2MED", "BEIR"])
def test_published_averages_are_those_of_their_values(name):
    table = published_tables()[name]
    for row in table.rows:
        assert sum(row.values) / len(row.values) == pytest.approx(row.average, abs=0.0051)
        assert all(0 <= value <= 100 for value in row.values)


def test_published_rows_over_some_of_the_data_sets():
    table = published_tables()["BRIGHT"]
    names = ["bright-pony", "bright-biology"]
    first = next(row for row in published_rows(table, names) if row.system == "ReasonIR 8B")
    assert first.values == pytest.approx({"bright-pony": 0.1955, "bright-biology": 0.4349})
    assert first.average == pytest.approx((0.1955 + 0.4349) / 2)
    assert first.published_average == 0.3059  # over all twelve
    assert (first.kind, first.source) == ("published", "arXiv 2508.07050 v3, Table 1")
    assert all(row.average is None for row in published_rows(table, [*names, "demo"]))


@needs_shared_data
@pytest.mark.parametrize("task", ["biology", "economics", "robotics", "pony"])
def test_the_published_first_stage_is_what_we_measure(task):
    table = published_tables()["BRIGHT"]
    published = dict(zip(table.datasets, table.rows[0].values, strict=True))
    qrels = read_qrels(SHARED / "bright" / f"{task}.qrels")
    run = read_run(SHARED / "bright" / f"{task}.run")
    measured = mean(per_query(qrels, run, ["nDCG@10"]))["nDCG@10"]
    assert round(100 * measured, 2) == published[task]


def test_the_longest_name_that_fits_is_taken():
    found = matching(published_tables()["R2MED"], ["r2med MedQA-Diag", "PMC_Clinical", "diag"])
    assert found == {"r2med MedQA-Diag": "medqa_diag", "PMC_Clinical": "pmc_clinical"}


@pytest.mark.parametrize(
    ("name", "dataset"),
    [
        ("earthscience", "earth_science"),
        ("BRIGHT/Stack-Overflow", "stackoverflow"),
        ("astrobiology", None),  # its end is no word of its own
        ("micro-economics", "economics"),
        ("r2med-biology", None),  # another table's
        ("biology-v2", None),
        ("…", None),
    ],
)
def test_names_fit_by_their_last_words(name, dataset):
    assert matching(published_tables()["BRIGHT"], [name]).get(name) == dataset


@pytest.mark.parametrize(
    ("names", "table"),
    [
        (["bright-biology", "bright-pony"], "BRIGHT"),
        (["r2med-biology"], "R2MED"),
        (["scifact"], "BEIR"),
        (["demo"], None),
    ],
)
def test_the_table_that_knows_the_benchmarks(names, table):
    found = closest_table(names)
    assert (found and found.name) == table


def test_an_average_needs_every_benchmark():
    assert macro_average({"a": 0.2, "b": 0.4, "c": 0.9}, ["a", "b"]) == pytest.approx(0.3)
    assert macro_average({"a": 0.2}, ["a", "b"]) is None
    with pytest.raises(CurationError, match="no benchmark"):
        macro_average({}, [])


def test_rows_without_an_average_come_last_and_names_cannot_break_the_table():
    part = Row("measured", "x | y\nz", "run", "listwise", "", {"a": 0.5}, None)
    whole = Row("published", "w", "run", "setwise", "", {"a": 0.1, "b": 0.3}, 0.2, 0.21, "T 1")
    assert ordered([part, whole]) == [whole, part]
    lines = as_markdown([whole, part], ["a", "b"]).splitlines()
    points = "10.00 | 30.00 | 20.00 | – | – | – | – | 21.00"
    assert lines[2] == f"| w | published | run | setwise |  | {points} | T 1 |"
    missing = " | ".join("–" * 7)
    assert lines[3] == f"| x \\| y z | measured | run | listwise |  | 50.00 | {missing} |  |"
    # A benchmark may be called as a column of ours is.
    head, *cells = csv.reader(io.StringIO(as_csv([whole, part], ["a", "average"])))
    assert head[5:9] == ["a", "average", "average", "95 % interval"]
    assert cells[1] == ["x | y\nz", "measured", "run", "listwise", "", "50.00", *[""] * 8]
