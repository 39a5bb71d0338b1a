"""The accounts table of the original design."""
from sqlalchemy import Column, DateTime, Integer, String, func
from sqlalchemy.dialects.postgresql import UUID
from sqlalchemy.orm import declarative_base

Base = declarative_base()


class Account(Base):
    __tablename__ = "accounts"

    id = Column(Integer, primary_key=True)
    account_name = Column(String(255), unique=True, nullable=False)
    api_key = Column(UUID(as_uuid=True), unique=True, nullable=False)
    quota_limit = Column(Integer, nullable=False, default=500)
    quota_used = Column(Integer, nullable=False, default=0)
    created_at = Column(DateTime(timezone=True), server_default=func.now())
    updated_at = Column(DateTime(timezone=True), server_default=func.now())
