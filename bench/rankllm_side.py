"""RankLLM's side of `bench/rerank.py`, run by the Python of an environment that holds RankLLM.

    python bench/rankllm_side.py BASE_URL MODEL TEMPLATE REQUESTS WINDOW STEP NEW_TOKENS

Reads two numbers a line, reranks so many of the requests with so many calls in flight, and answers
with a line of JSON: calls, seconds, prompt and generated tokens.
"""

import asyncio
import json
import sys
import time

from rank_llm.data import read_requests_from_file
from rank_llm.rerank.listwise.rank_listwise_os_llm import RankListwiseOSLLM


def main() -> None:
    url, model, template, path, *numbers = sys.argv[1:]
    window, step, new_tokens = map(int, numbers)
    requests = read_requests_from_file(path)
    for line in sys.stdin:
        queries, in_flight = map(int, line.split())
        ranker = RankListwiseOSLLM(
            model=model,
            prompt_template_path=template,
            context_size=1900,
            window_size=window,
            stride=step,
            is_thinking=True,
            batch_size=in_flight,
            base_url=url,
            device="cpu",
        )
        # Its limit is the chain's budget and the tokens of a whole ranking together.
        ranker._reasoning_token_budget = new_tokens - ranker.num_output_tokens(window)
        began = time.monotonic()
        results = asyncio.run(
            ranker.rerank_batch_async(requests[:queries], populate_invocations_history=True)
        )
        seconds = time.monotonic() - began
        made = [call for result in results for call in result.invocations_history]
        if any(not call.token_usage for call in made):
            sys.exit("RankLLM's calls failed")
        report = {
            "calls": len(made),
            "seconds": seconds,
            "prompt_tokens": sum(call.input_token_count for call in made),
            "completion_tokens": sum(call.output_token_count for call in made),
        }
        print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main()
