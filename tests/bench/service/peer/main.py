"""The one route of the original design."""
from typing import List

from fastapi import Depends, FastAPI
from pydantic import BaseModel

from .deps import charged
from .kalman_filter import kalman_filter


class KalmanInput(BaseModel):
    results: List[float]


class KalmanOutput(BaseModel):
    processed_results: List[float]
    input_data: List[float]


app = FastAPI()


@app.post("/api/v1/{account_id}/kalman", response_model=KalmanOutput, dependencies=[Depends(charged)])
async def kalman(body: KalmanInput):
    return KalmanOutput(processed_results=kalman_filter(body.results).tolist(), input_data=body.results)
