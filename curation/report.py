"""One HTML file that tells a comparison: tables, plots and what each evaluation ran with.

It opens without a network and holds no script. Every text is escaped, plots are pictures inside
the file, and a content security policy keeps a browser from loading or running anything else.
"""

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

_STYLE = """
body { margin: 2.5rem auto; max-width: 60rem; padding: 0 1.5rem; color: #1b2033;
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.7rem; margin-bottom: 0.2rem; }
h2 { font-size: 1.2rem; margin: 2.4rem 0 0.6rem; }
h3 { font-size: 1rem; margin: 1.6rem 0 0.4rem; }
p, figcaption { color: #4a5168; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 14px; }
th, td { padding: 0.3rem 0.8rem 0.3rem 0; border-bottom: 1px solid #dfe2ec; text-align: left;
  vertical-align: top; }
th { font-weight: 600; }
td { min-width: 1rem; max-width: 28rem; overflow-wrap: break-word; }
th.number, td.number { min-width: 3rem; text-align: right; }
figure { margin: 1rem 0; break-inside: avoid; }
img { max-width: 100%; }
.scroll { overflow-x: auto; }
"""
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"

Cell = str | float | int | None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headings; floats are shown with two decimals."""

    headings: Sequence[str]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True, slots=True)
class Figure:
    """A plot as SVG, and what it shows."""

    svg: str
    caption: str


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with what stands under it, in order: paragraphs, tables and figures."""

    title: str
    parts: Sequence[str | Table | Figure] = field(default=())


def render(title: str, lead: str, sections: Iterable[Section]) -> str:
    """Return the report as one HTML document."""
    body = "\n".join(_section(each) for each in sections)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>{escape(title)}</h1>
<p>{escape(lead)}</p>
{body}
</body>
</html>
"""


def flatten(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Return nested settings as rows of a dotted name and a value; what is unset is left out.

    Example:
        >>> flatten({"strategy": {"window": 6}, "measures": ["AP", "RR"], "seed": None})
        [('strategy.window', '6'), ('measures', 'AP, RR')]
    """
    rows: list[tuple[str, str]] = []
    for key, value in values.items():
        if isinstance(value, Mapping):
            rows += flatten(value, f"{prefix}{key}.")
        elif isinstance(value, list | tuple):
            rows.append((prefix + key, ", ".join(map(str, value))))
        elif value is not None:
            rows.append((prefix + key, str(value)))
    return rows


def _section(section: Section) -> str:
    return "\n".join([f"<h2>{escape(section.title)}</h2>", *map(_part, section.parts)])


def _part(part: str | Table | Figure) -> str:
    if isinstance(part, str):
        return f"<p>{escape(part)}</p>"
    if isinstance(part, Figure):
        data = base64.b64encode(part.svg.encode()).decode()
        caption = escape(part.caption)
        return (
            f'<figure><img alt="{caption}" src="data:image/svg+xml;base64,{data}">'
            f"<figcaption>{caption}</figcaption></figure>"
        )
    numeric = [
        any(isinstance(row[at], float | int) for row in part.rows)
        for at in range(len(part.headings))
    ]
    head = "".join(
        f"<th{' class=number' if number else ''}>{escape(heading)}</th>"
        for heading, number in zip(part.headings, numeric, strict=True)
    )
    rows = "\n".join(f"<tr>{''.join(_cell(value) for value in row)}</tr>" for row in part.rows)
    return f'<div class="scroll"><table><tr>{head}</tr>\n{rows}</table></div>'


def _cell(value: Cell) -> str:
    if value is None:
        return "<td class=number>–</td>"
    if isinstance(value, float):
        return f"<td class=number>{value:.2f}</td>"
    if isinstance(value, int):
        return f"<td class=number>{value:,}</td>"
    return f"<td>{escape(value)}</td>"
