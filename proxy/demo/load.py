"""The application: what HikariCP and Exposed send, one query to a transaction."""

import asyncio
import random

import aiomysql

from proxy.demo.programs import DemoError
from proxy.demo.shop import DATABASE, ORDERS, USER

WORKERS = 4
THINKING = 0.04
"""Seconds that a worker spends at most on other things between two units of work."""
INSERT_EVERY = 5


async def load(port: int, seconds: float) -> None:
    """Let the workers work for so many seconds; each finishes the unit of work that it has begun."""
    until = asyncio.get_running_loop().time() + seconds
    try:
        async with asyncio.TaskGroup() as group:
            for number in range(WORKERS):
                group.create_task(_worker(port, until, number))
    except ExceptionGroup as errors:
        raise DemoError(f"the load failed: {errors.exceptions[0]}") from errors


async def _worker(port: int, until: float, number: int) -> None:
    # autocommit=None: the driver sends nothing of its own.
    async with aiomysql.connect(host="127.0.0.1", port=port, user=USER, db=DATABASE, autocommit=None) as connection:
        unit = number
        while asyncio.get_running_loop().time() < until:
            async with connection.cursor() as cursor:
                await _unit_of_work(cursor, unit)
            unit += 1
            await asyncio.sleep(random.uniform(0, THINKING))  # noqa: S311 - no secret


async def _unit_of_work(cursor: aiomysql.Cursor, unit: int) -> None:
    order = ORDERS[unit * 7 % len(ORDERS)]["id"]
    await cursor.execute("SET autocommit=0")
    if unit % INSERT_EVERY:
        await cursor.execute(
            "SELECT orders.id, orders.customer, orders.cents FROM orders WHERE orders.id = %s", (order,)
        )
        if await cursor.fetchone() is None:
            raise LookupError(f"order {order} was not found")
    else:
        await cursor.execute("INSERT INTO visits (order_id) VALUES (%s)", (order,))
    await cursor.execute("COMMIT")
    await cursor.execute("SET autocommit=1")
