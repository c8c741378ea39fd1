from trainer.generation_state import GenerationState


def test_what_was_there_already_says_nothing_of_what_the_rest_will_cost():
    state = GenerationState(total=10)
    used = {"stage": "rank", "prompt_tokens": 1, "completion_tokens": 1}
    made = {"outcome": "labelled", "domain": "d", "statuses": {}, "samples": [], "price": 0.5}
    for number in range(4):
        state.count(made | {"qid": f"reused {number}"})
    assert state.projected is None
    state.count_paid(used | {"qid": "paid", "price": 0.5})
    state.count_paid(used | {"qid": "under way", "price": 0.25})
    state.count(made | {"qid": "paid"})
    assert state.projected == 0.75 + 0.5 * 5
