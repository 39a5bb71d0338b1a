"""Makes the peer's table and its one account (PEER_ACCOUNT_ID, whose key is PEER_API_KEY)."""
import asyncio
import os
import uuid

from .deps import engine, make_session
from .models import Account, Base


async def prepare():
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.drop_all)
        await connection.run_sync(Base.metadata.create_all)
    async with make_session() as session:
        session.add(Account(id=int(os.environ["PEER_ACCOUNT_ID"]), account_name="bench",
                            api_key=uuid.UUID(os.environ["PEER_API_KEY"]), quota_limit=2_000_000_000))
        await session.commit()


asyncio.run(prepare())
