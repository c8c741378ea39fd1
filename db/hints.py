"""Answers of a teacher that was asked again with a reviewer's hint."""

from typing import Any

from db.errors import StoreError
from db.item_writes import insert_rankings, ranking_frame
from db.records import Ranking
from db.store import Store


def insert_hinted(store: Store, ranking: Ranking, *, prompt: str, asked_by: str) -> None:
    """Keep an answer with its hint.

    Args:
        ranking: Of author `teacher`, with a hint.
        prompt: The template's name and content hash.

    Raises:
        StoreError: The item has this very answer already.
    """
    with store.transaction() as cursor:
        known = cursor.execute(
            "SELECT 1 FROM rankings WHERE ranking_id = ?", [ranking.ranking_id]
        ).fetchall()
        if known:
            raise StoreError(
                "This answer is here already, word by word: the hint changed nothing. Ask with "
                "another one."
            )
        insert_rankings(cursor, ranking_frame([ranking]))
        cursor.execute(
            "INSERT INTO hinted_rankings VALUES (?, ?, ?, ?, now())",
            [ranking.ranking_id, ranking.hint, prompt, asked_by],
        ).fetchall()


def hinted_of(store: Store, item_id: str) -> list[dict[str, Any]]:
    """Return an item's answers to hints, the newest first.

    Returns:
        Rows of ranking_id, author_name, hint, prompt, asked_by, asked_at, docids (best first),
        status, ndcg, chain.
    """
    return store.rows(
        """
        SELECT ranking_id, r.author_name, h.hint, h.prompt, h.asked_by, h.asked_at, r.docids,
               r.status, r.ndcg, t.chain
        FROM rankings r
        JOIN hinted_rankings h USING (ranking_id)
        JOIN ranking_texts t USING (ranking_id)
        WHERE r.item_id = ?
        ORDER BY h.asked_at DESC
        """,
        [item_id],
    )
