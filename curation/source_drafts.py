"""A source on its way in: split, filtered and freed of duplicates, with a count of what went."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Annotated, Any

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from curation.duplicates import NEAR, SEMANTIC, Duplicate, Encode, Level, find_duplicates
from curation.languages import known_languages, language_of
from curation.source_folder import DUPLICATES_SCHEMA, SourceError, SourceQuery
from curation.splitting import Tokens, split, words

Counts = dict[str, int]
Progress = Callable[[str, int, int], None]
_WORDS = r"\S+"
_STEP = 1000  # texts between two reports of progress


@dataclass(frozen=True, slots=True)
class Draft:
    """Queries and passages as a form's reader gives them.

    Attributes:
        kind: The form, as `SourceManifest.kind` has it.
        passages: Columns docid, title, text.
        read: What was read, by what it is.
        dropped: Queries that the reader left out, by cause.
        notes: What else was noticed, by what it is.
    """

    kind: str
    queries: list[SourceQuery]
    passages: pl.DataFrame
    read: Counts
    dropped: Counts = field(default_factory=dict)
    notes: Counts = field(default_factory=dict)


class Cleaning(BaseModel):
    """What is done to a draft before it is kept.

    Attributes:
        length: Most tokens of a passage; None splits nothing.
        overlap: Tokens that a passage shares with the one before it.
        tokenizer: Model folder or hub name whose tokens are counted; words where there is none.
        query_words: Least and most words of a query; None is no limit.
        passage_words: The same of a passage, after splitting.
        languages: ISO 639-1 codes; a text that is surely in another language goes.
        near: Jaccard similarity of word runs from which texts are near duplicates.
        semantic: Cosine from which texts mean the same.
        sample: Queries kept, drawn with `seed`; None keeps all.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    length: Annotated[int, Field(ge=1)] | None = None
    overlap: Annotated[int, Field(ge=0)] = 0
    tokenizer: str | None = None
    query_words: tuple[int | None, int | None] = (None, None)
    passage_words: tuple[int | None, int | None] = (None, None)
    languages: tuple[str, ...] = ()
    duplicates: Level = "exact"
    near: Annotated[float, Field(gt=0, le=1)] = NEAR
    semantic: Annotated[float, Field(gt=0, le=1)] = SEMANTIC
    sample: Annotated[int, Field(ge=1)] | None = None
    seed: int = 0

    @model_validator(mode="after")
    def _check(self) -> "Cleaning":
        if self.overlap and (self.length is None or self.overlap > self.length // 2):
            raise ValueError("an overlap is at most half of the length of a passage")
        if self.languages and (unknown := sorted(set(self.languages) - set(known_languages()))):
            raise ValueError(
                f"no language has the code {unknown[0]!r:.20}; there are "
                f"{', '.join(known_languages())}"
            )
        return self


def parse_range(written: str) -> tuple[int | None, int | None]:
    """Read `LEAST:MOST`, of which either may be missing.

    Raises:
        SourceError: If it has another form, or the least is more than the most.
    """
    least, colon, most = written.partition(":")
    numbers = [int(each) if each.strip().isdecimal() else None for each in (least, most)]
    read = [number is not None for number in numbers]
    given = [bool(each.strip()) for each in (least, most)]
    if not colon or read != given or (all(read) and int(least) > int(most)):
        raise SourceError(f"{written!r:.40} is no range: write LEAST:MOST, such as 5:400 or 10:.")
    return numbers[0], numbers[1]


def cleaning_of(**values: Any) -> Cleaning:
    """Return what these values say.

    Raises:
        SourceError: If one of them does not fit; it names it.
    """
    try:
        return Cleaning(**values)
    except ValidationError as error:
        first = error.errors()[0]
        where = " ".join(map(str, first["loc"])).replace("_", " ")  # none where values do not fit
        message = first["msg"].removeprefix("Value error, ")
        message = f"{where}: {message}" if where else message[0].upper() + message[1:]
        raise SourceError(f"{message}.") from error


class SourceReport(BaseModel):
    """What became of what was read; kept with the source.

    Attributes:
        queries: Queries that went, by cause; passages likewise.
    """

    model_config = ConfigDict(frozen=True)

    read: Counts
    queries: Counts
    passages: Counts
    notes: Counts
    cleaning: Cleaning


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What would be kept of a draft.

    Attributes:
        duplicates: As `DUPLICATES_SCHEMA` says.
    """

    kind: str
    queries: list[SourceQuery]
    passages: pl.DataFrame
    duplicates: pl.DataFrame
    report: SourceReport


def clean(
    draft: Draft,
    cleaning: Cleaning,
    *,
    tokens: Tokens = words,
    encode: Encode | None = None,
    on_progress: Progress = lambda *_: None,
) -> Cleaned:
    """Split a draft's passages, drop what is too short, too long, foreign or there already.

    What a query names (linked pages, labels, candidates) follows a passage to its parts and to the
    duplicate that stays. A query whose labels all went goes too.

    Args:
        tokens: Of `cleaning.tokenizer`.
        encode: Needed for duplicates by meaning.
        on_progress: Told the step, how far it is, and of how much.

    Raises:
        SourceError: If passages with labels or given lists are to be split.
    """
    gone_passages: Counter[str] = Counter()
    gone_queries = Counter(draft.dropped)
    queries, passages = draft.queries, draft.passages
    if cleaning.length is not None:
        queries, passages = _split(queries, passages, cleaning, tokens, on_progress)
    _require_distinct("qid", pl.Series([query.qid for query in queries], dtype=pl.String))
    _require_distinct("docid", passages["docid"])
    texts = passages.select(
        pl.concat_str([pl.col("title"), pl.col("text")], separator=" ", ignore_nulls=True)
    ).to_series()
    keep = _kept(texts, cleaning.passage_words, cleaning, gone_passages, "passages", on_progress)
    unfit = set(passages["docid"].filter(~keep))
    passages, texts = passages.filter(keep), texts.filter(keep)
    twins, gone = _duplicates("passages", passages["docid"], texts, cleaning, encode, on_progress)
    gone_passages.update(f"{each.kind} duplicate" for each in gone)
    passages = passages.filter(~pl.col("docid").is_in([each.id for each in gone]))
    stays = {each.id: each.of for each in gone}
    asked = pl.Series([query.text for query in queries], dtype=pl.String)
    keep = _kept(asked, cleaning.query_words, cleaning, gone_queries, "queries", on_progress)
    queries = [query for query, kept in zip(queries, keep, strict=True) if kept]
    queries, same = _distinct(queries, cleaning, encode, gone_queries, on_progress)
    queries = _labelled([_moved(query, stays, unfit) for query in queries], queries, gone_queries)
    if cleaning.sample is not None and cleaning.sample < len(queries):
        gone_queries["not in the sample"] += len(queries) - cleaning.sample
        drawn = Random(cleaning.seed).sample(range(len(queries)), cleaning.sample)
        queries = [queries[place] for place in sorted(drawn)]
    report = SourceReport(
        read=draft.read,
        queries=dict(gone_queries),
        passages=dict(gone_passages),
        notes=draft.notes,
        cleaning=cleaning,
    )
    return Cleaned(draft.kind, queries, passages, pl.concat([twins, same]), report)


def _split(
    queries: list[SourceQuery],
    passages: pl.DataFrame,
    cleaning: Cleaning,
    tokens: Tokens,
    on_progress: Progress,
) -> tuple[list[SourceQuery], pl.DataFrame]:
    assert cleaning.length is not None
    if any(query.relevant or query.candidates for query in queries):
        raise SourceError(
            "Its labels are of whole passages and would not hold for parts: add it without a "
            "passage length."
        )
    parts: dict[str, list[str]] = {}
    rows = []
    for number, (docid, title, text) in enumerate(passages.iter_rows(), start=1):
        cut = split(text, cleaning.length, cleaning.overlap, tokens)
        names = [docid] if len(cut) == 1 else [f"{docid}#{n}" for n in range(1, len(cut) + 1)]
        parts[docid] = names
        rows += [(name, title, part) for name, part in zip(names, cut, strict=True)]
        if number % _STEP == 0:
            on_progress("splitting", number, len(passages))
    queries = [
        replace(
            query,
            linked=tuple(part for docid in query.linked for part in parts.get(docid, [docid])),
        )
        for query in queries
    ]
    return queries, pl.DataFrame(rows, schema=passages.schema, orient="row")


def _kept(
    texts: pl.Series,
    limits: tuple[int | None, int | None],
    cleaning: Cleaning,
    gone: Counter[str],
    what: str,
    on_progress: Progress,
) -> pl.Series:
    """Return which texts stay, and count the others by cause."""
    least, most = limits
    count = texts.str.count_matches(_WORDS)
    short = count < (least or 0)
    long = count > most if most is not None else pl.repeat(False, len(texts), eager=True)
    foreign = []
    for number, text in enumerate(texts if cleaning.languages else [], start=1):
        foreign.append((language_of(text) or cleaning.languages[0]) not in cleaning.languages)
        if number % _STEP == 0:
            on_progress(f"languages of {what}", number, len(texts))
    other = pl.Series(foreign or [False] * len(texts), dtype=pl.Boolean) & ~(short | long)
    causes = {"too short": short, "too long": long, "in another language": other}
    gone.update({cause: int(found.sum()) for cause, found in causes.items() if found.any()})
    return ~(short | long | other)


def _duplicates(
    what: str,
    ids: Iterable[str],
    texts: Iterable[str],
    cleaning: Cleaning,
    encode: Encode | None,
    on_progress: Progress,
) -> tuple[pl.DataFrame, list[Duplicate]]:
    """Return the clusters with their texts, and what goes."""
    by_id = dict(zip(ids, texts, strict=True))
    gone = find_duplicates(
        by_id,
        cleaning.duplicates,
        near=cleaning.near,
        semantic=cleaning.semantic,
        encode=encode,
        on_progress=lambda done, total: on_progress(f"duplicates of {what}", done, total),
    )
    rows = [
        (what, first, first, "kept", 1.0, by_id[first])
        for first in dict.fromkeys(each.of for each in gone)
    ]
    rows += [(what, each.of, each.id, each.kind, each.similarity, by_id[each.id]) for each in gone]
    return pl.DataFrame(rows, schema=DUPLICATES_SCHEMA, orient="row"), gone


def _distinct(
    queries: list[SourceQuery],
    cleaning: Cleaning,
    encode: Encode | None,
    gone: Counter[str],
    on_progress: Progress,
) -> tuple[list[SourceQuery], pl.DataFrame]:
    """Return the queries without duplicates; the one that stays gets the links and labels of all.

    Were a duplicate's label dropped, a passage that is known to be relevant would count as not.
    """
    clusters, twins = _duplicates(
        "queries",
        (q.qid for q in queries),
        (q.text for q in queries),
        cleaning,
        encode,
        on_progress,
    )
    gone.update(f"{each.kind} duplicate" for each in twins)
    of = {each.id: each.of for each in twins}
    by_qid = {query.qid: query for query in queries}
    for each in twins:
        first, other = by_qid[each.of], by_qid.pop(each.id)
        by_qid[first.qid] = replace(
            first,
            answer=first.answer or other.answer,
            linked=_once([*first.linked, *other.linked]),
            relevant=_once([*first.relevant, *other.relevant]),
        )
    return [query for qid, query in by_qid.items() if qid not in of], clusters


def _moved(query: SourceQuery, stays: dict[str, str], unfit: set[str]) -> SourceQuery:
    """Return a query whose docids are those of the passages that stay."""

    def there(docids: Sequence[str]) -> tuple[str, ...]:
        return _once([stays.get(docid, docid) for docid in docids if docid not in unfit])

    return replace(
        query,
        linked=there(query.linked),
        relevant=there(query.relevant),
        candidates=there(query.candidates),
    )


def _labelled(
    now: list[SourceQuery], before: list[SourceQuery], gone: Counter[str]
) -> list[SourceQuery]:
    """Return the queries that still have a label, if ever they had one."""
    pairs = zip(now, before, strict=True)
    kept = [query for query, was in pairs if query.relevant or not was.relevant]
    if len(kept) < len(now):
        gone["its labelled passages went"] += len(now) - len(kept)
    return kept


def _require_distinct(key: str, ids: pl.Series) -> None:
    twice = ids.filter(ids.is_duplicated())
    if len(twice):
        raise SourceError(f"The {key} {twice[0]!r:.80} stands twice: make each distinct.")


def _once(docids: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(docids))
