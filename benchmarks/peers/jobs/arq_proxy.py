"""The same proxy with arq in place of hand-written commands: FastAPI and `enqueue_job`.

REDIS_PORT says where. Started as `uvicorn arq_proxy:app`.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import arq
from arq.connections import RedisSettings
from fastapi import FastAPI
from pydantic import BaseModel

pools: list[arq.ArqRedis] = []


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    pools.append(await arq.create_pool(RedisSettings(port=int(os.environ["REDIS_PORT"]))))
    yield
    await pools.pop().aclose()


class PredictRequest(BaseModel):
    data: list[list[float]]


class PredictResponse(BaseModel):
    job_id: str


app = FastAPI(lifespan=lifespan)


@app.get("/health")
async def health() -> dict[str, str]:
    await pools[0].ping()
    return {"status": "healthy"}


@app.post("/predict")
async def predict(request: PredictRequest) -> PredictResponse:
    job = await pools[0].enqueue_job("predict", request.data)
    assert job is not None  # only a job_id that was asked for can be taken already
    return PredictResponse(job_id=job.job_id)
