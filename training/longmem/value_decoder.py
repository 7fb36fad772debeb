"""What a value of the bank says about its token: the linear map that a memory reader's output starts as."""

from __future__ import annotations

import torch
from common.backbone import Backbone
from torch import Tensor

from .states import States

RIDGE = 10.0


@torch.no_grad()
def fit_decoder(projects: list[States], backbone: Backbone) -> Tensor:
    """[hidden, kvHeads * headDim]: by ridge regression, for each KV head by itself, from values to their tokens' embeddings.

    The goal is what makes the output layer name the token: its embedding less the mean one, divided by the final norm's weights.
    """
    tokens = torch.cat([states.tokens for states in projects])
    values = torch.cat([states.values for states in projects]).float()  # [rows, kvHeads, headDim]
    embeddings = backbone.embed(tokens.to(backbone.embedding.weight.device)).cpu()
    goal = (embeddings - embeddings.mean(0)) / backbone.final_norm.weight.cpu()
    ridge = RIDGE * torch.eye(values.shape[2])
    maps = [torch.linalg.solve(value.T @ value + ridge, value.T @ goal) for value in values.unbind(1)]
    return torch.cat(maps).T.contiguous()
