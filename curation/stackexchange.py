"""StackExchange dumps: questions whose accepted answer links to pages, and those pages.

`Posts.xml` as archive.org publishes it (archive.org/details/stackexchange), bare or in a 7z
archive: one `<row>` for each post, in order of their ids, so that a stream need hold only the
questions that await their answer. The linked pages are the user's (see `curation.linked_pages`).
"""

import lzma
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from xml.parsers import expat

import polars as pl
from lxml import html as lxml_html
from lxml.etree import ParserError, strip_elements

from curation.errors import FormatError
from curation.linked_pages import is_web_link, read_pages
from curation.source_drafts import Draft
from curation.source_folder import PASSAGES_SCHEMA, SourceError, SourceQuery

if TYPE_CHECKING:
    from py7zr.io import WriterFactory

POSTS = "Posts.xml"
LENGTH = 300
"""Most words of a passage of a linked page, where nothing else is asked for; the recipe states
none."""

_SEVEN_ZIP = b"7z\xbc\xaf\x27\x1c"
_CHUNK = 1 << 20
_QUESTION, _ANSWER = "1", "2"
_BLOCKS = ("p", "pre", "li", "blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "tr", "hr")

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its accepted answer, both as text.

    Attributes:
        links: Of the accepted answer, as they stand there, each once.
    """

    qid: str
    text: str
    answer: str
    links: tuple[str, ...]


def read_stackexchange(
    posts: Path, pages: Path, domain: str, on_progress: Progress = lambda *_: None
) -> Draft:
    """Read a dump and the pages that its accepted answers link to, each page a passage.

    Questions whose links lead to none of the pages are kept without links, and counted.

    Args:
        posts: `Posts.xml`, or a 7z archive that holds it.
        pages: A folder or a WARC file.
        on_progress: Told how many bytes of a bare file are read, and of how many.

    Raises:
        FormatError: A file is malformed; it names file, line and field.
        SourceError: There is no question with a link, or none of the pages is linked.
    """
    reader = _Reader(posts)
    reader.read(on_progress)
    links = [link for question in reader.questions for link in question.links]
    if not links:
        raise SourceError(
            f"{posts} has no question whose accepted answer holds a link, among "
            f"{reader.read_posts['posts']:,} posts."
        )
    found = read_pages(pages, set(links))
    if not found.found:
        raise SourceError(
            f"None of the {len(set(links)):,} links of {posts} leads to a page of {pages} "
            f"({found.unwanted:,} others are there). Collect the linked pages first; one of them "
            f"is {links[0]!r:.120}."
        )
    queries = []
    notes = Counter({"pages that no answer links to": found.unwanted})
    notes["pages without text"] = found.wordless
    for question in reader.questions:
        there = [found.at(link) for link in question.links]
        docids = tuple(dict.fromkeys(page.url for page in there if page))
        notes["links to pages that are not there"] += there.count(None)
        notes["questions without any of their pages"] += not docids
        queries.append(
            SourceQuery(question.qid, domain, question.text, question.answer, linked=docids)
        )
    rows = [(page.url, page.title, page.text) for page in found.found.values()]
    return Draft(
        kind="stackexchange",
        queries=queries,
        passages=pl.DataFrame(rows, schema=PASSAGES_SCHEMA, orient="row"),
        read=dict(reader.read_posts) | {"linked pages": len(rows)},
        dropped=reader.dropped(),
        notes={what: n for what, n in notes.items() if n},
    )


class _Reader:
    """Takes the bytes of `Posts.xml` in any pieces and gathers questions."""

    def __init__(self, path: Path) -> None:
        self.questions: list[Question] = []
        self.read_posts = Counter[str]()
        self._dropped = Counter[str]()
        self._path = path
        self._waiting: dict[str, tuple[str, ...]] = {}  # by the id of the accepted answer
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._element
        # Entities that expand without end begin with a document type, which dumps have not.
        self._parser.StartDoctypeDeclHandler = self._doctype

    def read(self, on_progress: Progress) -> None:
        """Read the file to its end."""
        try:
            with self._path.open("rb") as file:
                packed = file.read(len(_SEVEN_ZIP)) == _SEVEN_ZIP
                if not packed:
                    file.seek(0)
                    size = self._path.stat().st_size
                    while chunk := file.read(_CHUNK):
                        self.feed(chunk)
                        on_progress(file.tell(), size)
        except OSError as error:
            raise FormatError(
                f"it cannot be read: {error.strerror or error}", file=self._path
            ) from error
        if packed:
            self._unpack()
        self.feed(b"", last=True)

    def feed(self, chunk: bytes, *, last: bool = False) -> None:
        """Take the next bytes.

        Raises:
            FormatError: If they are not XML as it is expected here.
        """
        try:
            self._parser.Parse(chunk, last)
        except expat.ExpatError as error:
            message = expat.ErrorString(error.code)
            raise FormatError(
                f"it is not XML: {message}", file=self._path, line=error.lineno
            ) from error

    def dropped(self) -> dict[str, int]:
        """Return how many questions were left out, by cause."""
        missing = {"its accepted answer is not in the dump": len(self._waiting)}
        return {cause: n for cause, n in (self._dropped | Counter(missing)).items() if n}

    def _unpack(self) -> None:
        from py7zr import SevenZipFile
        from py7zr.exceptions import ArchiveError

        try:
            with SevenZipFile(self._path) as archive:
                names = [n for n in archive.namelist() if n.rpartition("/")[2] == POSTS]
                if len(names) != 1:
                    there = ", ".join(archive.namelist()[:10]) or "nothing"
                    raise FormatError(
                        f"it holds {len(names)} files named {POSTS}; there are {there}",
                        file=self._path,
                    )
                archive.extract(targets=names, factory=_feeding(self))
        except (ArchiveError, lzma.LZMAError, EOFError) as error:
            raise FormatError(f"it is no whole 7z archive: {error}", file=self._path) from error

    def _doctype(self, *_: object) -> None:
        raise self._fault("a dump has no document type declaration", "")

    def _element(self, name: str, fields: dict[str, str]) -> None:
        if name != "row":
            return
        self.read_posts["posts"] += 1
        kind = self._field(fields, "PostTypeId")
        if kind == _QUESTION:
            self.read_posts["questions"] += 1
            if "AcceptedAnswerId" not in fields:
                self._dropped["no accepted answer"] += 1
                return
            question = tuple(self._field(fields, name) for name in ("Id", "Title", "Body"))
            self._waiting[fields["AcceptedAnswerId"]] = question
        elif kind == _ANSWER:
            asked = self._waiting.pop(self._field(fields, "Id"), None)
            if asked is None:
                return
            body = self._field(fields, "Body")
            if links := links_of(body):
                qid, title, asked_body = asked
                text = f"{title}\n\n{post_text(asked_body)}".strip()
                self.questions.append(Question(qid, text, post_text(body), links))
            else:
                self._dropped["no link in its accepted answer"] += 1

    def _field(self, fields: Mapping[str, str], name: str) -> str:
        if name not in fields:
            raise self._fault("a row lacks it", name)
        return fields[name]

    def _fault(self, message: str, field: str) -> FormatError:
        line = self._parser.CurrentLineNumber
        return FormatError(message, file=self._path, line=line, field=field)


def links_of(body: str) -> tuple[str, ...]:
    """Return the web addresses that a post links to, each once."""
    tree = _tree(body)
    hrefs = [] if tree is None else [str(each) for each in tree.xpath("//a/@href")]
    return tuple(dict.fromkeys(href.strip() for href in hrefs if is_web_link(href)))


def post_text(body: str) -> str:
    """Return the text of a post's HTML; blocks stand apart by a blank line."""
    tree = _tree(body)
    if tree is None:
        return ""
    strip_elements(tree, "script", "style", with_tail=False)
    for element in tree.iter(*_BLOCKS):
        element.text = f"\n\n{element.text or ''}"
        element.tail = f"\n\n{element.tail or ''}"
    for element in tree.iter("br"):
        element.tail = f"\n{element.tail or ''}"
    lines = [line.rstrip() for line in str(tree.text_content()).splitlines()]
    kept = [line for line, before in zip(lines, ["", *lines], strict=False) if line or before]
    return "\n".join(kept).strip()


def _tree(body: str) -> lxml_html.HtmlElement | None:
    try:
        return lxml_html.fragment_fromstring(body.replace("\0", ""), create_parent="div")
    except (ParserError, ValueError):  # nothing but comments, or characters that XML has not
        return None


def _feeding(reader: _Reader) -> "WriterFactory":
    """Return what py7zr gives an unpacked file to, piece by piece."""
    from py7zr.io import Py7zIO, WriterFactory

    class Writer(Py7zIO):
        def write(self, s: bytes | bytearray) -> int:
            reader.feed(bytes(s))
            return len(s)

        def read(self, size: int | None = None) -> bytes:
            return b""

        def seek(self, offset: int, whence: int = 0) -> int:
            return 0

        def flush(self) -> None: ...

        def size(self) -> int:
            return 0

    class Factory(WriterFactory):
        def create(self, filename: str) -> Py7zIO:
            return Writer()

    return Factory()
