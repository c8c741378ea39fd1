"""A teacher's answer to an item that a reviewer asked again, with a hint."""

from collections.abc import Sequence

from curation.chain_checks import failed_checks
from curation.errors import CurationError
from curation.people import require
from curation.permutation import Status, parse_response
from curation.rankings import scored
from curation.samples import NO_ORDER
from db import items
from db.hints import insert_hinted
from db.store import Store

LONGEST_HINT = 2_000


def keep_hinted(
    store: Store,
    *,
    item_id: str,
    model: str,
    prompt: str,
    hint: str,
    response: str,
    permutation: Sequence[int],
    status: Status,
    tokens: tuple[int, int],
    asked_by: str,
) -> str:
    """Keep a teacher's answer with the hint it was given; return its ranking's id.

    It is no sample: neither agreement nor consistency count it, and a chain that a fix takes from
    it is marked `hinted` wherever it is trained on.

    Args:
        prompt: The template's name and content hash.
        permutation: 1-based into the item's candidates, best first, complete.
        status: How the response was parsed.
        tokens: Of the prompt and of the answer.

    Raises:
        RefusedError: If `asked_by` does not have the role reviewer.
        CurationError: If there is no hint, or the answer holds no order.
        StoreError: If the item has this very answer already.
        NotFoundError: If there is no such item.
    """
    asked_by = require(store, asked_by, "reviewer")
    hint = hint.strip()
    if not 0 < len(hint) <= LONGEST_HINT:
        raise CurationError(f"A hint has 1 to {LONGEST_HINT:,} characters.")
    if status in NO_ORDER:
        raise CurationError("This answer holds no order: there is nothing to keep.")
    item = items.get_item(store, item_id)
    initial = [candidate.docid for candidate in item.candidates]
    if sorted(permutation) != list(range(1, len(initial) + 1)):
        raise CurationError("The answer must order each of the item's passages once.")
    order = [initial[number - 1] for number in permutation]
    chain = parse_response(response, len(initial)).chain
    texts = [item.query, *(candidate.text for candidate in item.candidates)]
    ranking = scored(
        item_id,
        "teacher",
        model,
        order,
        initial=initial,
        relevant=item.relevant_docids,
        chain=chain,
        status=status,
        response=response,
        prompt_tokens=tokens[0],
        completion_tokens=tokens[1],
        failed_checks=tuple(failed_checks(chain, permutation, status, texts)),
        hint=hint,
    )
    insert_hinted(store, ranking, prompt=prompt, asked_by=asked_by)
    return ranking.ranking_id
