"""A stampede of two processes on Redis 6.2."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.redis62 import redis_62
from tests.support import stock_client

THREADS = """
import sys, threading, time, redis
from modkit_redis import RedisBundle
app = RedisBundle(config={"addr": sys.argv[1], "cache": {"default_ttl": "1m"}})
count, store = redis.Redis(port=int(sys.argv[1].rpartition(":")[2])), app.cache.store()
def load():
    while int(count.get("asked")) < 20: time.sleep(0.005)
    return count.incr("loads")
def ask():
    count.incr("asked")
    answers.append(store.get_or_set("key", load))
answers, threads = [], [threading.Thread(target=ask) for _ in range(10)]
count.incr("ready")
while int(count.get("ready")) < 2: time.sleep(0.005)
for each in threads: each.start()
for each in threads: each.join()
print(answers)
"""
TASKS = """
import sys, asyncio, redis
from modkit_redis import AsyncRedisBundle
async def main():
    app = AsyncRedisBundle(config={"addr": sys.argv[1], "cache": {"default_ttl": "1m"}})
    count, store = redis.Redis(port=int(sys.argv[1].rpartition(":")[2])), app.cache.store()
    async def load():
        while int(count.get("asked")) < 20: await asyncio.sleep(0.005)
        return count.incr("loads")
    async def ask():
        count.incr("asked")
        return await store.get_or_set("key", load)
    count.incr("ready")
    while int(count.get("ready")) < 2: await asyncio.sleep(0.005)
    print(await asyncio.gather(*(ask() for _ in range(10))))
    await app.shutdown_resources()
asyncio.run(main())
"""


@pytest.mark.slow
@pytest.mark.parametrize("programs", [(THREADS, THREADS), (TASKS, TASKS), (THREADS, TASKS)])
def test_two_processes_load_once(programs: tuple[str, str]) -> None:
    root = Path(__file__).parents[2]
    with redis_62() as server, stock_client(server.addr) as admin:
        running = [
            subprocess.Popen(
                [sys.executable, "-c", program, server.addr], stdout=subprocess.PIPE, text=True, cwd=root
            )
            for program in programs
        ]
        said = [process.communicate(timeout=30)[0] for process in running]

        assert said == [f"{[1] * 10}\n"] * 2
        assert admin.get("loads") == b"1"
