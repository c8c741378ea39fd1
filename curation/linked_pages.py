"""Web pages that a user collected, found by their addresses: a folder or a web archive.

A folder holds either `pages.jsonl` (`url` and `file` a line), or files that are named by their
address, percent-encoded (`https%3A%2F%2Fen.wikipedia.org%2Fwiki%2FOsmosis.html`). `.html` and
`.htm` files are HTML, others plain text or Markdown. A web archive is a WARC file, gzipped or not.
"""

import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urljoin, urlsplit

from curation.benchmark_files import read_rows
from curation.errors import FormatError

if TYPE_CHECKING:
    from warcio.recordloader import ArcWarcRecord

INDEX = "pages.jsonl"
_ENDINGS = (".html", ".htm", ".txt", ".md")
_REDIRECTS = ("301", "302", "303", "307", "308")


@dataclass(frozen=True, slots=True)
class Page:
    """A page's text, with headings in Markdown's way.

    Attributes:
        url: As the collection has it; the docid.
    """

    url: str
    title: str | None
    text: str


@dataclass(slots=True)
class Pages:
    """What a collection holds of the pages that were wanted.

    Attributes:
        found: Pages by `address`.
        leads: From an address to the one that it redirects to.
        unwanted: How many pages nobody asked for.
        wordless: How many wanted pages have no text.
    """

    found: dict[str, Page] = field(default_factory=dict)
    leads: dict[str, str] = field(default_factory=dict)
    unwanted: int = 0
    wordless: int = 0

    def at(self, url: str) -> Page | None:
        """Return the page that a link leads to, if it is there."""
        return self.found.get(_followed(address(url), self.leads))


def address(url: str) -> str:
    """Return what two links to the same page share.

    No fragment, scheme, `www.` or slash at the end, and no case in the host.
    """
    parts = urlsplit(url.strip())
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.netloc.lower().removeprefix('www.')}{parts.path.rstrip('/')}{query}"


def is_web_link(url: str) -> bool:
    """Return whether this is a whole address of the web."""
    try:
        parts = urlsplit(url.strip())
    except ValueError:  # such as an unclosed bracket of IPv6
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)


def read_pages(place: Path, links: Collection[str]) -> Pages:
    """Read the pages that these links lead to.

    Raises:
        FormatError: If the place is neither a folder of pages nor a WARC file, or is broken.
    """
    pages = Pages()
    if place.is_dir():
        source = _folder(place)
    else:
        pages.leads = _redirects(place)
        source = _archived(place)
    wanted = {_followed(address(link), pages.leads) for link in links}
    for url, content, is_html in source:
        key = address(url)
        if key not in wanted:
            pages.unwanted += 1
        elif key not in pages.found:
            page = html_page(url, content) if is_html else _plain_page(url, content)
            if page is None:
                pages.wordless += 1
            else:
                pages.found[key] = page
    return pages


def html_page(url: str, html: bytes) -> Page | None:
    """Return the main text of a page, or None where there is none."""
    from trafilatura import extract, extract_metadata, html2txt

    text = extract(html, output_format="markdown", include_comments=False) or html2txt(html)
    if not text or not text.strip():
        return None
    about = extract_metadata(html)
    return Page(url, (about.title or None) if about else None, _clean(text))


def _plain_page(url: str, content: bytes) -> Page | None:
    text = _clean(content.decode("utf-8", "replace"))
    return Page(url, None, text) if text else None


def _clean(text: str) -> str:
    return text.replace("\0", "").strip()


def _followed(key: str, leads: dict[str, str]) -> str:
    """Return where redirects end; a circle ends where it was entered."""
    seen = {key}
    while key in leads and leads[key] not in seen:
        key = leads[key]
        seen.add(key)
    return key


def _folder(folder: Path) -> Iterator[tuple[str, bytes, bool]]:
    """Yield (address, content, whether it is HTML)."""
    if (folder / INDEX).exists():
        for row in read_rows(folder / INDEX):
            url, path = row.text("url"), (folder / row.text("file")).resolve()
            if not path.is_relative_to(folder.resolve()) or not path.is_file():
                raise row.fault(f"there is no file {row.text('file')!r:.80} in the folder", "file")
            if not is_web_link(url):
                raise row.fault(f"{url!r:.80} is no address of the web", "url")
            yield url, path.read_bytes(), _is_html(path)
        return
    for path in sorted(each for each in folder.iterdir() if each.is_file()):
        ending = path.suffix.lower() if path.suffix.lower() in _ENDINGS else ""
        url = unquote(path.name[: len(path.name) - len(ending)])
        if not is_web_link(url):
            raise FormatError(
                f"its name is no percent-encoded address; name it as https%3A%2F%2F… or list url "
                f"and file in {INDEX}",
                file=path,
            )
        yield url, path.read_bytes(), _is_html(path)


def _is_html(path: Path) -> bool:
    return path.suffix.lower() in (".html", ".htm")


def _redirects(path: Path) -> dict[str, str]:
    leads = {}
    for url, record in _records(path):
        location = record.http_headers.get_header("Location") or ""
        if record.http_headers.get_statuscode() in _REDIRECTS:
            target = location if "//" in location else urljoin(url, location)
            if is_web_link(target):
                leads[address(url)] = address(target)
    return leads


def _archived(path: Path) -> Iterator[tuple[str, bytes, bool]]:
    """Yield (address, content, whether it is HTML) of each page that was served."""
    for url, record in _records(path):
        kind = (record.http_headers.get_header("Content-Type") or "").partition(";")[0].strip()
        is_html = kind.lower() in ("text/html", "application/xhtml+xml")
        if record.http_headers.get_statuscode() == "200" and (is_html or kind == "text/plain"):
            content = record.content_stream().read()
            _whole(path, url, record)
            yield url, content, is_html


def _whole(path: Path, url: str, record: "ArcWarcRecord") -> None:
    """Refuse a record of which less is there than it says: an archive that was cut off ends so."""
    if record.raw_stream.limit > 0:
        raise FormatError(
            f"it is no whole WARC file: the page {url:.100} is cut off; fetch the file again",
            file=path,
        )


def _records(path: Path) -> Iterator[tuple[str, "ArcWarcRecord"]]:
    """Yield (address, response) of a web archive."""
    from warcio.archiveiterator import ArchiveIterator
    from warcio.exceptions import ArchiveLoadFailed

    number = 0
    try:
        with path.open("rb") as file:
            for number, record in enumerate(ArchiveIterator(file), start=1):
                url = record.rec_headers.get_header("WARC-Target-URI") or ""
                served = record.rec_type == "response" and record.http_headers is not None
                if served and is_web_link(url):
                    yield url, record
    except OSError as error:
        raise FormatError(f"it cannot be read: {error.strerror or error}", file=path) from error
    except (ArchiveLoadFailed, EOFError, zlib.error) as error:
        raise FormatError(
            f"it is no whole WARC file (after {number} records): {error}", file=path
        ) from error
