"""Dimensions of the diagonal symmetries of most networks of the list, derived by hand.

Buffers are counted, and parameters that are never read are not.  The rules are short.

- A channel that reaches nothing but linear maps and relus has a scale; one that reaches linear maps and odd
  functions has a sign.
- Batch norm at inference has a scale and a sign for what it reads, one scale for its deviation against its
  gain, and those of what it writes.
- The input of a layer norm or group norm has no scale and one sign in common, that of an RMS norm no scale
  and one sign per channel; what their gain and bias write has both.
- Heads have those of queries against keys and of values against outputs; rotary positions tie the two
  channels of a pair.
"""

from __future__ import annotations

from ._entry import Expected

# What stands behind each is the sum of its parts: scales first, then signs.
DERIVED = {
    "mlp_relu": Expected(5 + 4, 0),
    "mlp_tanh": Expected(0, 5 + 4),
    "tied_residual": Expected(6, 0),
    "quick_start": Expected(8 + 8, 0),
    "residual_mlp": Expected(3 * 6, 3 * 6 + 1),
    # The second norm has no gain, so that its deviation takes what is behind it, and no sign.
    "batch_norm_mlp": Expected(3 * 6 + 2 * 5, 6),
    "gated_mlp": Expected(6 + 2 * 5, 6 + 2 * 5),
    # Mixing tokens leaves one common factor of gain and bias: the same matrix reads all channels.
    "mlp_mixer": Expected(2 * (1 + 6) + 6, 2 * (1 + 6) + 6 + 1),
    "deep_sets": Expected(6 + 5, 4),
    "point_net": Expected(3 * 5 + 6, 5),
    "low_rank_adapters": Expected(6 + 2 + 2, 2 + 2),
    "tied_autoencoder": Expected(0, 0),
    "variational_autoencoder": Expected(5 + 5, 0),
    "graph_convolution": Expected(0, 0),
    "soft_experts": Expected(3 * 5, 0),
    "siren": Expected(0, 6 + 5),
    "film_siren": Expected(6, 5 + 5),
    # A frequency's sign changes the sine and not the cosine.
    "fourier_features": Expected(6, 4),
    "radiance_field": Expected(6 + 6 + 5 + 4, 5),
    "physics_net": Expected(0, 5 + 5 + 5),
    "conv_batch_norm": Expected(3 * 4 + 3 * 5, 4 + 5),
    "lenet": Expected(3 + 4 + 6 + 5, 0),
    "lenet_tanh": Expected(0, 3 + 4 + 6),
    "vgg": Expected(4 + 6 + 6 + 8, 0),
    "vgg_batch_norm": Expected(3 * (4 + 6 + 6) + 8, 4 + 6 + 6),
    # Stem, then the blocks; both streams are counted once.
    "resnet_basic": Expected(
        2 * 4 + 4 + (3 * 4 + 2 * 4) + (3 * 6 + 2 * 6 + 2 * 6 + 6) + (3 * 6 + 2 * 6),
        4 + (4 + 4) + (6 + 6 + 6) + (6 + 6),
    ),
    "resnet_bottleneck": Expected(
        3 * 3
        + (3 * 3 + 3 * 3 + 2 * 6 + 2 * 6 + 6)
        + (3 * 3 + 3 * 3 + 2 * 6)
        + (3 * 4 + 3 * 4 + 2 * 8 + 2 * 8 + 8),
        3 + (3 + 3 + 6 + 6) + (3 + 3 + 6) + (4 + 4 + 8 + 8),
    ),
    "preactivation_resnet": Expected(
        4 + (2 * 4 + 3 * 4) + (2 * 4 + 3 * 6 + 6) + (2 * 6 + 3 * 6) + 2 * 6, 4 + 4 + 6 + 6 + 6
    ),
    "densenet": Expected(
        2 * (4 + (2 * 4 + 3 * 4 + 2) + (2 * 6 + 3 * 4 + 2) + 2 * 8), 2 * (4 + (4 + 2) + (4 + 2))
    ),
    "inception": Expected(4 + 2 * (2 + 8), 0),
    "mobilenet_v1": Expected(3 * (4 + 4 + 6 + 6 + 8), 4 + 4 + 6 + 6 + 8),
    # The first stream holds an output of relu6, the second is linear.
    "mobilenet_v2": Expected(
        2 * (4 + 4 + 4 + 8 + 8 + 6 + 12 + 12 + 6 + 8) + 6, 4 + 4 + 4 + 8 + 8 + 6 + 12 + 12 + 6 + 8 + 6
    ),
    "mobilenet_v3": Expected(2 * (4 + 6 + 6 + 4 + 8 + 8 + 6) + 6 + 3 + 3, 4 + 6 + 6 + 4 + 8 + 8 + 6 + 6),
    "efficientnet": Expected(2 * (4 + 8 + 8 + 4 + 8 + 8 + 6 + 8) + 6, 4 + 8 + 8 + 4 + 8 + 8 + 6 + 8 + 6),
    "squeezenet": Expected(4 + (2 + 6) + (3 + 6), 0),
    "shufflenet": Expected(3 * 6 + 2 * (3 * 6 + 3 * 6 + 2 * 6), 6 + 2 * (6 + 2 * 6 + 6)),
    "shufflenet_v2": Expected(3 * 6 + 2 * (3 * 9), 6 + 2 * (3 + 2 * 3 + 3)),
    "regnet": Expected(
        3 * 4 + (3 * 6 + 3 * 6 + 2 * 6 + 2 * 6 + 6) + (3 * 6 + 3 * 6 + 2 * 6), 4 + 4 * 6 + 3 * 6
    ),
    "unet": Expected(2 * 3 * (3 + 4 + 6 + 4 + 3) + 4 + 3, 2 * (3 + 4 + 6 + 4 + 3) + 4 + 3),
    "unet_diffusion": Expected(0, 2 + 2),
    "conv_autoencoder": Expected(4 + 5 + 4, 0),
    "generator": Expected(3 * 6 + 3 * 4, 6 + 4),
    "wavenet": Expected(4 + 3, 4 + 4 + 4),
    "conv1d": Expected(3 * 4 + 6, 4),
    "conv3d": Expected(3 * 3 + 4, 3),
    "super_resolution": Expected(0, 4 + 4),
    "style_transfer": Expected(0, 4),
    "attention": Expected(4 + 4, 4 + 4),
    "gpt": Expected(2 * (8 + 8 + 16), 2 * (8 + 8 + 16) + 1),
    "llama": Expected(2 + 4 + 12 + 16, 2 + 4 + 12 + 16 + 8),
    "encoder": Expected(8 + 8 + 8, 8 + 8 + 8 + 1 + 1),
    "encoder_norm_first": Expected(8 + 8 + 16, 8 + 8 + 16 + 1),
    "translator": Expected(16 + 16 + 10 + 8, 16 + 16 + 8 + 3),
    "linear_attention": Expected(6, 6),
    "vit": Expected(8 + 8 + 24, 8 + 8 + 24 + 1),
    "deit": Expected(8 + 8 + 24, 8 + 8 + 24 + 1),
    "swin": Expected(2 * (4 + 4 + 4) + 16 + 6, 2 * (4 + 4 + 4) + 16 + 6 + 1),
    # The stream of the first block has scales; that of the second is read by a layer norm.
    "convnext": Expected((4 + 4 + 4) + (6 + 6) + 6, (4 + 4 + 4 + 1) + (6 + 6 + 1) + 6 + 1),
    "tagger": Expected(4, 4 + 5),
    "lstm": Expected(0, 4 + 4),
    "lstm_bidirectional": Expected(0, 4 + 4),
    "lstm_by_hand": Expected(0, 4),
    "gru": Expected(0, 5),
    "gru_cells": Expected(0, 4),
    "gru_attention": Expected(0, 4 + 4 + 5),
    "rnn_tanh": Expected(0, 5),
    "rnn_relu": Expected(5, 0),
    "character_rnn": Expected(0, 5),
    # What the state and the skip around it write has one factor in common.
    "state_space": Expected(4 + 1 + 3 + 1, 4 + 1 + 3 + 1),
    # The norms behind sums: embeddings, attention, MLP; what the last one writes is the output.
    "hf_bert": Expected(8 + 8, 8 + 8 + 3),
    "hf_bert_padded": Expected(8 + 8 + 8, 8 + 8 + 3 + 8 + 8),
    "hf_roberta": Expected(8 + 8, 8 + 8 + 3),
    "hf_distilbert": Expected(8 + 8, 8 + 8 + 3),
    # The same layer twice: its input is its output, which is the network's.
    "hf_albert": Expected(8 + 8 + 4, 8 + 8 + 4 + 2),
    "hf_electra": Expected(8 + 8 + 4, 8 + 8 + 4 + 3),
    "hf_t5_encoder": Expected(8 + 8 + 12 + 16, 8 + 8 + 16 + 8),
    "hf_t5": Expected((16 + 12 + 16) + (32 + 12 + 24), (16 + 16) + (32 + 24) + 8),
    "hf_clip_text": Expected(8 + 8 + 16, 8 + 8 + 16 + 1),
    "hf_gpt2": Expected(8 + 8 + 16, 8 + 8 + 16 + 1),
    "hf_gpt2_tied_head": Expected(2 * (8 + 8 + 16), 2 * (8 + 8 + 16) + 1),
    # Half of each head is turned by positions.
    "hf_gpt_neox": Expected(6 + 8 + 16, 6 + 8 + 16 + 1),
    "hf_gptj": Expected(6 + 8 + 8, 6 + 8 + 8 + 1),
    "hf_phi": Expected(6 + 8 + 8, 6 + 8 + 8 + 1),
    "hf_opt": Expected(8 + 8 + 12 + 16, 8 + 8 + 16 + 1),
    "hf_bloom": Expected(8 + 8 + 16, 8 + 8 + 16 + 2),
    "hf_falcon": Expected(2 + 4 + 8, 2 + 4 + 8 + 1),
    "hf_llama": Expected(2 + 4 + 12 + 16, 2 + 4 + 12 + 16 + 8),
    "hf_llama_head": Expected(2 * (2 + 4 + 12 + 16) + 8, 2 * (2 + 4 + 12 + 16) + 8 + 8),
    "hf_mistral": Expected(2 + 4 + 12 + 16, 2 + 4 + 12 + 16 + 8),
    "hf_qwen2": Expected(2 + 4 + 12 + 16, 2 + 4 + 12 + 16 + 8),
    # Norms of queries and keys: a sign for each of their gains against the rows before them.
    "hf_qwen3": Expected(2 + 4 + 12 + 16, 2 + 4 + 12 + 16 + 8 + 4 + 4),
    "hf_gemma": Expected(2 + 4 + 12 + 16, 2 + 4 + 12 + 16 + 8),
    "hf_gemma2": Expected(2 * (2 + 4 + 12 + 16), 2 * (2 + 4 + 12 + 16 + 8 + 8) + 8),
    "hf_phi3": Expected(2 + 4 + 12 + 16, 2 + 4 + 12 + 16 + 8),
    # Norms behind attention and MLP: signs of what they read against their gains; the stream has none before.
    "hf_olmo2": Expected(2 + 4 + 12, 2 + 4 + 12 + 8 + 8 + 8 + 8 + 4),
    "hf_mamba": Expected(12 + 2 + 3 + 1 + 6, 12 + 2 + 3 + 1 + 6 + 6),
    "hf_vit": Expected(8 + 8 + 16, 8 + 8 + 16 + 1),
    "hf_deit": Expected(8 + 8 + 16, 8 + 8 + 16 + 1),
    "hf_clip_vision": Expected(8 + 8 + 16, 8 + 8 + 16 + 1),
    "hf_dinov2": Expected(8 + 8 + 16 + 16, 8 + 8 + 16 + 16 + 1),
    "hf_resnet_basic": Expected(
        2 * 4 + 4 + (3 * 4 + 2 * 4) + (3 * 6 + 2 * 6 + 2 * 6) + (3 * 6 + 2 * 6),
        4 + (4 + 4) + (6 + 6 + 6) + (6 + 6),
    ),
    "hf_resnet_bottleneck": Expected(
        3 * 4 + (3 * 2 + 3 * 2 + 2 * 8 + 2 * 8 + 8) + (3 * 3 + 3 * 3 + 2 * 12 + 2 * 12),
        4 + (2 + 2 + 8 + 8) + (3 + 3 + 12 + 12),
    ),
    "hf_regnet": Expected(
        3 * 4 + (3 * 8 + 3 * 8 + 2 * 8 + 2 * 8 + 1 + 8) + (3 * 8 + 3 * 8 + 2 * 8 + 2 * 8 + 2), 4 + 8 * 8
    ),
    "hf_efficientnet": Expected(2 * (4 + 4 + 4 + 8 + 8 + 4 + 24) + 4 + 4, 4 + 4 + 4 + 8 + 8 + 4 + 24 + 4 + 4),
    # Two blocks of width 4, a merge of four tokens, a block of width 8; norms of embedding and streams.
    "hf_swin": Expected(2 * (4 + 4 + 8) + 16 + (8 + 8 + 16), 2 * (4 + 4 + 8) + 16 + (8 + 8 + 16) + 3),
    "hf_convnext": Expected((4 + 4) + 4 + (6 + 6), (4 + 4) + 4 + (6 + 6) + 4),
    "hf_convnextv2": Expected(4 + 4 + 6, 4 + 4 + 6 + 4),
    "hf_segformer": Expected(
        (4 + 4 + 4 + 4 + 4 + 8 + 4) + (8 + 8 + 8 + 8 + 16),
        (4 + 4 + 4 + 4 + 4 + 8 + 4) + (8 + 8 + 8 + 8 + 16) + 5,
    ),
}
