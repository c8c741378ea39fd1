"""A leaderboard: what was measured here on several benchmarks, beside what others published.

Published tables are data (`curation/published/*.yaml`), each with its source. A published data set
is taken for a benchmark of the workspace by its name: `bright-biology` is `biology`.
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, model_validator

from curation.errors import CurationError

_NAME = re.compile(r"[^a-z0-9]+")


class PublishedRow(BaseModel):
    """One row of a published table.

    Attributes:
        values: In percent, by the table's data sets in their order.
        average: As published.
        source: Where the row stands.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    system: str
    first_stage: str
    strategy: str
    window: str | None
    source: str
    values: tuple[float, ...]
    average: float


class PublishedTable(BaseModel):
    """A published table; its values are in percent, as papers print them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    measure: str
    source: str
    datasets: tuple[str, ...]
    rows: tuple[PublishedRow, ...]

    @model_validator(mode="after")
    def _as_wide_as_its_head(self) -> "PublishedTable":
        for row in self.rows:
            if len(row.values) != len(self.datasets):
                raise ValueError(f"{row.system} has {len(row.values)} values")
        return self


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a leaderboard.

    Attributes:
        window: "size/step" where it is known.
        values: The measure, 0..1, by benchmark; a benchmark that was not evaluated is absent.
        average: The macro average over all benchmarks; None unless every one has a value.
        published_average: Of a published row, over all data sets of its table, 0..1.
        source: Of a published row, where it stands.
        evaluations: Of a measured row, the evaluation of each benchmark.
        ci95: Of a measured average, its bootstrap interval over queries, within each benchmark.
        gain: Of a measured average, less that of the first stage over the same queries.
        gain_ci95: Its interval.
        p_holm: Paired permutation test of the gain, corrected over the rows of the leaderboard.
    """

    kind: Literal["measured", "published"]
    system: str
    first_stage: str
    strategy: str
    window: str
    values: dict[str, float]
    average: float | None
    published_average: float | None = None
    source: str = ""
    evaluations: dict[str, str] = field(default_factory=dict)
    ci95: tuple[float, float] | None = None
    gain: float | None = None
    gain_ci95: tuple[float, float] | None = None
    p_holm: float | None = None


@cache
def published_tables() -> dict[str, PublishedTable]:
    """Return the tables that come with RankDesk, by name."""
    folder = files("curation").joinpath("published")
    found = [
        PublishedTable.model_validate(yaml.safe_load(entry.read_text(encoding="utf-8")))
        for entry in folder.iterdir()
        if entry.name.endswith(".yaml")
    ]
    return {table.name: table for table in sorted(found, key=lambda table: table.name)}


def matching(table: PublishedTable, benchmarks: Iterable[str]) -> dict[str, str]:
    """Return the table's data set of each benchmark whose name ends with its words.

    A name that has another table's name in it is that table's: R2MED has a biology too.

    Example:
        >>> bright = published_tables()["BRIGHT"]
        >>> matching(bright, ["BRIGHT-Biology", "bright_theoremqa-questions", "demo"])
        {'BRIGHT-Biology': 'biology', 'bright_theoremqa-questions': 'theoremqa_questions'}
        >>> matching(bright, ["astrobiology", "r2med-biology"])
        {}
    """
    others = {_squeezed(name) for name in published_tables()} - {_squeezed(table.name)}
    datasets = {_squeezed(each): each for each in table.datasets}
    found = {}
    for name in benchmarks:
        words = _words(name)
        ends = ["".join(words[start:]) for start in range(len(words))]  # the longest first
        known = [datasets[end] for end in ends if end in datasets]
        if known and others.isdisjoint(words):
            found[name] = known[0]
    return found


def closest_table(benchmarks: Sequence[str]) -> PublishedTable | None:
    """Return the published table that knows most of these benchmarks; None if none knows any."""
    tables = published_tables().values()
    # Of several that know as many, the one whose own name stands in theirs.
    best = max(
        tables,
        key=lambda table: (
            len(matching(table, benchmarks)),
            sum(_squeezed(table.name) in _squeezed(name) for name in benchmarks),
        ),
    )
    return best if matching(best, benchmarks) else None


