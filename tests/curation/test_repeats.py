import pytest

from curation.repeats import alike, repeats, spread


def evaluation(name: str, model: str = "m", **settings: object) -> dict:
    return {
        "name": name,
        "benchmark_id": "b",
        "checkpoint_id": None,
        "settings": {"depth": 20, **settings} if settings else {},
        "summary": {"engine": {"engine": "openai", "model": model}},
    }


ROWS = [
    evaluation("first-stage"),
    evaluation("a0", temperature=0.7),  # from before seeds were kept
    evaluation("a1", temperature=0.7, seed=1, shuffle=None),
    evaluation("a1 again", temperature=0.7, seed=1),
    evaluation("cold", temperature=0.0, seed=1),
    evaluation("other model", model="n", temperature=0.7, seed=2),
    evaluation("shuffled", temperature=0.7, seed=1, shuffle=4),
]


def names(groups: list) -> list[list[str]]:
    return [[row["name"] for row in group] for group in groups]


def test_repeats_differ_in_their_seed_alone():
    assert names(repeats(ROWS)) == [["a0", "a1", "a1 again"]]


def test_alike_but_for_the_shuffle():
    assert ["a1", "a1 again", "shuffled"] in names(alike(ROWS, but_for="shuffle"))


def test_spread_of_values():
    found = spread([0.2, 0.4, 0.6])
    assert (found.n, found.low, found.high) == (3, 0.2, 0.6)
    assert (found.mean, found.sd) == (pytest.approx(0.4), pytest.approx(0.2))
    assert spread([0.5]).sd is None
