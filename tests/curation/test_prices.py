"""The price table: read, written, and what is said of a bad one."""

import pytest

from curation.errors import FormatError
from curation.prices import Price, read_prices, write_prices


def test_prices_are_read_back(tmp_path):
    path = tmp_path / "prices.yaml"
    assert read_prices(path) == {}
    prices = {"a/b": Price(prompt=0.28, completion=0.42), "é": Price(prompt=0, completion=1)}
    write_prices(path, prices)
    assert read_prices(path) == prices
    assert prices["a/b"].of(1_000_000, 2_000_000) == pytest.approx(0.28 + 0.84)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("b: {prompt: 1, completion: 1}\na:\n  prompt: 1", r"yaml:3: a.completion: Field required"),
        ("b: {prompt: 1, completion: 1}\na:\n  prompt: x\n  completion: 1", r"yaml:3: a.prompt: "),
        ("a: {prompt: true, completion: 1}", r"yaml:1: a.prompt: .*got True"),
        ("a: {prompt: 1, completion: 1}\na: {prompt: 2, completion: 1}", r"yaml:2: a: .*twice"),
        ("1: {prompt: 1, completion: 1}", r"yaml:1: 1.*string"),
        ("a: {prompt: -1, completion: 0}", r"a.prompt: .*got -1"),
        ("a: {prompt: .inf, completion: 0}", r"a.prompt"),
        ("a: {prompt: 1, completion: 1, cached: 0}", r"a.cached: Extra"),
        ("- a", "prices.yaml"),
        ("b: 1\na: {prompt: 1", r"prices.yaml:\d+: it is not YAML"),
        ("\x00", "prices.yaml"),
    ],
)
def test_a_bad_table_names_the_place(tmp_path, text, told):
    (tmp_path / "prices.yaml").write_text(text)
    with pytest.raises(FormatError, match=told):
        read_prices(tmp_path / "prices.yaml")
