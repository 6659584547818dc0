"""What TRL's own GRPOTrainer makes of one frozen batch: advantages, loss, gradient by the logits.

`python tests/objectives/trl_numbers.py keep`, in an environment with the extra `bench`, writes
trl_numbers.json beside this file: the batch, and for each case TRL's numbers. Everything is TRL's
but the sampling of completions and the model: its methods for these two are replaced, so that they
return the completions and the logits of the batch.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

FILE = Path(__file__).with_name("trl_numbers.json")
END, GROUP, LENGTH = 5, 4, 5
PAIRS = [(0, 3), (1, 4), (2, 3)]
COMPLETIONS = [
    [1, 3, END],
    [2, 1, 3, END],
    [4, END],
    [1, 2, 4, 1, 2],
    [3, 4, END],
    [2, 3, 4, END],
    [4, END],
    [3, END],
    [3, END],
    [4, 3, END],
    [1, 4, 3, END],
    [4, 1, 3, END],
]
REWARDS = [1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0]  # the last group: all equal
CASES: dict[str, dict[str, Any]] = {
    "grpo": {"loss_type": "grpo"},
    "grpo, two iterations": {"loss_type": "grpo", "num_iterations": 2},
    "grpo with k3": {"loss_type": "grpo", "beta": 0.3, "use_bias_correction_kl": False},
    "grpo with corrected k3": {"loss_type": "grpo", "beta": 0.3, "use_bias_correction_kl": True},
    "grpo with corrected k3, two iterations": {
        "loss_type": "grpo",
        "beta": 0.3,
        "use_bias_correction_kl": True,
        "num_iterations": 2,
    },
    "dr_grpo": {"loss_type": "dr_grpo", "scale_rewards": "none"},
    "dr_grpo, two iterations": {
        "loss_type": "dr_grpo",
        "scale_rewards": "none",
        "num_iterations": 2,
    },
    "dapo": {"loss_type": "dapo"},
    "dapo with clip-higher, two iterations": {
        "loss_type": "dapo",
        "epsilon_high": 0.28,
        "num_iterations": 2,
    },
    "dapo with entropy": {"loss_type": "dapo", "entropy_coef": 0.1},
    "gspo, two iterations": {
        "loss_type": "grpo",
        "importance_sampling_level": "sequence",
        "num_iterations": 2,
        "epsilon": 3e-4,
        "epsilon_high": 4e-4,
    },
    "gspo with a wide clip, two iterations": {
        "loss_type": "grpo",
        "importance_sampling_level": "sequence",
        "num_iterations": 2,
        "epsilon": 0.2,
        "epsilon_high": 0.28,
    },
}


def logits() -> dict[str, torch.Tensor]:
    """Policy, old policy and reference: rounded, so that no version of torch draws others."""
    rng = torch.Generator().manual_seed(7)
    shape = (len(COMPLETIONS), LENGTH, END + 1)
    draw = lambda: torch.randn(shape, generator=rng, dtype=torch.float64)  # noqa: E731
    policy = draw()
    old, reference = policy + 0.3 * draw(), policy + 0.7 * draw()
    return {
        name: (100 * one).round() / 100
        for name, one in (("policy", policy), ("old", old), ("reference", reference))
    }


def _trainer(folder: str, settings: dict[str, Any]) -> Any:
    from datasets import Dataset
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast
    from trl import GRPOConfig, GRPOTrainer

    inner = Tokenizer(models.WordLevel({str(n): n for n in range(END + 1)}, unk_token="5"))
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    words = PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="5", pad_token="5")
    size = GPT2Config(
        vocab_size=END + 1,
        n_positions=16,
        n_embd=8,
        n_layer=1,
        n_head=1,
        bos_token_id=END,
        eos_token_id=END,
        pad_token_id=END,
    )
    prompts = [{"prompt": f"{s} {t} {s}"} for s, t in PAIRS]
    config = GRPOConfig(
        output_dir=folder,
        per_device_train_batch_size=len(COMPLETIONS),
        num_generations=GROUP,
        max_completion_length=LENGTH,
        use_cpu=True,
        bf16=False,
        report_to=[],
        save_strategy="no",
        gradient_checkpointing=False,
        **{"beta": 0.0, **settings},
    )
    GPT2LMHeadModel(size).save_pretrained(f"{folder}/model")  # TRL reads the reference from there
    return GRPOTrainer(
        f"{folder}/model",
        reward_funcs=lambda completion_ids, **_: list(REWARDS),
        args=config,
        train_dataset=Dataset.from_list(prompts),
        processing_class=words,
    )


def case(settings: dict[str, Any]) -> dict[str, Any]:
    """TRL's advantages, loss and gradient for one configuration."""
    given = logits()
    leaf = given["policy"].clone().requires_grad_()
    with tempfile.TemporaryDirectory() as folder:
        trainer = _trainer(folder, settings)
        trainer.model.train()
        trainer.current_gradient_accumulation_steps = 1
        prompts = [[s, t, s] for s, t in PAIRS for _ in range(GROUP)]

        def generate(asked: list[str]) -> tuple[Any, ...]:
            return prompts, COMPLETIONS, None, asked, None, {}, None, []

        def logps(model: Any, ids: torch.Tensor, *_: Any, **__: Any) -> tuple[Any, ...]:
            which = given["old"] if not torch.is_grad_enabled() else leaf
            which = given["reference"] if model is trainer.ref_model else which
            log_q = which.log_softmax(-1)
            chosen = log_q.gather(-1, ids[:, 3:, None]).squeeze(-1)
            return chosen, -(log_q.exp() * log_q).sum(-1), None

        trainer._generate = generate
        trainer._get_per_token_logps_and_entropies = logps
        asked = [{"prompt": f"{s} {t} {s}"} for s, t in PAIRS for _ in range(GROUP)]
        inputs = trainer._generate_and_score_completions(asked)
        loss = trainer._compute_loss(trainer.model, inputs)
    loss.backward()
    assert leaf.grad is not None
    return {
        "settings": settings,
        "advantages": inputs["advantages"].tolist(),
        "loss": float(loss.detach()),
        "gradient": [float(f"{value:.9g}") for value in leaf.grad.flatten().tolist()],
    }


def keep() -> None:
    """Write the batch and the numbers of all cases."""
    import trl

    page = {
        "trl": trl.__version__,
        "logits": {name: one.flatten().tolist() for name, one in logits().items()},
        "cases": {name: case(settings) for name, settings in CASES.items()},
    }
    FILE.write_text(json.dumps(page) + "\n", encoding="utf-8")


if __name__ == "__main__" and sys.argv[1:] == ["keep"]:
    keep()
