"""The executor that stores use: commands through the pool of the exported client."""

from __future__ import annotations

from collections.abc import Sequence

import redis.asyncio
from redis import exceptions

from modkit_redis.client.errors import answered
from modkit_redis.client.exchange import async_exchange, async_pool_of, moment
from modkit_redis.client.executor import Argument, Command, Reply, Script, ScriptCall, named, packed
from modkit_redis.contract.values import Duration


class AsyncRedisExecutor:
    """Sends commands through the pool of a ``redis.asyncio.Redis``, each once, and returns raw replies."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        """Take the pool of *client*; nothing is sent.

        Raises:
            ArgumentError: If it is no ``redis.asyncio.Redis``, or one without a pool of connections.
        """
        self._pool = async_pool_of(client)

    async def execute(self, *command: Argument, deadline: Duration | None = None) -> Reply:
        """Send one command and return its reply; see ``AsyncExecutor``."""
        operation = str(command[0])
        [reply] = await async_exchange(self._pool, [command], operation, moment(deadline))
        return answered(reply, operation)

    async def execute_many(
        self, commands: Sequence[Command | ScriptCall], *, deadline: Duration | None = None
    ) -> list[Reply]:
        """Send *commands* in one round trip and return their replies; see ``AsyncExecutor``."""
        if not commands:
            return []
        until = moment(deadline)
        replies = await async_exchange(self._pool, [packed(each) for each in commands], "pipeline", until)
        unknown = {  # they did not run, so running them now is the first time
            index: call
            for index, (call, reply) in enumerate(zip(commands, replies, strict=True))
            if isinstance(reply, exceptions.NoScriptError) and isinstance(call, ScriptCall)
        }
        if unknown:
            whole = [call.whole() for call in unknown.values()]
            second = await async_exchange(self._pool, whole, "pipeline", until)
            for index, reply in zip(unknown, second, strict=True):
                replies[index] = reply
        return [answered(reply, named(call)) for call, reply in zip(commands, replies, strict=True)]

    async def run(
        self,
        script: Script,
        keys: Sequence[str] = (),
        args: Sequence[Argument] = (),
        *,
        deadline: Duration | None = None,
    ) -> Reply:
        """Run *script* once; see ``AsyncExecutor``."""
        call, until = ScriptCall(script, keys, args), moment(deadline)
        [reply] = await async_exchange(self._pool, [call.known()], script.name, until)
        if isinstance(reply, exceptions.NoScriptError):  # it did not run, so this is the first time
            [reply] = await async_exchange(self._pool, [call.whole()], script.name, until)
        return answered(reply, script.name)
