"""Models of language of the package transformers, with random values, as small as they come."""

from __future__ import annotations

from typing import Any

import torch

from ._entry import Entry, Example, seeded, tokens
from ._transformers import random_model

VOCABULARY = 11
DECODER: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 8,
    "intermediate_size": 12,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "max_position_embeddings": 16,
    "use_cache": False,
    "pad_token_id": 0,
}
ENCODER: dict[str, Any] = {key: DECODER[key] for key in DECODER if key != "use_cache"}
GROUPED: dict[str, Any] = {"num_key_value_heads": 1, "head_dim": 4}


def _text(
    name: str,
    family: str,
    kind: str,
    config: str,
    **options: Any,
) -> Entry:
    """A model of tokens, which takes sentences of any length."""
    return Entry(
        name,
        family,
        seeded(lambda: random_model(kind, config, **options)),
        tokens(VOCABULARY, (2, 5), (1, 7)),
        needs="transformers",
    )


def _encoded() -> tuple[Example, Example]:
    """Tokens for an encoder and for a decoder."""
    (first, second) = tokens(VOCABULARY, (2, 5), (1, 7))()
    (short, longer) = tokens(VOCABULARY, (2, 3), (1, 4), name="decoder_input_ids", seed=2)()
    assert isinstance(first, dict) and isinstance(second, dict)
    assert isinstance(short, dict) and isinstance(longer, dict)
    return {**first, **short}, {**second, **longer}


def _masked() -> tuple[Example, Example]:
    """Sentences of different lengths, padded, with their mask."""

    def draw(example: Example, kept: int) -> Example:
        assert isinstance(example, dict)
        mask = torch.ones_like(example["input_ids"])
        mask[0, kept:] = 0
        return {**example, "attention_mask": mask}

    first, second = tokens(VOCABULARY, (2, 5), (2, 7))()
    return draw(first, 3), draw(second, 4)


T5: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "d_model": 8,
    "d_kv": 4,
    "d_ff": 12,
    "num_layers": 1,
    "num_heads": 2,
    "use_cache": False,
    "relative_attention_num_buckets": 8,
    "relative_attention_max_distance": 10,
}

ENCODERS = (
    _text("hf_bert", "bert", "BertModel", "BertConfig", **ENCODER),
    Entry(
        "hf_bert_padded",
        "bert",
        seeded(lambda: random_model("BertForSequenceClassification", "BertConfig", **ENCODER)),
        _masked,
        needs="transformers",
    ),
    _text("hf_roberta", "roberta", "RobertaModel", "RobertaConfig", **ENCODER),
    _text(
        "hf_distilbert",
        "distilbert",
        "DistilBertModel",
        "DistilBertConfig",
        vocab_size=VOCABULARY,
        dim=8,
        hidden_dim=8,
        n_layers=1,
        n_heads=2,
        max_position_embeddings=16,
    ),
    _text(
        "hf_albert",
        "albert",
        "AlbertModel",
        "AlbertConfig",
        **{**ENCODER, "embedding_size": 4, "num_hidden_layers": 2},
    ),
    _text("hf_electra", "electra", "ElectraModel", "ElectraConfig", **{**ENCODER, "embedding_size": 4}),
    _text("hf_t5_encoder", "t5", "T5EncoderModel", "T5Config", **T5),
    Entry(
        "hf_t5",
        "t5",
        seeded(lambda: random_model("T5Model", "T5Config", **T5)),
        _encoded,
        needs="transformers",
    ),
    _text(
        "hf_clip_text",
        "clip",
        "CLIPTextModel",
        "CLIPTextConfig",
        **{**ENCODER, "eos_token_id": 1, "bos_token_id": 2},
    ),
)

DECODERS = (
    _text(
        "hf_gpt2",
        "gpt-2",
        "GPT2Model",
        "GPT2Config",
        vocab_size=VOCABULARY,
        n_embd=8,
        n_layer=1,
        n_head=2,
        n_inner=8,
        n_positions=16,
        use_cache=False,
    ),
    _text(
        "hf_gpt2_tied_head",
        "gpt-2",
        "GPT2LMHeadModel",
        "GPT2Config",
        vocab_size=VOCABULARY,
        n_embd=8,
        n_layer=2,
        n_head=2,
        n_positions=16,
        use_cache=False,
    ),
    _text("hf_gpt_neox", "gpt-neox", "GPTNeoXModel", "GPTNeoXConfig", **DECODER),
    _text(
        "hf_gptj",
        "gpt-j",
        "GPTJModel",
        "GPTJConfig",
        vocab_size=VOCABULARY,
        n_embd=8,
        n_layer=1,
        n_head=2,
        n_positions=16,
        rotary_dim=2,
        use_cache=False,
    ),
    _text("hf_opt", "opt", "OPTModel", "OPTConfig", **{**DECODER, "ffn_dim": 12, "word_embed_proj_dim": 8}),
    _text("hf_bloom", "bloom", "BloomModel", "BloomConfig", **{**DECODER, "n_head": 2, "n_layer": 1}),
    _text("hf_falcon", "falcon", "FalconModel", "FalconConfig", **{**DECODER, "ffn_hidden_size": 12}),
    _text(
        "hf_llama",
        "llama",
        "LlamaModel",
        "LlamaConfig",
        **{**DECODER, **GROUPED},
    ),
    _text(
        "hf_llama_head",
        "llama",
        "LlamaForCausalLM",
        "LlamaConfig",
        **{**DECODER, **GROUPED, "num_hidden_layers": 2},
    ),
    _text(
        "hf_mistral",
        "mistral",
        "MistralModel",
        "MistralConfig",
        **{**DECODER, **GROUPED, "sliding_window": 3},
    ),
    _text("hf_qwen2", "qwen", "Qwen2Model", "Qwen2Config", **{**DECODER, "num_key_value_heads": 1}),
    _text("hf_qwen3", "qwen", "Qwen3Model", "Qwen3Config", **{**DECODER, **GROUPED}),
    _text(
        "hf_gemma",
        "gemma",
        "GemmaModel",
        "GemmaConfig",
        **{**DECODER, **GROUPED},
    ),
    _text(
        "hf_gemma2",
        "gemma",
        "Gemma2Model",
        "Gemma2Config",
        **{**DECODER, **GROUPED, "num_hidden_layers": 2, "sliding_window": 3},
    ),
    _text("hf_phi", "phi", "PhiModel", "PhiConfig", **DECODER),
    _text("hf_phi3", "phi", "Phi3Model", "Phi3Config", **{**DECODER, "num_key_value_heads": 1}),
    _text("hf_olmo2", "olmo", "Olmo2Model", "Olmo2Config", **{**DECODER, "num_key_value_heads": 1}),
    _text(
        "hf_mamba",
        "mamba",
        "MambaModel",
        "MambaConfig",
        vocab_size=VOCABULARY,
        hidden_size=6,
        state_size=3,
        num_hidden_layers=1,
        expand=2,
        conv_kernel=3,
        time_step_rank=2,
        use_cache=False,
    ),
)

ENTRIES = ENCODERS + DECODERS
