from hypothesis import given
from hypothesis import strategies as st

from curation.chains import Piece, pieces


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
