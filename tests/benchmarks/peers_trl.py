"""TRL's GRPOTrainer as a peer: the same weights and rewards, its own loss, offline.

Its loss is not REINFORCE: advantages are normalised within the group of a prompt's walks, and
ratios clipped. What one step has to do is the same: sample, reward, forward, backward, update.
"""

from __future__ import annotations

import tempfile
import time
from typing import Any

import peers_hf
import torch

import planrl as pr

GROUP = 8


def tokenizer(vocab: pr.Vocab) -> Any:
    """A tokenizer that reads and writes node numbers, END for the end."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = {str(node): node for node in range(vocab.n_nodes)} | {"END": vocab.end}
    inner = Tokenizer(models.WordLevel(words, unk_token="END"))
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=inner,
        eos_token="END",
        pad_token="END",
        unk_token="END",
        padding_side="left",
    )


class Verdicts:
    """The reward function that TRL calls: 1 for a right answer, by a loop over the walks."""

    __name__ = "right"

    def __init__(self, task: pr.Task) -> None:
        self.edges, self.end = set(task.graph.edges), task.vocab.end

    def __call__(
        self, *, completion_ids: list[list[int]], source: list[int], target: list[int], **_: Any
    ) -> list[float]:
        """One reward for each completion."""
        return [
            float(peers_hf.is_right(self.edges, [s, t, s, *walk], self.end))
            for s, t, walk in zip(source, target, completion_ids, strict=True)
        ]


def _clock() -> Any:
    from transformers import TrainerCallback

    class Clock(TrainerCallback):
        """Processor seconds of each step, without what the trainer does around the steps."""

        def __init__(self) -> None:
            self.seconds: list[float] = []
            self.began = 0.0

        def on_step_begin(self, *_: Any, **__: Any) -> None:
            self.began = time.process_time()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            self.seconds.append(time.process_time() - self.began)

    return Clock()


class Grpo:
    """A trainer that can be asked for some steps at a time."""

    def __init__(
        self, model: pr.Transformer, task: pr.Task, size: int, new: int, lr: float, steps: int
    ) -> None:
        from datasets import Dataset
        from transformers import PrinterCallback, ProgressCallback
        from trl import GRPOConfig, GRPOTrainer

        self.folder = tempfile.TemporaryDirectory()
        self.clock, self.steps = _clock(), steps
        rng = pr.seeded(0, "peer's questions")
        drawn = torch.randint(len(task.pairs), (size // GROUP * (steps + 1),), generator=rng)
        questions = [
            {"prompt": f"{s} {t} {s}", "source": s, "target": t}
            for s, t in task.pairs[drawn].tolist()
        ]
        settings = GRPOConfig(
            output_dir=self.folder.name,
            per_device_train_batch_size=size,
            num_generations=GROUP,
            max_completion_length=new,
            max_steps=steps + 1,
            learning_rate=lr,
            lr_scheduler_type="constant",
            weight_decay=0.0,
            max_grad_norm=1.0,
            beta=0.0,
            temperature=1.0,
            top_k=0,
            gradient_checkpointing=False,
            bf16=False,
            use_cpu=True,
            report_to=[],
            save_strategy="no",
            logging_strategy="no",
            disable_tqdm=True,
            seed=0,
        )
        self.trainer = GRPOTrainer(
            peers_hf.gpt2(model),
            reward_funcs=Verdicts(task),
            args=settings,
            train_dataset=Dataset.from_list(questions),
            processing_class=tokenizer(task.vocab),
            callbacks=[self.clock],
        )
        for callback in (PrinterCallback, ProgressCallback):
            self.trainer.remove_callback(callback)

    def run(self) -> tuple[int, float]:
        """Some steps and their processor seconds; the first one, which sets up, is left out."""
        self.clock.seconds.clear()
        self.trainer.train()
        taken = self.clock.seconds[1:]
        return len(taken), sum(taken)
