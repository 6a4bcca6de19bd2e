from __future__ import annotations

from torch import nn

from scalegmn.models.baselines._mlp import make_mlp


def test_perceptron_has_the_layers_that_were_asked_for() -> None:
    made = make_mlp(inputs=3, hidden=(4, 5), outputs=2, dropout=0.1, layer_norm=True)
    linear = [(part.in_features, part.out_features) for part in made if isinstance(part, nn.Linear)]
    assert linear == [(3, 4), (4, 5), (5, 2)]
    assert isinstance(made[-1], nn.Linear)
    assert sum(isinstance(part, nn.LayerNorm) for part in made) == 2
    plain = make_mlp(inputs=3, hidden=(), outputs=2, dropout=0.0, layer_norm=False)
    assert [type(part) for part in plain] == [nn.Linear]
