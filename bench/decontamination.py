"""What decontamination finds, and what it takes for a test query wrongly, on real test queries.

    python bench/decontamination.py [SEED]
    python bench/decontamination.py scale

The topics of four BRIGHT subsets lie in `../shared/data/bright`. Of 200 of them, an altered form
each goes among the training-like queries: the topics that are left, which come from the same sites.
The 200 are the test queries. A form counts as found when it is paired with its own topic; a false
alarm is a training-like query paired with any topic. Whether one cut fits a world of templates is
looked at on the demo's items and benchmark.
"""

import gzip
import random
import re
import resource
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from curation import decontamination
from curation.decontamination import Kind, Pair, Vectors
from curation.demo.world import build_world
from trainer.similar import encode

TOPICS = Path(__file__).parents[2] / "shared" / "data" / "bright"
EACH = 40  # altered forms of a kind
SWEPT = [0.3, 0.4, 0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95]
LEAST = 0.01  # every score is collected; cuts are applied afterwards
PREFIXES = (
    "Hello everyone, this is my first question here.",
    "I have been wondering about this for a while.",
    "Edit: reposted from another site, where nobody answered.",
    "Question:",
)

_VECTORS: dict[str, Vectors] = {}
Alter = Callable[[str, random.Random], str]


def case(text: str, rng: random.Random) -> str:
    """Upper case, lower case, or each letter either."""
    way = rng.randrange(3)
    if way < 2:
        return (text.upper(), text.lower())[way]
    return "".join(rng.choice((c.upper(), c.lower())) for c in text)


def punctuation(text: str, rng: random.Random) -> str:
    """All punctuation gone, or a mark after one word in four."""
    if rng.random() < 0.5:
        return re.sub(r"[^\w\s]", "", text)
    return " ".join(
        word + (rng.choice("!?;…–") if rng.random() < 0.25 else "") for word in text.split()
    )


def spacing(text: str, rng: random.Random) -> str:
    """One to three of blank, tab, line end and no-break space between words."""
    gaps = (" ", "\t", "\n", "\N{NO-BREAK SPACE}")
    return "".join(word + "".join(rng.choices(gaps, k=rng.randint(1, 3))) for word in text.split())


def prefix(text: str, rng: random.Random) -> str:
    """One of four openings before it."""
    return f"{rng.choice(PREFIXES)} {text}"


def word_drop(share: float) -> Alter:
    """Return what leaves out each word with this probability."""

    def drop(text: str, rng: random.Random) -> str:
        return " ".join(word for word in text.split() if rng.random() >= share)

    return drop


FORMS: dict[str, Alter] = {
    "case": case,
    "punctuation": punctuation,
    "spacing": spacing,
    "prefix": prefix,
    "word drop 20 %": word_drop(0.2),
}
HARDER: dict[str, Alter] = {
    "word drop 10 %": word_drop(0.1),
    "word drop 30 %": word_drop(0.3),
    "word drop 40 %": word_drop(0.4),
    "word drop 50 %": word_drop(0.5),
}


def read_topics() -> dict[str, str]:
    """Return every topic by `subset/qid`."""
    found = {}
    for path in sorted(TOPICS.glob("*.topics.tsv.gz")):
        for line in gzip.decompress(path.read_bytes()).decode().splitlines():
            qid, text = line.split("\t", 1)
            found[f"{path.name.split('.')[0]}/{qid}"] = text
    return found


def compare(training: Mapping[str, str], test: Mapping[str, str]) -> dict[Kind, list[Pair]]:
    """Return every pair of every way, whatever it scores."""
    began = time.perf_counter()
    exact = decontamination.exact_pairs(training, test)
    words = decontamination.word_pairs(training, test, LEAST).pairs
    middle = time.perf_counter()
    meaning = decontamination.meaning_pairs(
        list(training), embedded(training), list(test), embedded(test), LEAST
    ).pairs
    print(
        f"{len(training)} x {len(test)}: exact and words {middle - began:.1f} s, "
        f"meaning {time.perf_counter() - middle:.1f} s",
        file=sys.stderr,
    )
    return {"exact": exact, "words": words, "meaning": meaning}


def embedded(texts: Mapping[str, str]) -> Vectors:
    """Return the texts' vectors; each text is encoded once in a run."""
    new = [text for text in dict.fromkeys(texts.values()) if text not in _VECTORS]
    _VECTORS.update(zip(new, encode(new), strict=True))
    return np.stack([_VECTORS[text] for text in texts.values()])


def planted(
    topics: Mapping[str, str], chosen: list[str], forms: Mapping[str, Alter], rng: random.Random
) -> dict[str, str]:
    """Return altered forms by `form|topic`: the chosen topics are dealt to the forms in turn."""
    names = list(forms)
    return {
        f"{name}|{key}": forms[name](topics[key], rng)
        for i, key in enumerate(chosen)
        for name in [names[i % len(names)]]
    }


def recall(pairs: list[Pair], form: str, cut: float) -> int:
    """Return how many altered forms of a kind are paired with their own topic."""
    return len(
        {
            pair.item_id
            for pair in pairs
            if pair.score >= cut and pair.item_id == f"{form}|{pair.qid}"
        }
    )


def alarms(pairs: list[Pair], cut: float) -> int:
    """Return how many training-like queries are paired with any topic."""
    return len({pair.item_id for pair in pairs if pair.score >= cut and "|" not in pair.item_id})


