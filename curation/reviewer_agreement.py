"""Agreement among people, and of people with teachers and checkpoints.

What a person says of an item is their latest judgment in force on it, made by themselves: what
was undone does not count, nor do adjudications. A verdict stands for the order and the labels that
it leaves in force, so an approval is one with the teacher's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args
from weakref import WeakKeyDictionary

import numpy as np
import polars as pl
from numpy.typing import NDArray

from curation.agreement import DEFAULT_CUT
from curation.reliability import Estimate, Numbers, alpha, mean, tau_b
from db import opinions
from db.records import Verdict
from db.store import Store

Kind = Literal["person", "teacher", "checkpoint"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Measure = Literal["tau", "overlap", "equal"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
GRADES = 4  # 0..3
CHUNK = 20_000  # pairs whose tau is computed together
TOP = 5
"""How many from the top an overlap is of, where nothing else is asked for."""
NOT_TWICE = "no item was judged by two people"
NOT_GRADED = "no passage was graded by two people"
NO_ORDERS = "no item has an order of both"


@dataclass(frozen=True, slots=True)
class Said:
    """What people said of items, and every two authors of an item beside each other.

    Attributes:
        people: As `db.opinions.of_people` returns it.
        pairs: Columns item_id, domain, ndcg, a, b (authors as `kind:name`), a_kind, b_kind,
            a_verdict, b_verdict, tau (-1..1), overlap (share of the first k, 0..1; none in lists of
            no more than k), equal (whether the verdicts are; none with a model), labels (Jaccard,
            0..1), week (its Monday, of the item's latest judgment).
        k: How many from the top the overlap is of.
    """

    people: pl.DataFrame
    pairs: pl.DataFrame
    k: int

    def of(self, item_ids: pl.Series) -> "Said":
        """Return what was said of some of the items."""
        wanted = pl.col("item_id").is_in(item_ids.implode())
        return Said(self.people.filter(wanted), self.pairs.filter(wanted), self.k)


_kept: WeakKeyDictionary[Store, tuple[tuple[int, ...], Said]] = WeakKeyDictionary()
"""What was said when it was last asked for, with what tells whether anything was said since."""


def said(store: Store, domains: Sequence[str] = (), *, k: int = TOP) -> Said:
    """Return what people said, beside each other and beside teachers and checkpoints.

    Args:
        domains: Any of these; none means all.
        k: How many from the top the overlap is of, at least 1.
    """
    stamp = opinions.stamp(store)
    known, found = _kept.get(store, (None, None))
    if found is None or known != stamp or found.k != k:
        people = opinions.of_people(store)
        found = Said(people, pairs(people, opinions.of_models(store), k=k), k)
        _kept[store] = stamp, found
    wanted = pl.col("domain").is_in(list(domains)) if domains else pl.lit(True)
    return Said(found.people.filter(wanted), found.pairs.filter(wanted), k)


def pairs(people: pl.DataFrame, models: pl.DataFrame, *, k: int = TOP) -> pl.DataFrame:
    """Return every two authors of the same item, as `Said` has them.

    Args:
        people: As `db.opinions.of_people` returns it.
        models: As `db.opinions.of_models` returns it; no rows for people alone.
    """
    about = people.group_by("item_id").agg(
        pl.col("ndcg").first(), week=pl.col("judged_at").max().dt.truncate("1w")
    )
    levels = _levels(people)
    each = (
        pl.concat(
            [
                people.select(
                    "item_id", "domain", "kind", "author", "verdict", "places", "labels"
                ).with_columns(levels),
                models.select("item_id", "domain", "kind", "author", "places").with_columns(
                    ranks="places"
                ),
            ],
            how="diagonal",
        )
        .with_columns(
            key=pl.concat_str("kind", pl.lit(":"), "author"),
            rank=pl.col("kind").replace_strict({kind: at for at, kind in enumerate(KINDS)}),
        )
        .sort("rank", "author", "item_id")
        .drop("rank", "author")
        .with_row_index("row")
    )
    both = each.join(each, on="item_id", suffix="_b").filter(pl.col("row") < pl.col("row_b"))
    union = pl.col("labels").list.set_union("labels_b").list.len()
    shared = pl.col("labels").list.set_intersection("labels_b").list.len()
    return (
        both.with_columns(
            tau=_taus(both["ranks"], both["ranks_b"]),
            overlap=_overlaps(both["places"], both["places_b"], k),
        )
        .join(about, on="item_id")
        .select(
            "item_id",
            "domain",
            "ndcg",
            "week",
            "tau",
            "overlap",
            a="key",
            b="key_b",
            a_kind="kind",
            b_kind="kind_b",
            a_verdict="verdict",
            b_verdict="verdict_b",
            equal=pl.col("verdict") == pl.col("verdict_b"),
            labels=pl.when(union > 0).then(shared / union),
        )
        .sort("item_id", "a", "b")
    )


def _levels(people: pl.DataFrame) -> pl.Series:
    """Return each order's places, equal ones for passages that the reviewer put level."""
    numbered = people.select("places", "tied").with_row_index("row")
    ranks = {}
    for row, places, tied in numbered.drop_nulls().filter(pl.col("tied").list.len() > 0).rows():
        level = list(range(len(places) + 1))
        for place in sorted(tied):
            level[place] = level[place - 1]
        ranks[row] = [level[place] for place in places]
    levelled = pl.DataFrame(
        {"row": list(ranks), "ranks": list(ranks.values())},
        schema={"row": numbered.schema["row"], "ranks": pl.List(pl.Int32)},
    )
    both = numbered.join(levelled, on="row", how="left", maintain_order="left")
    return both.select(pl.coalesce("ranks", "places").alias("ranks")).to_series()


def _taus(a: pl.Series, b: pl.Series) -> pl.Series:
    found = np.full(len(a), np.nan)
    for at, x, y in _alike(a, b):
        for start in range(0, len(at), CHUNK):
            part = slice(start, start + CHUNK)
            found[at[part]] = tau_b(x[part], y[part])
    return pl.Series(found).fill_nan(None)


def _overlaps(a: pl.Series, b: pl.Series, k: int) -> pl.Series:
    found = np.full(len(a), np.nan)
    for at, x, y in _alike(a, b):
        if x.shape[1] > k:  # in a shorter list, all are among the first k
            found[at] = ((x <= k) & (y <= k)).sum(axis=1) / k
    return pl.Series(found).fill_nan(None)


def _alike(
    a: pl.Series, b: pl.Series
) -> list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]]:
    """Return pairs of lists as arrays, those of one length together, with their places in `a`."""
    lengths = pl.DataFrame({"a": a.list.len(), "b": b.list.len()}).with_row_index("row")
    found = []
    for (n,), rows in lengths.drop_nulls().filter(pl.col("a") == pl.col("b")).group_by("a"):
        if n < 2:
            continue
        at = rows["row"].to_numpy().astype(np.int64)
        x, y = (
            side.gather(at).explode(empty_as_null=False).to_numpy().astype(np.int64).reshape(-1, n)
            for side in (a, b)
        )
        found.append((at, x, y))
    return found


