"""One specialised service on the specification's stack: FastAPI, uvicorn, ONNX Runtime.

MODEL_PATH names the model. Started as `uvicorn service:app`.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import onnxruntime
from fastapi import FastAPI
from schemas import PredictionResponse, PredictRequest

SAMPLE = [[5.1, 3.5, 1.4, 0.2]]


class Predictor:
    def __init__(self, path: str) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            path, options, providers=["CPUExecutionProvider"]
        )
        self.input_name = self.session.get_inputs()[0].name

    def predict(self, rows: list[list[float]]) -> list[float]:
        """[probability of the class, probability of another] for the first row."""
        values = np.array(rows, dtype=np.float32)
        probabilities = self.session.run(["output_probability"], {self.input_name: values})[0]
        first: dict[int, float] = probabilities[0]
        return [float(first[0]), float(first[1])]


predictor = Predictor(os.environ["MODEL_PATH"])
app = FastAPI()


@app.get("/health")
async def health() -> dict[str, str]:
    return {"health": "ok"}


@app.get("/metadata")
async def metadata() -> dict[str, Any]:
    return {
        "data_type": "float32",
        "data_structure": "(1,4)",
        "data_sample": SAMPLE,
        "prediction_type": "float32",
        "prediction_structure": "(1,2)",
        "prediction_sample": [0.97, 0.03],
    }


@app.post("/predict")
async def predict(request: PredictRequest) -> PredictionResponse:
    return PredictionResponse(prediction=predictor.predict(request.data))


@app.get("/predict/test")
async def predict_test() -> PredictionResponse:
    return PredictionResponse(prediction=predictor.predict(SAMPLE))