def crossed(pairs: list[Pair], cut: float) -> int:
    """Return how many altered forms are paired with a topic that is not their own."""
    return len(
        {
            pair.item_id
            for pair in pairs
            if pair.score >= cut
            and "|" in pair.item_id
            and pair.item_id.split("|", 1)[1] != pair.qid
        }
    )


def table(head: list[str], rows: list[list[object]]) -> None:
    print("| " + " | ".join(head) + " |")
    print("|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(map(str, row)) + " |")
    print()


def highest(pairs: list[Pair]) -> str:
    """Return the highest scores of topics with another topic: the largest, the tenth, the median.

    Both topics of a pair count.
    """
    best: dict[str, float] = {}
    for pair in pairs:
        if pair.item_id != pair.qid:
            best[pair.item_id] = max(best.get(pair.item_id, 0.0), pair.score)
    values = sorted(best.values(), reverse=True)
    return f"{values[0]:.3f} / {values[9]:.3f} / {float(np.median(values)):.3f}"


def sweep(name: Kind, pairs: list[Pair], forms: list[str], n_left: int) -> None:
    print(f"### `{name}` over the cut\n")
    table(
        ["cut", *forms, f"false alarms of {n_left}", "forms paired with another topic"],
        [
            [f"{cut:.2f}", *(recall(pairs, form, cut) for form in forms)]
            + [alarms(pairs, cut), crossed(pairs, cut)]
            for cut in SWEPT
        ],
    )


def main(seed: int) -> None:
    rng = random.Random(seed)
    topics = read_topics()
    chosen = rng.sample(list(topics), EACH * len(FORMS))
    left = {key: text for key, text in topics.items() if key not in set(chosen)}
    test = {key: topics[key] for key in chosen}
    n = sum(len(text.split()) for text in topics.values()) / len(topics)
    print(f"{len(topics)} topics of {n:.0f} words on average; seed {seed}.\n")
    for title, forms in (("The 200 forms", FORMS), ("More words dropped", HARDER)):
        altered = planted(topics, chosen, forms, rng)
        found = compare({**left, **altered}, test)
        sizes = [sum(key.startswith(f"{form}|") for key in altered) for form in forms]
        cuts = decontamination.Cuts()
        print(f"## {title}\n")
        rows: list[list[object]] = [
            [
                f"`{kind}`" + ("" if kind == "exact" else f" at {cuts.of(kind):.2f}"),
                *(
                    f"{recall(found[kind], f, cuts.of(kind))} / {s}"
                    for f, s in zip(forms, sizes, strict=True)
                ),
                f"{alarms(found[kind], cuts.of(kind))} / {len(left)}",
                crossed(found[kind], cuts.of(kind)),
            ]
            for kind in decontamination.KINDS
        ]
        over = [p for kind in found for p in found[kind] if p.score >= cuts.of(kind)]
        rows.append(
            [
                "any of them",
                *(f"{recall(over, f, 0)} / {s}" for f, s in zip(forms, sizes, strict=True)),
            ]
            + [f"{alarms(over, 0)} / {len(left)}", crossed(over, 0)]
        )
        table(["way", *forms, "false alarms", "paired with another topic"], rows)
        for kind in ("words", "meaning"):
            sweep(kind, found[kind], list(forms), len(left))
    found = compare(topics, topics)
    print("Every topic with the other topics (largest, tenth, median score):", end=" ")
    print(", ".join(f"`{kind}` {highest(found[kind])}" for kind in ("words", "meaning")))
    demo(seed)


def demo(seed: int) -> None:
    """Print what the cuts make of the demo world, whose queries are made from templates."""
    world = build_world(seed=seed, n_items=1500, n_benchmark=150)
    training = {item.qid: item.query for item in world.items}
    found = compare(training, world.benchmark.queries)
    print("\n## The demo world: 1,500 items, 150 test queries, the same templates\n")
    table(
        ["way", *(f"{cut:.2f}" for cut in (0.5, *SWEPT[3:], 0.98))],
        [
            [kind, *(alarms(found[kind], cut) for cut in (0.5, *SWEPT[3:], 0.98))]
            for kind in decontamination.KINDS
        ],
    )


def scale(rng: random.Random, n_items: int = 13_000, n_queries: int = 5_000) -> None:
    """Print what comparing many texts takes, embedding left out."""
    topics = list(read_topics().values())
    words = [word for text in topics for word in text.split()]

    def made(_: int) -> str:
        """Return a text as long as some topic, of runs of twelve words of the topics."""
        wanted, text = len(rng.choice(topics).split()), list[str]()
        while len(text) < wanted:
            start = rng.randrange(len(words) - 12)
            text += words[start : start + 12]
        return " ".join(text[:wanted])

    training = {f"i{i}": made(i) for i in range(n_items)}
    test = {f"q{i}": made(i) for i in range(n_queries)}
    vectors = np.random.default_rng(0).normal(size=(n_items, 384)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    cuts, ids, qids = decontamination.Cuts(), list(training), list(test)
    ways: dict[str, Callable[[], object]] = {
        "exact": lambda: decontamination.exact_pairs(training, test),
        "words": lambda: decontamination.word_pairs(training, test, cuts.words),
        "meaning": lambda: decontamination.meaning_pairs(
            ids, vectors, qids, vectors[:n_queries], cuts.meaning
        ),
    }
    for name, compare_all in ways.items():
        began = time.perf_counter()
        compare_all()
        print(f"{name}: {time.perf_counter() - began:.1f} s")
    print(f"peak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")


if __name__ == "__main__":
    if sys.argv[1:] == ["scale"]:
        scale(random.Random(0))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