@dataclass(frozen=True, slots=True)
class Row:
    """How much people agree, over a group of items.

    Attributes:
        group: The domain, or the Monday of the week; empty for all items together.
        kind: With whom: each other, teachers, or checkpoints.
        verdicts: Krippendorff's alpha, nominal; None with a model, which gives none.
        grades: Krippendorff's alpha, ordinal, over passages; likewise.
        tau: Mean Kendall tau of the orders, over items.
        overlap: Mean share of the first k in common, over items.
    """

    group: str
    kind: Kind
    verdicts: Estimate | None
    grades: Estimate | None
    tau: Estimate
    overlap: Estimate


def overall(found: Said) -> list[Row]:
    """Return how much people agree with each other, with teachers, and with checkpoints."""
    return [_row("", kind, found) for kind in KINDS]


def grouped(found: Said, by: Literal["domain", "week"], kind: Kind) -> list[Row]:
    """Return the same by domain, or by the week of the items' latest judgment, sorted."""
    of_kind = found.pairs.filter(pl.col("a_kind") == "person", pl.col("b_kind") == kind)
    return [
        _row(
            group if isinstance(group, str) else f"{group:%Y-%m-%d}",
            kind,
            found.of(rows["item_id"].unique()),
        )
        for (group,), rows in sorted(of_kind.group_by(by), key=lambda each: each[0])
    ]


def _row(group: str, kind: Kind, found: Said) -> Row:
    of_kind = found.pairs.filter(pl.col("a_kind") == "person", pl.col("b_kind") == kind)
    people = kind == "person"
    return Row(
        group=group,
        kind=kind,
        verdicts=_alpha_of_verdicts(found.people) if people else None,
        grades=_alpha_of_grades(found.people) if people else None,
        tau=_mean(of_kind, "tau", NO_ORDERS),
        overlap=_mean(of_kind, "overlap", _no_overlap(found.k)),
    )


def _no_overlap(k: int) -> str:
    return f"no list of more than {k} has an order of both"


def _mean(rows: pl.DataFrame, column: str, why: str) -> Estimate:
    """Return the mean over items of each item's mean over its pairs."""
    by_item = rows.group_by("item_id", maintain_order=True).agg(pl.col(column).mean())
    return mean(_numbers(by_item[column]), why=why)


def _numbers(values: pl.Series) -> Numbers:
    return values.cast(pl.Float64).fill_null(float("nan")).to_numpy()


def _alpha_of_verdicts(people: pl.DataFrame) -> Estimate:
    counts = people.group_by("item_id", maintain_order=True).agg(
        (pl.col("verdict") == verdict).sum().alias(verdict) for verdict in VERDICTS
    )
    return alpha(_counted(counts, VERDICTS), np.arange(len(counts)), "nominal", why=NOT_TWICE)


def _alpha_of_grades(people: pl.DataFrame) -> Estimate:
    counts = _graded(people).group_by("item_id", "passage", maintain_order=True).agg(_each_grade())
    return _ordinal(counts)


