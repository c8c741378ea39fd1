"""Passages that someone pasted: JSON Lines, paragraphs between blank lines, or one on each line."""

import re
from typing import Any

from curation.errors import FormatError
from curation.strict_json import JsonError, decode
from db.records import Passage

PLACE = "passages"  # how errors call the field, in place of a file
_TEXTS = ("text", "contents", "passage")
_IDS = ("docid", "_id", "id")


def read_pasted(text: str, *, most: int) -> list[Passage]:
    """Return the passages in a text; those without an id are numbered from 1.

    JSON Lines where the first line begins with `{` (`text`, and where wanted `docid` and `title`);
    else paragraphs where a blank line stands between two lines; else lines.

    Raises:
        FormatError: At the first line at fault; or there are fewer than 2 passages, or over `most`.
    """
    lines = text.strip().splitlines()
    if lines and lines[0].startswith("{"):
        numbered = [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
        found = [_from_json(number, line, at) for at, (number, line) in enumerate(numbered, 1)]
        seen: set[str] = set()
        for (number, _), passage in zip(numbered, found, strict=True):
            if passage.docid in seen:
                raise FormatError(
                    f"{passage.docid!r:.80} stands twice", file=PLACE, line=number, field="docid"
                )
            seen.add(passage.docid)
    else:
        parts = re.split(r"\n\s*\n", "\n".join(lines))
        if len(parts) == 1:
            parts = lines
        texts = [part.strip() for part in parts if part.strip()]
        found = [Passage(str(at), each) for at, each in enumerate(texts, start=1)]
    if not 2 <= len(found) <= most:
        raise FormatError(
            f"{len(found)} found, give 2 to {most}: one on each line, with blank lines between "
            "them, or as JSON Lines",
            file=PLACE,
        )
    return found


def _from_json(number: int, line: str, at: int) -> Passage:
    try:
        row: Any = decode(line.encode("utf-8", "surrogatepass"))
    except JsonError as error:
        raise FormatError(f"not JSON: {error}", file=PLACE, line=number) from error
    if not isinstance(row, dict):
        raise FormatError("not an object", file=PLACE, line=number)
    body = next((row[key] for key in _TEXTS if key in row), None)
    if not isinstance(body, str) or not body.strip():
        message = f"{body!r:.40} is no text; give one as {', '.join(_TEXTS)}"
        raise FormatError(message, file=PLACE, line=number, field="text")
    title = row.get("title")
    if title is not None and not isinstance(title, str):
        raise FormatError(f"{title!r:.40} is no text", file=PLACE, line=number, field="title")
    docid = next((row[key] for key in _IDS if key in row), at)
    if not isinstance(docid, str | int):
        raise FormatError(f"{docid!r:.40} is no id", file=PLACE, line=number, field="docid")
    return Passage(str(docid), body, title or None)
