"""Random load on sessions from several processes of both worlds, and what must be true when it is over."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from typing import Any

from tests.capability import stock_async_client
from tests.integration._async.session_load import AsyncLoad
from tests.integration._sync.session_load import Load
from tests.session_plans import USERS, Plan, Report
from tests.sessions import AsyncSessions, Looker, Sessions
from tests.support import stock_client


def run(plan: Plan) -> Report:
    """Do what *plan* says."""
    return asyncio.run(_run_tasks(plan)) if plan.number % 2 else _run_threads(plan)


def run_all(workers: ProcessPoolExecutor, plan: Plan, among: int = 4) -> Report:
    """Do what *plan* says in so many processes at once, and return what they and the end of it all tell."""
    print(f"seed {plan.seed}")  # noqa: T201  # pytest shows it when the test fails
    running = [workers.submit(run, replace(plan, number=number, among=among)) for number in range(among)]
    report = Report()
    for each in running:
        report.add(each.result(plan.seconds + 60))
    if plan.kind == "modkit":
        report.wrong += _left_behind(plan) if plan.scenario == "sessions" else _left_of_users(plan)
    return report


def _run_threads(plan: Plan) -> Report:
    sessions, db, report = Sessions(plan.addr, plan.prefix, plan.kind), stock_client(plan.addr), Report()
    load = Load(plan, sessions.new(client={"pool_size": 20}, **plan.settings), db, report)

    def repeat(worker: str, chance: Any) -> None:
        try:
            for _ in plan.turns():
                load.act(worker, chance)
                if plan.until and report.wrong:
                    db.sadd(plan.name("caught"), *report.broken())
                if plan.until and db.smembers(plan.name("caught")) >= {each.encode() for each in plan.until}:
                    return
        except BaseException as error:  # noqa: BLE001  # whatever it is, it is wrong
            report.wrong.append(repr(error))

    db.incr(plan.name("ready"))
    while int(db.get(plan.name("ready")) or 0) < plan.among:
        time.sleep(0.002)
    threads = [threading.Thread(target=repeat, args=each) for each in plan.chances().items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sessions.close()
    db.close()
    return report


async def _run_tasks(plan: Plan) -> Report:
    sessions = AsyncSessions(plan.addr, plan.prefix, plan.kind)
    db, report = stock_async_client(plan.addr), Report()
    load = AsyncLoad(plan, sessions.new(client={"pool_size": 20}, **plan.settings), db, report)

    async def repeat(worker: str, chance: Any) -> None:
        try:
            for _ in plan.turns():
                await load.act(worker, chance)
                if plan.until and report.wrong:
                    await db.sadd(plan.name("caught"), *report.broken())
                caught = await db.smembers(plan.name("caught")) if plan.until else set()
                if plan.until and caught >= {each.encode() for each in plan.until}:
                    return
        except BaseException as error:  # noqa: BLE001  # whatever it is, it is wrong
            report.wrong.append(repr(error))

    await db.incr(plan.name("ready"))
    while int(await db.get(plan.name("ready")) or 0) < plan.among:  # noqa: ASYNC110  # of other processes
        await asyncio.sleep(0.002)
    await asyncio.gather(*(repeat(*each) for each in plan.chances().items()))
    await sessions.aclose()
    await db.aclose()
    return report


def _left_behind(plan: Plan) -> Iterator[str]:
    """Compare what is left of the sessions with the truth, and say what is wrong."""
    sessions = Sessions(plan.addr, plan.prefix)
    store: Any = sessions.new(**plan.settings)
    with stock_client(plan.addr) as admin:
        db: Any = admin
        look = Looker(admin, plan.prefix)
        for handle in sorted(each.decode() for each in db.smembers(plan.name("all"))):
            token = db.get(plan.name("token", handle)).decode()
            if not look.fields(token):
                continue
            if db.exists(plan.name("dead", handle)):
                yield f"I1: the key of {handle} is there"
                continue
            pttl, left = look.pttl(look.key(token)), look.number(token, "x") - look.now_ms()
            if not 0 < pttl <= min(left + 1, look.number(token, "i")):
                yield f"I5: the TTL is {pttl}"
            found = store.load(token)
            if found is None:
                yield "I2: the last token does not open the session"
                continue
            for key, value in db.hgetall(plan.name("acknowledged", handle)).items():
                if found.data.get(key.decode()) != int(value):
                    yield f"I3: {key.decode()} is {found.data.get(key.decode())}, not {int(value)}"
            if found.data["n"] != int(db.get(plan.name("count", handle)) or 0):
                yield f"I4: n is {found.data['n']}"
            if look.number(token, "g") != int(db.get(plan.name("rotations", handle)) or 0):
                yield f"I7: the token was replaced {look.number(token, 'g')} times"
            if "wrong" in found.data:
                yield "I2: a replaced token has written"
    sessions.close()


def _left_of_users(plan: Plan) -> Iterator[str]:
    """Compare what is left of users' sessions with the truth, and say what is wrong."""
    with stock_client(plan.addr) as admin:
        db: Any = admin
        look = Looker(admin, plan.prefix)
        handles = {user: look.index(user) for user in USERS}
        live: dict[str, int] = dict.fromkeys(USERS, 0)
        for key in look.keys():  # noqa: SIM118  # it is no dictionary
            user = (db.hget(key, "u") or b"").decode()
            if user:
                live[user] += 1
                if key.rpartition(":")[2] not in handles[user]:
                    yield f"I10: a session of {user} is not in the index"
        most = int(str(plan.settings["per_user_max"]))
        for user in USERS:
            if live[user] > most or len(handles[user]) > most:
                yield f"I18: {user} has {live[user]} sessions, {len(handles[user])} in the index"
        for token in db.smembers(plan.name("ended")):
            if look.fields(token.decode()):
                yield "I10: a session has survived its revocation"
