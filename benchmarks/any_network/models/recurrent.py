"""Networks that use the same parameters at every step: PyTorch's own, and loops over cells."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ._entry import Entry, normals, seeded, tokens


class Tagger(nn.Module):
    """A table of tokens, an LSTM, scores of tags."""

    def __init__(self) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(11, 4)
        self.lstm = nn.LSTM(4, 5, batch_first=True)
        self.hidden2tag = nn.Linear(5, 3)

    def forward(self, sentence: Tensor) -> Tensor:
        hidden, _ = self.lstm(self.word_embeddings(sentence))
        return F.log_softmax(self.hidden2tag(hidden), dim=-1)


class LSTM(nn.Module):
    """Two layers; the last state is read."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.LSTM(3, 4, num_layers=2, batch_first=True)
        self.fc = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        _, (h, _) = self.rnn(x)
        return self.fc(h[-1])


class BidirectionalLSTM(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.LSTM(3, 4, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        out, _ = self.rnn(x)
        return self.fc(out.mean(dim=1))


class GRU(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.GRU(3, 5, batch_first=True)
        self.fc = nn.Linear(5, 2)

    def forward(self, x: Tensor) -> Tensor:
        out, _ = self.rnn(x)
        return self.fc(out[:, -1, :])


class Elman(nn.Module):
    """PyTorch's plain network, with tanh or relu."""

    def __init__(self, nonlinearity: str) -> None:
        super().__init__()
        self.rnn = nn.RNN(3, 5, nonlinearity=nonlinearity, batch_first=True)
        self.fc = nn.Linear(5, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.rnn(x)[0])


class CharacterRNN(nn.Module):
    """A cell written by hand: input and state are concatenated."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden_size = 5
        self.i2h = nn.Linear(3 + 5, 5)
        self.h2o = nn.Linear(5, 4)

    def forward(self, x: Tensor) -> Tensor:
        hidden = x.new_zeros(x.shape[0], self.hidden_size)
        for step in range(x.shape[1]):
            hidden = torch.tanh(self.i2h(torch.cat((x[:, step], hidden), 1)))
        return self.h2o(hidden)


class LSTMByHand(nn.Module):
    """One matrix for the four gates, the biases of the input and of the state are one."""

    def __init__(self) -> None:
        super().__init__()
        self.gates = nn.Linear(3 + 4, 16)
        self.out = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        h = c = torch.zeros(x.shape[0], 4, dtype=x.dtype, device=x.device)
        for xt in x.unbind(dim=1):
            i, f, g, o = self.gates(torch.cat([xt, h], dim=-1)).chunk(4, dim=-1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
        return self.out(h)


class GRUCells(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.GRUCell(3, 4)
        self.out = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.zeros(x.size(0), 4, dtype=x.dtype, device=x.device)
        outputs = []
        for t in range(x.size(1)):
            h = self.cell(x[:, t], h)
            outputs.append(self.out(h))
        return torch.stack(outputs, dim=1)


class AttentionReader(nn.Module):
    """A GRU whose states are weighed by an additive attention."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(3, 4, batch_first=True, bidirectional=True)
        self.attention = nn.Linear(8, 5)
        self.score = nn.Linear(5, 1, bias=False)
        self.fc = nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        states, _ = self.gru(x)
        weights = self.score(torch.tanh(self.attention(states))).softmax(dim=1)
        return self.fc((weights * states).sum(dim=1))


class StateSpace(nn.Module):
    """A selective state space layer, step by step: decays, inputs and readouts depend on the token."""

    def __init__(self, width: int = 4, states: int = 3) -> None:
        super().__init__()
        self.in_proj = nn.Linear(width, 2 * width, bias=False)
        self.conv = nn.Conv1d(width, width, 3, groups=width, padding=2)
        self.x_proj = nn.Linear(width, 1 + 2 * states, bias=False)
        self.dt_proj = nn.Linear(1, width)
        self.A_log = nn.Parameter(torch.log(torch.arange(1.0, states + 1)).repeat(width, 1))
        self.D = nn.Parameter(torch.ones(width))
        self.out_proj = nn.Linear(width, width, bias=False)
        self.states = states

    def forward(self, x: Tensor) -> Tensor:
        length = x.shape[1]
        u, gate = self.in_proj(x).chunk(2, dim=-1)
        u = F.silu(self.conv(u.transpose(1, 2))[..., :length].transpose(1, 2))
        step, B, C = torch.split(self.x_proj(u), [1, self.states, self.states], dim=-1)
        step = F.softplus(self.dt_proj(step))
        decay = torch.exp(-step.unsqueeze(-1) * torch.exp(self.A_log))
        drive = (step * u).unsqueeze(-1) * B.unsqueeze(2)
        state = torch.zeros_like(drive[:, 0])
        outputs = []
        for t in range(length):
            state = decay[:, t] * state + drive[:, t]
            outputs.append((state * C[:, t].unsqueeze(1)).sum(dim=-1))
        y = torch.stack(outputs, dim=1) + self.D * u
        return x + self.out_proj(y * F.silu(gate))


SEQUENCES = normals((2, 3, 3), (1, 5, 3))

ENTRIES = (
    Entry("tagger", "lstm", seeded(Tagger), tokens(11, (2, 3), (1, 5), name=None)),
    Entry("lstm", "lstm", seeded(LSTM), SEQUENCES),
    Entry("lstm_bidirectional", "lstm", seeded(BidirectionalLSTM), SEQUENCES),
    Entry("lstm_by_hand", "lstm", seeded(LSTMByHand), SEQUENCES),
    Entry("gru", "gru", seeded(GRU), SEQUENCES),
    Entry("gru_cells", "gru", seeded(GRUCells), SEQUENCES),
    Entry("gru_attention", "gru", seeded(AttentionReader), SEQUENCES),
    Entry("rnn_tanh", "rnn", seeded(lambda: Elman("tanh")), SEQUENCES),
    Entry("rnn_relu", "rnn", seeded(lambda: Elman("relu")), SEQUENCES),
    Entry("character_rnn", "rnn", seeded(CharacterRNN), SEQUENCES),
    Entry("state_space", "mamba", seeded(StateSpace), normals((2, 3, 4), (1, 5, 4))),
)
