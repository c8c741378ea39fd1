"""The demo world: problems, passages and the truth about them, deterministic from a seed.

A passage is relevant when it turns on the same principle as the query. Hard negatives share the
query's setting and things, so a lexical first stage is misled, and naming the principle helps.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

from curation import trec
from curation.demo import language
from curation.demo.language import Domain, Principle, Setting
from curation.demo.lexical import Bm25
from curation.demo.reasoning import explain
from curation.permutation import render_response
from db.records import Passage

BENCHMARK_CANDIDATES = 20
POOL_OF_EACH = 30
"""Enough for a model to see many; few enough for what is retrieved to hold some of no help."""

Combination = tuple[Domain, Setting, Principle, int]
_HELD_OUT = 6  # one in six combinations of setting, principle and cue is kept for the benchmark


@dataclass(frozen=True, slots=True)
class DemoBenchmark:
    """The held-out queries with true qrels and a BM25 first stage.

    Attributes:
        domains: Of each query.
        run: Scores by qid and docid, best first.
    """

    queries: dict[str, str]
    domains: dict[str, str]
    passages: tuple[Passage, ...]
    qrels: dict[str, dict[str, int]]
    run: dict[str, dict[str, float]]


@dataclass(frozen=True, slots=True)
class Truth:
    """What only measurements may know: the principle of each query and passage."""

    of_query: dict[str, str]  # by qid
    of_passage: dict[str, str]  # by docid

    def relevant(self, qid: str, docids: list[str]) -> list[str]:
        """Return those of `docids` that are truly relevant to the query."""
        return [d for d in docids if self.of_passage[d] == self.of_query[qid]]


@dataclass(frozen=True, slots=True)
class Problem:
    """A training query with its gold answer, and a list made for it, in initial order."""

    domain: str
    qid: str
    query: str
    answer: str
    candidates: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class World:
    """Training items, the benchmark, and the truth apart from both."""

    items: tuple[Problem, ...]
    benchmark: DemoBenchmark
    truth: Truth

    def pool(self) -> list[Passage]:
        """Return passages to search: of each principle up to `POOL_OF_EACH` that differ."""
        kept: dict[str, dict[str, Passage]] = {}
        for item in self.items:
            for passage in item.candidates:
                texts = kept.setdefault(self.truth.of_passage[passage.docid], {})
                if len(texts) < POOL_OF_EACH:
                    texts.setdefault(passage.text, passage)
        return [passage for texts in kept.values() for passage in texts.values()]

    def texts(self) -> Iterator[str]:
        """Yield the training items' texts and sound answers to them, for a tokenizer."""
        random = Random(0)
        for item in self.items:
            yield item.query
            yield from (candidate.text for candidate in item.candidates)
            seen = [self.truth.of_passage[candidate.docid] for candidate in item.candidates]
            chain, order = explain(random, self.truth.of_query[item.qid], seen)
            yield render_response(chain, order)


class _Builder:
    """Draws problems and passages; a held-out text is one that training does not hold."""

    def __init__(self, seed: int) -> None:
        self.random = Random(f"rankdesk demo world {seed}")
        self.truth = Truth({}, {})
        self._texts: set[str] = set()
        self._combinations: dict[bool, list[Combination]] = {True: [], False: []}
        combinations = [
            (domain, setting, principle, cue)
            for domain in language.domains()
            for setting in domain.settings
            for principle in domain.principles
            for cue in range(len(principle.cues))
        ]
        self.random.shuffle(combinations)
        for place, combination in enumerate(combinations):
            self._combinations[place % _HELD_OUT == 0].append(combination)
        self._drawn = {True: 0, False: 0}

    def query(self, qid: str, *, held_out: bool) -> tuple[Domain, Setting, Principle, str]:
        """Draw a query; training and benchmark never share setting, principle and cue."""
        pool = self._combinations[held_out]
        domain, setting, principle, cue = pool[self._drawn[held_out] % len(pool)]
        self._drawn[held_out] += 1
        text = self._new(lambda: language.problem(self.random, setting, principle, cue))
        self.truth.of_query[qid] = principle.name
        return domain, setting, principle, text

    def passage(
        self,
        docid: str,
        principle: Principle,
        setting: Setting | None,
        shown: set[str],
        *,
        held_out: bool,
    ) -> Passage:
        """Draw a passage: a worked problem in `setting`, or a note without one; none of `shown`."""

        def draw() -> str:
            if setting is None:
                return language.note(self.random, principle)
            return language.worked_problem(self.random, setting, principle)

        # Notes are reference texts, and may stand in training and in the benchmark.
        barred = self._texts if held_out and setting is not None else set()
        text = draw()
        while text in shown or text in barred:
            text = draw()
        shown.add(text)
        if setting is not None:
            self._texts.add(text)
        self.truth.of_passage[docid] = principle.name
        return Passage(docid, text)

    def candidates(
        self, prefix: str, domain: Domain, setting: Setting, principle: Principle, n: int, hard: int
    ) -> list[Passage]:
        """Draw a list of `n`: relevant ones mostly elsewhere, hard ones in the query's setting."""
        others = [p for p in domain.principles if p is not principle]
        elsewhere = [s for s in domain.settings if s is not setting]
        n_relevant = self.random.choice((1, 1, 1, 2, 2, 3) if n <= 10 else (2, 3, 4))
        wanted: list[tuple[Principle, Setting | None]] = []
        for _ in range(n_relevant):
            chance = self.random.random()
            place = None if chance < 0.3 else self.random.choice(elsewhere)
            wanted.append((principle, setting if chance > 0.85 else place))
        wanted += [(p, setting) for p in self.random.choices(others, k=hard)]
        every = [p for d in language.domains() for p in d.principles if p is not principle]
        while len(wanted) < n:
            other = self.random.choice(others if self.random.random() < 0.5 else every)
            own = next(d for d in language.domains() if d.name == other.domain)
            place = None if self.random.random() < 0.3 else self.random.choice(own.settings)
            wanted.append((other, place))
        self.random.shuffle(wanted)
        shown: set[str] = set()
        return [
            self.passage(f"{prefix}/{number}", p, s, shown, held_out=n == BENCHMARK_CANDIDATES)
            for number, (p, s) in enumerate(wanted, start=1)
        ]

    def _new(self, draw: Callable[[], str]) -> str:
        text = draw()
        while text in self._texts:
            text = draw()
        self._texts.add(text)
        return text


