"""
What a condition costs: each evaluation beside `json.loads` of the same body alone, which is the least that a look into
it can take. Facts are made anew each time, as for each answer; the condition was parsed before, as for each check.

    python tests/bench/bench_conditions.py [EVALUATIONS]
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from checks.conditions import Facts, parse  # noqa: E402  # run as a script: the path comes first
from checks.conditions.parser import parse as parser  # noqa: E402

SMALL = b'{"status":"ok","uptime":"12h3m","version":"1.2.3"}'
LARGE = json.dumps({"status": "ok", "items": [{"id": n, "name": f"item {n}"} for n in range(1000)]}).encode()
PAGE = b"<html>" + b"<p>some words of a page</p>" * 2000 + b"</html>"
ROUNDS = 5

CONDITIONS = (
    ("[STATUS] == 200", SMALL),
    ("[RESPONSE_TIME] < 500", SMALL),
    ("[HEADERS].content-type == pat(*json*)", SMALL),
    ("[BODY].status == ok", SMALL),
    ("[STATUS] == 200 and [BODY].status == ok and [BODY].uptime > 1h", SMALL),
    ("[BODY].status == ok", LARGE),
    ("[BODY].items[999].name == item 999", LARGE),
    ("[BODY] == pat(*</html>)", PAGE),
    ("[BODY] == regex(</html>$)", PAGE),
)


def facts(body: bytes) -> Facts:
    headers = (("Server", "x"), ("Date", "now"), ("Content-Type", "application/json"), ("Content-Length", "50"))
    return Facts(status=200, body=body, headers=headers, response_time=0.0123, connected=True, ip="127.0.0.1")


def cost(act: Callable[[], object], times: int) -> float:
    """Microseconds of CPU for one, the median of a few rounds."""
    found = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        for _ in range(times):
            act()
        found.append((time.process_time() - begun) / times * 1e6)
    return median(found)


def main() -> None:
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    nothing = cost(lambda: facts(SMALL), times)
    print(f"{'making the facts of an answer':64} {nothing:8.2f} us")
    for text, body in CONDITIONS:
        condition = parse(text)
        few = max(500, times * len(SMALL) // len(body) // 2) if len(body) > 1000 else times
        ours = cost(lambda condition=condition, body=body: condition.evaluate(facts(body)), few) - nothing
        size = f"{len(body) / 1024:.0f} KB" if len(body) > 1024 else f"{len(body)} B"
        line = f"{text:64} {ours:8.2f} us"
        if body is PAGE:
            print(f"{line}  of {size} of text")
        else:
            alone = cost(lambda body=body: json.loads(body), few)
            print(f"{line}  {ours / alone:5.2f} of json.loads ({alone:.2f} us for {size})")
    uncached = parser.__wrapped__
    for text in ("[STATUS] == 200", "[STATUS] == 200 and [BODY].status == ok and [BODY].uptime > 1h"):
        print(f"parsing {text:56} {cost(lambda text=text: uncached(text), times // 20):8.1f} us, once for each text")


if __name__ == "__main__":
    main()
