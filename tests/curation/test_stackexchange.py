import io
from pathlib import Path
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

import py7zr
import pytest
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from curation.errors import FormatError
from curation.linked_pages import address, read_pages
from curation.source_drafts import Draft
from curation.source_folder import SourceError, SourceQuery
from curation.stackexchange import links_of, post_text, read_stackexchange

OSMOSIS, SALT = "https://en.wikipedia.org/wiki/Osmosis", "http://www.salt.org/why/"
HTML = (
    "<html><head><title>{0}</title></head><body><nav>Home</nav><article><h1>{0}</h1>"
    "<p>{0} is what this page explains in one whole sentence, and a second one follows it.</p>"
    "<h2>Uses</h2><p>It is used wherever people have a use for it, which is nearly everywhere.</p>"
    "</article></body></html>"
)
POSTS = [
    {
        "Id": 1,
        "PostTypeId": 1,
        "AcceptedAnswerId": 3,
        "Title": "Why?",
        "Body": "<p>Hedge, salt</p>",
    },
    {"Id": 2, "PostTypeId": 2, "ParentId": 1, "Body": f"<a href='{SALT}'>not accepted</a>"},
    {
        "Id": 3,
        "PostTypeId": 2,
        "ParentId": 1,
        "Body": f"<p>See <a href='{OSMOSIS}#uses'>this</a>, <a href='{OSMOSIS}'>again</a> and "
        "<a href='https://gone.org/x'>that</a>.</p>",
    },
    {"Id": 4, "PostTypeId": 1, "Title": "Open", "Body": "<p>nobody</p>"},
    {"Id": 5, "PostTypeId": 1, "AcceptedAnswerId": 6, "Title": "Plain", "Body": "<p>x</p>"},
    {
        "Id": 6,
        "PostTypeId": 2,
        "ParentId": 5,
        "Body": "<p>no link, <a href='/q/1'>but here</a></p>",
    },
    {"Id": 7, "PostTypeId": 1, "AcceptedAnswerId": 99, "Title": "Lost", "Body": "<p>x</p>"},
    {"Id": 8, "PostTypeId": 1, "AcceptedAnswerId": 9, "Title": "Alone", "Body": "<p>y</p>"},
    {"Id": 9, "PostTypeId": 2, "ParentId": 8, "Body": "<a href='https://gone.org/y'>z</a>"},
    {"Id": 10, "PostTypeId": 5, "Body": ""},
]


def posts_xml(posts: list[dict[str, object]] = POSTS) -> bytes:
    rows = [
        "<row " + " ".join(f"{key}={quoteattr(str(value))}" for key, value in post.items()) + " />"
        for post in posts
    ]
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<posts>\n' + "\n".join(rows) + "\n</posts>"
    ).encode()


@pytest.fixture
def posts(tmp_path: Path) -> Path:
    path = tmp_path / "Posts.xml"
    path.write_bytes(posts_xml())
    return path


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    folder = tmp_path / "pages"
    folder.mkdir()
    (folder / f"{quote(OSMOSIS, safe='')}.html").write_text(HTML.format("Osmosis"))
    (folder / quote("https://other.org/", safe="")).write_text("nobody links here")
    return folder


def web_archive(path: Path) -> Path:
    """A WARC in which the link leads to a redirect, which leads to the page."""
    with path.open("wb") as file:
        writer = WARCWriter(file, gzip=path.suffix == ".gz")

        def add(url: str, status: str, headers: list[tuple[str, str]], body: bytes) -> None:
            http = StatusAndHeaders(status, headers, protocol="HTTP/1.1")
            writer.write_record(
                writer.create_warc_record(url, "response", io.BytesIO(body), http_headers=http)
            )

        html = HTML.format("Osmosis").encode()
        kind = ("Content-Type", "text/html; charset=utf-8")
        add("https://en.wikipedia.org/osmosis-page", "200 OK", [kind], html)
        add(OSMOSIS, "301 Moved", [("Location", "/osmosis-page")], b"")
        add("https://gone.org/x", "404 Not Found", [kind], b"<p>gone</p>")
        add("https://gone.org/y", "200 OK", [("Content-Type", "image/png")], b"\x89PNG")
    return path


def check(draft: Draft, url: str) -> None:
    assert draft.queries == [
        SourceQuery("1", "bio", "Why?\n\nHedge, salt", "See this, again and that.", linked=(url,)),
        SourceQuery("8", "bio", "Alone\n\ny", "z"),
    ]
    ((docid, title, text),) = draft.passages.rows()
    assert (docid, title) == (url, "Osmosis")
    assert text.startswith("# Osmosis")
    assert "## Uses" in text
    assert "Home" not in text
    assert draft.dropped == {
        "no accepted answer": 1,
        "no link in its accepted answer": 1,
        "its accepted answer is not in the dump": 1,
    }
    assert draft.read == {"posts": 10, "questions": 5, "linked pages": 1}
    assert draft.notes["links to pages that are not there"] == 2
    assert draft.notes["questions without any of their pages"] == 1


def test_questions_with_linked_pages_come_from_xml_and_a_folder(posts: Path, pages: Path):
    draft = read_stackexchange(posts, pages, "bio")
    check(draft, OSMOSIS)
    assert draft.notes["pages that no answer links to"] == 1


