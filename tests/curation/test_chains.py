import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.chains import Piece, excerpt, pieces


def test_mentions_of_passages_are_cut_out():
    assert pieces("[2] beats [10] and [0]", 3) == [
        Piece("[2]", 2),
        Piece(" beats [10] and [0]"),
    ]
    assert pieces("", 3) == []


@given(chain=st.text(alphabet="[]0123 a\n"), n=st.integers(1, 20))
def test_joined_pieces_are_the_chain(chain, n):
    found = pieces(chain, n)
    assert "".join(piece.text for piece in found) == chain
    assert all(p.identifier is None or p.text == f"[{p.identifier}]" or p.text for p in found)


CHAIN = "Heat is asked. Look at each. [1] is on heat. [2] is not.\n[3] and [1] agree! So [1] first."


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        ([2], "Heat is asked. Look at each. [1] is not."),
        ([1], "Heat is asked. Look at each. [1] is on heat. So [1] first."),
        (
            [3, 1],
            "Heat is asked. Look at each. [2] is on heat. [1] and [2] agree! So [2] first.",
        ),
        ([], "Heat is asked. Look at each."),
    ],
)
def test_an_excerpt_says_nothing_of_other_passages(shown, said):
    assert excerpt(CHAIN, shown, 3) == said


def test_an_excerpt_of_all_passages_in_order_is_the_chain_in_one_line():
    assert excerpt(CHAIN, [1, 2, 3], 3) == CHAIN.replace("\n", " ")