def _each_grade() -> list[pl.Expr]:
    return [(pl.col("grade") == grade).sum().alias(str(grade)) for grade in range(GRADES)]


def _ordinal(counts: pl.DataFrame) -> Estimate:
    items = counts["item_id"].rank("dense").to_numpy().astype(np.int64)
    values = _counted(counts, [str(grade) for grade in range(GRADES)])
    return alpha(values, items, "ordinal", why=NOT_GRADED)


def _graded(people: pl.DataFrame) -> pl.DataFrame:
    """Return item_id, author, passage and grade, a row for each passage that a person graded."""
    return (
        people.select("item_id", "author", "grades")
        .explode("grades", empty_as_null=False)
        .unnest("grades")
    )


def _counted(frame: pl.DataFrame, columns: Sequence[str]) -> NDArray[np.int64]:
    return frame.select(columns).to_numpy().astype(np.int64).reshape(-1, len(columns))


def with_others(found: Said, person: str) -> Row:
    """Return how much one person agrees with others: each pair of them and another on an item."""
    key = f"person:{person}"
    mine = found.pairs.filter(
        (pl.col("a") == key) | (pl.col("b") == key), pl.col("b_kind") == "person"
    )
    counts = mine.select(
        "item_id",
        *(
            ((pl.col("a_verdict") == each).cast(pl.Int64) + (pl.col("b_verdict") == each)).alias(
                each
            )
            for each in VERDICTS
        ),
    )
    items = counts["item_id"].rank("dense").to_numpy().astype(np.int64)
    graded = _graded(found.people)
    own = pl.col("author") == person
    units = graded.filter(~own).join(graded.filter(own), on=["item_id", "passage"], suffix="_own")
    both = units.select(
        "item_id",
        *(
            ((pl.col("grade") == grade).cast(pl.Int64) + (pl.col("grade_own") == grade)).alias(
                str(grade)
            )
            for grade in range(GRADES)
        ),
    )
    return Row(
        group=person,
        kind="person",
        verdicts=alpha(_counted(counts, VERDICTS), items, "nominal", why=NOT_TWICE),
        grades=_ordinal(both),
        tau=_mean(mine, "tau", NO_ORDERS),
        overlap=_mean(mine, "overlap", _no_overlap(found.k)),
    )


def matrix(found: Said, measure: Measure) -> pl.DataFrame:
    """Return how much every two authors agree, each pair both ways round.

    Returns:
        Columns a, b (`kind:name`), value (null where undefined), low, high, n (items).
    """
    rows = []
    for (a, b), pair in found.pairs.group_by("a", "b", maintain_order=True):
        estimate = mean(_numbers(pair[measure]), why=NO_ORDERS)
        numbers = (estimate.value, estimate.low, estimate.high, estimate.n)
        rows += [(a, b, *numbers), (b, a, *numbers)]
    return pl.DataFrame(
        rows,
        schema={
            **dict.fromkeys(("a", "b"), pl.String),
            **dict.fromkeys(("value", "low", "high"), pl.Float64),
            "n": pl.Int64,
        },
        orient="row",
    )


def by_item(pairs_of_people: pl.DataFrame) -> pl.DataFrame:
    """Return how much the people who judged an item agree on it, the least agreed first.

    Args:
        pairs_of_people: Of `Said.pairs`, those of two people.

    Returns:
        Columns item_id, domain, ndcg, week, people, tau, overlap, equal, labels (means over pairs),
        alike (whether all verdicts are), lowest_tau, lowest_labels.
    """
    return (
        pairs_of_people.group_by("item_id", "domain", "ndcg", "week")
        .agg(
            people=pl.concat_list(pl.col("a"), pl.col("b")).explode().n_unique().cast(pl.Int64),
            tau=pl.col("tau").mean(),
            overlap=pl.col("overlap").mean(),
            equal=pl.col("equal").cast(pl.Float64).mean(),
            labels=pl.col("labels").mean(),
            alike=pl.col("equal").all(),
            lowest_tau=pl.col("tau").min(),
            lowest_labels=pl.col("labels").min(),
        )
        .sort("alike", "lowest_tau", "lowest_labels", "item_id", nulls_last=False)
    )


def disputed(of_items: pl.DataFrame, cut: float = DEFAULT_CUT) -> pl.DataFrame:
    """Return the items on which people do not agree: as `by_item`, with what they differ in.

    Args:
        cut: Below this, two orders (Kendall tau) or two sets of labels (Jaccard) are apart.

    Returns:
        One more column, apart: a list of `verdicts`, `order` and `labels`, not empty.
    """
    apart = {
        "verdicts": ~pl.col("alike"),
        "order": pl.col("lowest_tau") < cut,
        "labels": pl.col("lowest_labels") < cut,
    }
    named = [pl.when(test).then(pl.lit(name)) for name, test in apart.items()]
    return of_items.with_columns(apart=pl.concat_list(named).list.drop_nulls()).filter(
        pl.col("apart").list.len() > 0
    )
