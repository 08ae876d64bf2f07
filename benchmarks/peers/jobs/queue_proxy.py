"""The proxy of the asynchronous pattern on the stack that its specification names.

FastAPI and redis-py: three commands a job, sent together, which is the faster way to send them.
REDIS_PORT says where. Started as `uvicorn queue_proxy:app`.
"""

from __future__ import annotations

import json
import os
import uuid
from typing import Any

import redis.asyncio as redis
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel


class PredictRequest(BaseModel):
    data: list[list[float]]


class PredictResponse(BaseModel):
    job_id: str


app = FastAPI()
store = redis.Redis(port=int(os.environ["REDIS_PORT"]), decode_responses=True)


@app.get("/health")
async def health() -> dict[str, str]:
    await store.ping()
    return {"status": "healthy"}


@app.post("/predict")
async def predict(request: PredictRequest) -> PredictResponse:
    job_id = uuid.uuid4().hex
    async with store.pipeline(transaction=False) as pipeline:
        pipeline.set(f"job:{job_id}:data", json.dumps(request.model_dump()))
        pipeline.set(f"job:{job_id}:status", "pending")
        pipeline.lpush("queue:predict", job_id)
        await pipeline.execute()
    return PredictResponse(job_id=job_id)


@app.get("/job/{job_id}")
async def job(job_id: str) -> dict[str, Any]:
    status, result = await store.mget(f"job:{job_id}:status", f"job:{job_id}:result")
    if status is None:
        raise HTTPException(404, "Job not found")
    found: dict[str, Any] = {"job_id": job_id, "status": status}
    if result is not None:
        found["result"] = json.loads(result)
    return found
