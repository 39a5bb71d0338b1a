"""What a route depends on: a session, Redis, and an account whose key is right and whose quota is not used up."""
import os
import uuid

import redis.asyncio
from fastapi import Depends, Header, HTTPException
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import sessionmaker

from .models import Account

engine = create_async_engine(os.environ["PEER_DATABASE_URL"], pool_size=10)
make_session = sessionmaker(engine, expire_on_commit=False, class_=AsyncSession)
store = redis.asyncio.from_url(os.environ["PEER_REDIS_URL"])


async def session():
    async with make_session() as opened:
        yield opened


async def account(account_id: int, x_api_key: uuid.UUID = Header(), database: AsyncSession = Depends(session)):
    found = await database.get(Account, account_id)
    if found is None:
        raise HTTPException(404, "Account not found")
    if found.api_key != x_api_key:
        raise HTTPException(403, "Invalid API key")
    return found


async def charged(found: Account = Depends(account)):
    key = f"user:{found.id}:quota"
    await store.set(key, found.quota_limit - found.quota_used, nx=True)
    if await store.decr(key) < 0:
        raise HTTPException(429, "Quota exceeded")
    await store.incr(f"user:{found.id}:delta")
    return found
