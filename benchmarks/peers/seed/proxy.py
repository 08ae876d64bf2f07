"""The proxy on the stack that the specification names: FastAPI, uvicorn, httpx, asyncio.gather.

SERVICES is JSON, name -> address. As in the original system each request opens its own
httpx.AsyncClient; KEEP_CLIENT=1 keeps one for the whole process, which shows how much of the
distance that choice makes.
Started as `uvicorn proxy:app`.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from fastapi import FastAPI
from schemas import PredictRequest

SERVICES: dict[str, str] = json.loads(os.environ["SERVICES"])
KEEP_CLIENT = os.environ.get("KEEP_CLIENT") == "1"

app = FastAPI()
kept: list[httpx.AsyncClient] = []


@asynccontextmanager
async def client() -> AsyncIterator[httpx.AsyncClient]:
    if KEEP_CLIENT:
        if not kept:
            kept.append(httpx.AsyncClient())
        yield kept[0]
        return
    async with httpx.AsyncClient() as fresh:
        yield fresh


async def ask_all(method: str, path: str, body: Any = None) -> dict[str, Any]:
    async with client() as asker:
        answers = await asyncio.gather(
            *(asker.request(method, address + path, json=body) for address in SERVICES.values())
        )
    return {name: answer.json() for name, answer in zip(SERVICES, answers, strict=True)}


@app.get("/health")
async def health() -> dict[str, str]:
    return {"health": "ok"}


@app.get("/health/all")
async def health_all() -> dict[str, Any]:
    return await ask_all("GET", "/health")


@app.post("/predict")
async def predict(request: PredictRequest) -> dict[str, Any]:
    return await ask_all("POST", "/predict", request.model_dump())


@app.post("/predict/label")
async def predict_label(request: PredictRequest) -> dict[str, Any]:
    answers = await ask_all("POST", "/predict", request.model_dump())
    label = max(answers, key=lambda name: float(answers[name]["prediction"][0]))
    return {"prediction": {"proba": answers[label]["prediction"][0], "label": label}}
