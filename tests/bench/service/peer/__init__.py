"""The original design, built as its text says: FastAPI, SQLAlchemy over asyncpg, Redis, NumPy. The service to be measured against."""
