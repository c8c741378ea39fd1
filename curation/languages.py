"""The language of a text, told by py3langid: 97 languages, offline, without a network or a GPU."""

from functools import cache
from typing import Any

CONFIDENCE = 0.5
"""Below it (py3langid's calibrated probability, 0..1) a text has no language that one could tell:
most code, formulas and very short texts."""


def language_of(text: str) -> str | None:
    """Return the ISO 639-1 code of a text's language, or None where it cannot be told."""
    code, confidence = _identifier().classify(text)
    return str(code) if confidence >= CONFIDENCE and len(code) == 2 else None


def known_languages() -> list[str]:
    """Return the codes that `language_of` may give, sorted."""
    return sorted(code for code in _identifier().labels if len(code) == 2)


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