def test_the_same_comes_from_7z(posts: Path, pages: Path, tmp_path: Path):
    packed = tmp_path / "bio.7z"
    with py7zr.SevenZipFile(packed, "w") as archive:
        archive.writestr(b"<badges/>", "Badges.xml")
        archive.writestr(posts.read_bytes(), "Posts.xml")
        archive.writestr(b"<tags/>", "Tags.xml")
    check(read_stackexchange(packed, pages, "bio"), OSMOSIS)


@pytest.mark.parametrize("name", ["pages.warc", "pages.warc.gz"])
def test_a_web_archive_s_redirects_are_followed(posts: Path, tmp_path: Path, name: str):
    draft = read_stackexchange(posts, web_archive(tmp_path / name), "bio")
    check(draft, "https://en.wikipedia.org/osmosis-page")


def test_pages_may_be_listed_in_an_index(posts: Path, tmp_path: Path):
    folder = tmp_path / "listed"
    folder.mkdir()
    (folder / "1.txt").write_text("# Osmosis\n\n## Uses\n\nNone.")
    (folder / "pages.jsonl").write_text(f'{{"url": "{OSMOSIS}", "file": "1.txt"}}')
    draft = read_stackexchange(posts, folder, "bio")
    assert draft.passages.rows() == [(OSMOSIS, None, "# Osmosis\n\n## Uses\n\nNone.")]


def test_an_index_leads_nowhere_outside_its_folder(tmp_path: Path):
    (tmp_path / "secret").write_text("secret")
    folder = tmp_path / "listed"
    folder.mkdir()
    (folder / "pages.jsonl").write_text(f'{{"url": "{OSMOSIS}", "file": "../secret"}}')
    with pytest.raises(FormatError, match=r"pages.jsonl:1: file: there is no file '../secret'"):
        read_pages(folder, [OSMOSIS])


def test_links_to_one_page_are_told_as_one():
    assert len({address(u) for u in (SALT, "https://SALT.org/why", f"{SALT}#part")}) == 1
    assert address("https://a.org/?q=1") != address("https://a.org/?q=2")


def test_html_of_posts_becomes_text():
    body = "<p>Is 2 &lt; 3?</p><ul><li>one</li></ul><pre><code>a\n  b</code></pre>c<br>d"
    assert post_text(body) == "Is 2 < 3?\n\none\n\na\n  b\n\nc\nd"
    assert post_text("<!-- nothing -->") == post_text("") == ""
    assert links_of("<a href='http://[bad'>x</a><a href=' https://a.b/c '>y</a>") == (
        "https://a.b/c",
    )


BOMB = b"""<?xml version="1.0"?>
<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>
<posts>&b;</posts>"""


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (BOMB, r"Posts.xml:2: a dump has no document type"),
        (posts_xml()[:-20], r"Posts.xml:12: it is not XML"),
        (b"PK junk", "Posts.xml:1: it is not XML"),
        (posts_xml([{"Id": 1, "PostTypeId": 1, "AcceptedAnswerId": 2, "Body": "x"}]), "3: Title: "),
        (posts_xml([{"Id": 1}]), "Posts.xml:3: PostTypeId: a row lacks it"),
        (b"7z\xbc\xaf\x27\x1c" + b"junk" * 99, "no whole 7z archive"),
    ],
)
def test_a_broken_dump_is_named(posts: Path, pages: Path, content: bytes, told: str):
    posts.write_bytes(content)
    with pytest.raises(FormatError, match=told):
        read_stackexchange(posts, pages, "bio")


def test_an_archive_without_posts_names_what_it_holds(pages: Path, tmp_path: Path):
    packed = tmp_path / "x.7z"
    with py7zr.SevenZipFile(packed, "w") as archive:
        archive.writestr(b"<tags/>", "Tags.xml")
    with pytest.raises(FormatError, match="0 files named Posts.xml; there are Tags.xml"):
        read_stackexchange(packed, pages, "bio")


def test_what_leads_nowhere_is_said(posts: Path, tmp_path: Path):
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(SourceError, match="None of the 4 links.*Collect the linked pages"):
        read_stackexchange(posts, empty, "bio")
    (empty / "notes.txt").write_text("x")
    with pytest.raises(FormatError, match="notes.txt: its name is no percent-encoded address"):
        read_stackexchange(posts, empty, "bio")
    broken = tmp_path / "x.warc"
    broken.write_bytes(b"no archive at all\n" * 9)
    with pytest.raises(FormatError, match="no whole WARC"):
        read_stackexchange(posts, broken, "bio")
    cut = web_archive(tmp_path / "cut.warc")
    start = cut.read_bytes().index(b"</p>")  # within the first page
    cut.write_bytes(cut.read_bytes()[:start])
    with pytest.raises(FormatError, match="no whole WARC file: the page .*is cut off"):
        read_stackexchange(posts, cut, "bio")
    posts.write_bytes(posts_xml(POSTS[3:6]))
    with pytest.raises(SourceError, match="no question whose accepted answer holds a link"):
        read_stackexchange(posts, empty, "bio")
