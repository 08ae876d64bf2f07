"""arq's worker at jobs that cost nothing: `arq_worker.py PORT JOBS CONCURRENCY`.

Hands the jobs in, then starts the clock and the worker, and stops the clock when all are done.
Prints one line of JSON. Its two waits are set so that they do not count: it looks for jobs every
5 ms, where its default is half a second, and reads as many as there are room for at a time.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

import arq
import uvloop
from arq.connections import RedisSettings
from arq.worker import Worker, func

ROW = [[5.1, 3.5, 1.4, 0.2]]
AT_ONCE = 500


async def predict(_: dict[str, Any], data: list[list[float]]) -> int:
    return len(data)


async def main(port: int, count: int, concurrency: int) -> None:
    settings = RedisSettings(port=port)
    pool = await arq.create_pool(settings)
    for begin in range(0, count, AT_ONCE):
        some = range(begin, min(begin + AT_ONCE, count))
        await asyncio.gather(*(pool.enqueue_job("predict", ROW) for _ in some))
    worker = Worker(
        [func(predict, name="predict")],
        redis_pool=pool,
        burst=True,
        max_jobs=concurrency,
        poll_delay=0.005,
        handle_signals=False,
    )
    began = time.perf_counter()
    await worker.async_run()
    seconds = time.perf_counter() - began
    print(json.dumps({"jobs": worker.jobs_complete, "seconds": seconds}))
    await worker.close()


if __name__ == "__main__":
    uvloop.run(main(*(int(argument) for argument in sys.argv[1:4])))
