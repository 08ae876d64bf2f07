"""What the services and the proxy take and give, as their specification has it."""

from __future__ import annotations

from pydantic import BaseModel


class PredictRequest(BaseModel):
    data: list[list[float]]


class PredictionResponse(BaseModel):
    prediction: list[float]
