import random

import pytest

from curation.comparing import as_json, as_latex, as_markdown, compare_all
from curation.errors import CurationError


@pytest.fixture
def values():
    """Sixty queries: `strong` is 0.2 above `weak` give or take, `twin` as often up as down."""
    chance = random.Random(1)
    weak = {f"q{n}": chance.uniform(0.2, 0.6) for n in range(60)}
    return {
        "weak": weak,
        "strong & sure_1": {q: v + chance.gauss(0.2, 0.1) for q, v in weak.items()},
        "twin|2": {q: v + (0.1 if n % 2 else -0.1) for n, (q, v) in enumerate(weak.items())},
    }


def test_every_pair_is_tested_and_corrected(values):
    found = compare_all("nDCG@10", values)
    assert (found.n, len(found.pairs)) == (60, 3)
    by_names = {(pair.first, pair.second): pair for pair in found.pairs}
    sure, even = by_names["weak", "strong & sure_1"], by_names["weak", "twin|2"]
    assert sure.separable
    assert not even.separable
    assert sure.p_corrected == pytest.approx(3 * sure.comparison.p)
    assert sure.comparison.difference == pytest.approx(-0.2, abs=0.05)
    assert sure.comparison.effect == pytest.approx(-2, abs=0.6)
    assert found.worse == {"weak": [], "strong & sure_1": ["weak", "twin|2"], "twin|2": []}


def test_the_detectable_difference_is_found_in_four_cases_of_five(values):
    """Shift the twin by what is called detectable, resample, and count how often it is found."""
    import numpy as np
    from scipy import stats

    pair = compare_all("m", {k: values[k] for k in ("weak", "twin|2")}).pairs[0]
    noise = np.array([values["twin|2"][q] - v for q, v in values["weak"].items()])
    noise -= noise.mean()
    rng = np.random.default_rng(0)
    drawn = rng.choice(noise, (2000, len(noise))) + pair.comparison.detectable
    share = (stats.ttest_1samp(drawn, 0, axis=1).pvalue < 0.05).mean()
    assert share == pytest.approx(0.8, abs=0.05)


def test_tables_mark_who_beats_whom_and_take_any_name(values):
    found = compare_all("nDCG@10", values)
    table = as_markdown(found)
    mean = f"{100 * found.means['strong & sure_1']:.2f}"
    assert f"| b | strong & sure_1 | {mean} ac |" in table
    assert r"| c | twin\|2 |" in table
    assert "60 queries." in table
    assert "Not separable: 1 of 3 pairs" in table
    latex = as_latex(found)
    assert rf"b & strong \& sure\_1 & {mean}$^{{ac}}$ &" in latex
    assert latex.count(r"\\") == 8
    assert r"| weak − twin\|2 |" in table
    assert "(not separable)" in table
    assert r"weak $-$ twin|2 &" in latex
    assert as_json(found)["pairs"][0]["separable"] is True


def test_only_shared_queries_count(values):
    values["twin|2"].pop("q0")
    assert compare_all("nDCG@10", values).n == 59


@pytest.mark.parametrize(
    ("systems", "told"),
    [
        ({"a": {"q": 1.0}}, "Compare 2 to 26"),
        ({"a": {"q": 1.0}, "b": {"r": 1.0}}, "share no query"),
        ({str(n): {"q": 1.0} for n in range(27)}, "not 27"),
    ],
)
def test_what_cannot_be_compared_is_refused(systems, told):
    with pytest.raises(CurationError, match=told):
        compare_all("nDCG@10", systems)