def build_world(
    seed: int = 0, n_items: int = 1500, n_benchmark: int = 150, n_spare: int = 0
) -> World:
    """Return the demo world of a seed: training windows of 6 to 8, benchmark lists of 20.

    Args:
        n_spare: Further items, for those that a teacher sets aside. They are drawn last: the
            others and the benchmark are the same whatever their number.
    """
    builder = _Builder(seed)
    items = _problems(builder, range(1, n_items + 1))
    benchmark = _benchmark(builder, n_benchmark)
    items += _problems(builder, range(n_items + 1, n_items + n_spare + 1))
    return World(tuple(items), benchmark, builder.truth)


def _problems(builder: _Builder, numbers: range) -> list[Problem]:
    items = []
    for number in numbers:
        qid = f"train-{number:04}"
        domain, setting, principle, query = builder.query(qid, held_out=False)
        n = builder.random.choice((6, 6, 6, 7, 8))
        candidates = builder.candidates(
            f"{domain.name}/{number:04}", domain, setting, principle, n, hard=n // 2
        )
        answer = f"{builder.random.choice(principle.steps)} The principle is {principle.name}."
        items.append(Problem(domain.name, qid, query, answer, tuple(candidates)))
    return items


def _benchmark(builder: _Builder, size: int) -> DemoBenchmark:
    queries: dict[str, str] = {}
    domains: dict[str, str] = {}
    lists: dict[str, list[Passage]] = {}
    for number in range(1, size + 1):
        qid = f"test-{number:03}"
        domain, setting, principle, queries[qid] = builder.query(qid, held_out=True)
        domains[qid] = domain.name
        lists[qid] = builder.candidates(
            f"held-out/{domain.name}/{number:03}",
            domain,
            setting,
            principle,
            BENCHMARK_CANDIDATES,
            hard=8,
        )
    passages = [passage for candidates in lists.values() for passage in candidates]
    first_stage = Bm25({passage.docid: passage.text for passage in passages})
    run, qrels = {}, {}
    for qid, candidates in lists.items():
        docids = [candidate.docid for candidate in candidates]
        run[qid] = first_stage.rank(queries[qid], docids)
        qrels[qid] = dict.fromkeys(builder.truth.relevant(qid, docids), 1)
    return DemoBenchmark(queries, domains, tuple(passages), qrels, run)


def write_benchmark_files(world: World, folder: Path) -> None:
    """Write queries.jsonl, passages.jsonl (BEIR), qrels.txt and run.txt, as a user has them."""
    folder.mkdir(parents=True, exist_ok=True)
    benchmark = world.benchmark
    (folder / "queries.jsonl").write_text(
        "".join(
            json.dumps({"qid": qid, "text": text, "domain": benchmark.domains[qid]}) + "\n"
            for qid, text in benchmark.queries.items()
        ),
        encoding="utf-8",
    )
    (folder / "passages.jsonl").write_text(
        "".join(
            json.dumps({"_id": p.docid, "title": "", "text": p.text}) + "\n"
            for p in benchmark.passages
        ),
        encoding="utf-8",
    )
    (folder / "qrels.txt").write_text(
        "".join(
            f"{qid} 0 {docid} {relevance}\n"
            for qid, judged in benchmark.qrels.items()
            for docid, relevance in judged.items()
        ),
        encoding="utf-8",
    )
    trec.write_run(
        folder / "run.txt", {qid: list(scores) for qid, scores in benchmark.run.items()}, "bm25"
    )