def published_rows(table: PublishedTable, benchmarks: Sequence[str]) -> list[Row]:
    """Return a table's rows with the values of these benchmarks.

    The average is over these benchmarks; where one of them is not in the table there is none.
    """
    known = matching(table, benchmarks)
    rows = []
    for each in table.rows:
        by_dataset = dict(zip(table.datasets, each.values, strict=True))
        values = {name: by_dataset[dataset] / 100 for name, dataset in known.items()}
        rows.append(
            Row(
                kind="published",
                system=each.system,
                first_stage=each.first_stage,
                strategy=each.strategy,
                window=each.window or "",
                values=values,
                average=macro_average(values, benchmarks),
                published_average=each.average / 100,
                source=each.source,
            )
        )
    return rows


def macro_average(values: Mapping[str, float], benchmarks: Sequence[str]) -> float | None:
    """Return the mean over benchmarks: each counts the same, however many queries it has.

    Returns:
        None where a benchmark has no value, because a mean over the others is another number.

    Raises:
        CurationError: If there is no benchmark.

    Example:
        >>> macro_average({"biology": 0.5, "pony": 0.25}, ["biology", "pony"])
        0.375
    """
    if not benchmarks:
        raise CurationError("There is no benchmark to average over. Put one into the suite first.")
    if any(name not in values for name in benchmarks):
        return None
    return sum(values[name] for name in benchmarks) / len(benchmarks)


def ordered(rows: Iterable[Row]) -> list[Row]:
    """Return rows by their average, the best first, and those without one last."""
    return sorted(rows, key=lambda row: (row.average is None, -(row.average or 0.0), row.system))


def as_markdown(rows: Sequence[Row], benchmarks: Sequence[str]) -> str:
    """Return a leaderboard as a Markdown table, values × 100."""
    head, *cells = _cells(rows, benchmarks, missing="–")
    lines = [head, ["---"] * 5 + ["--:"] * (len(benchmarks) + 6) + ["---"], *cells]
    shown = [[cell.replace("|", "\\|").replace("\n", " ") for cell in line] for line in lines]
    return "".join(f"| {' | '.join(line)} |\n" for line in shown)


def as_csv(rows: Sequence[Row], benchmarks: Sequence[str]) -> str:
    """Return a leaderboard as CSV, values × 100, with nothing where there is none."""
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows(_cells(rows, benchmarks, missing=""))
    return file.getvalue()


def _cells(rows: Sequence[Row], benchmarks: Sequence[str], *, missing: str) -> list[list[str]]:
    lines = [[*("system", "kind", "first stage", "strategy", "window"), *benchmarks]]
    lines[0] += ["average", "95 % interval", "gain", "its 95 % interval", "p (Holm)"]
    lines[0] += ["average as published", "source"]
    for row in rows:
        points = [_point(row.values.get(name), missing) for name in benchmarks]
        points += [_point(row.average, missing), _bounds(row.ci95, missing)]
        points += [_point(row.gain, missing, "+"), _bounds(row.gain_ci95, missing)]
        points += [missing if row.p_holm is None else f"{row.p_holm:.4f}"]
        points += [_point(row.published_average, missing)]
        cells = [row.system, row.kind, row.first_stage, row.strategy, row.window]
        lines.append([*cells, *points, row.source])
    return lines


def _point(value: float | None, missing: str, sign: str = "") -> str:
    return missing if value is None else f"{100 * value:{sign}.2f}"


def _bounds(bounds: tuple[float, float] | None, missing: str) -> str:
    return missing if bounds is None else " to ".join(_point(each, missing) for each in bounds)


def _squeezed(name: str) -> str:
    return "".join(_words(name))


def _words(name: str) -> list[str]:
    return [word for word in _NAME.split(name.lower()) if word]
