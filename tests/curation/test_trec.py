import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation import trec
from curation.errors import FormatError


def test_doc_ids_with_spaces_keep_them(tmp_path):
    path = tmp_path / "x.run"
    path.write_text("q1 Q0 a  b/c.txt 1 2.5 tag\nq1\tQ0\tplain\t2\t1.5\ttag\n")
    assert trec.read_run(path) == {"q1": {"a  b/c.txt": 2.5, "plain": 1.5}}
    path.write_text("q1 0 a  b/c.txt 1\nq1 0 plain 0\n")
    assert trec.read_qrels(path) == {"q1": {"a  b/c.txt": 1, "plain": 0}}


def test_gzip_is_read(tmp_path):
    path = tmp_path / "x.qrels.gz"
    path.write_bytes(gzip.compress(b"q 0 d 2\n"))
    assert trec.read_qrels(path) == {"q": {"d": 2}}


@pytest.mark.parametrize(
    ("read", "content", "message"),
    [
        (trec.read_qrels, b"q 0 d 1\nq 0 d\n", ":2: expected `qid 0 docid relevance`"),
        (
            trec.read_qrels,
            b"q 0 d yes\n",
            ":1: relevance: must be a whole number of at most 1,000,000, got 'yes'",
        ),
        (
            trec.read_qrels,
            b"q 0 d 2147483647\n",
            ":1: relevance: must be a whole number of at most",
        ),
        (trec.read_qrels, b"q 0 d 1\nq 0 d 0\n", ":2: docid: 'd' is judged twice"),
        (trec.read_qrels, b"\n\n", "no judgment"),
        (trec.read_qrels, b"q 0 \xff 1\n", ":1: this line is not UTF-8"),
        (trec.read_run, b"q Q0 d 1 2\n", ":1: expected `qid Q0 docid rank score tag`"),
        (trec.read_run, b"q Q0 d 1 nan t\n", ":1: score: must be a finite number"),
        (trec.read_run, b"q Q0 d 1 2 t\nq Q0 d 2 1 t\n", ":2: docid: 'd' is ranked twice"),
        (trec.read_run, b"", "no ranking"),
    ],
)
def test_faults_are_named_by_file_and_line(tmp_path, read, content, message):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(FormatError, match="file") as caught:
        read(path)
    assert message in str(caught.value)


def test_a_missing_or_broken_file_is_an_error(tmp_path):
    with pytest.raises(FormatError, match="cannot be read"):
        trec.read_run(tmp_path / "nowhere")
    damaged = bytearray(gzip.compress(b"q Q0 d 1 2 t\n" * 1000))
    damaged[20:30] = b"\xff" * 10
    for content in (b"no gzip", bytes(damaged), bytes(damaged[:15])):
        (tmp_path / "x.gz").write_bytes(content)
        with pytest.raises(FormatError, match="cannot be read"):
            trec.read_run(tmp_path / "x.gz")


words = st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=8)
docids = st.lists(words, min_size=1, max_size=3).map(" ".join)


@given(
    run=st.dictionaries(words, st.lists(docids, min_size=1, unique=True), min_size=1),
    name=st.sampled_from(["x.run", "x.run.gz"]),
)
def test_a_written_run_is_read_back_in_order(tmp_path_factory, run, name):
    path = tmp_path_factory.mktemp("run") / name
    trec.write_run(path, run, "my tag")
    read = trec.read_run(path)
    assert {qid: sorted(s, key=lambda d: -s[d]) for qid, s in read.items()} == run
    assert trec.run_tag(path) == "my_tag"
