import torch

from interfere import Batch, LossSums, analyze_gradients


def first_tokens_only(model, batch: Batch) -> LossSums:
    logits = model(input_ids=batch.input_ids, attention_mask=batch.attention_mask).logits[:, :4]
    targets, real = batch.input_ids[:, 1:5], batch.attention_mask[:, 1:5].bool()
    losses = torch.nn.functional.cross_entropy(logits.transpose(1, 2), targets, reduction="none") * real
    return LossSums(losses.sum(), int(real.sum()), losses.sum(dim=1).detach())


analyze_gradients("my-model", "texts", objective=first_tokens_only)
