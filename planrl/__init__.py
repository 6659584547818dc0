"""planrl: what reinforcement learning does, and does not do, for planning with language models.

An algorithm is a stream of batches plus a loss; a run is a generator of records.

The files here and `transformer/` are the core; the folders are built on it: `objectives`, `io`,
`figures` and `domains`, then `experiments`, `claims` and `teaching`; `labs`; `cli` on all of them.

planrl runs on the CPU, its commands on one thread: its models are small. Models, pairs, rows and
random generators are on the CPU, a model elsewhere is refused with an InputError, and no function
takes a device. Weights may have any floating type, and so may torch's default.
"""

from planrl.errors import InputError, SweepError, TrainingError
from planrl.evaluate import (
    Scores,
    evaluate,
    next_logits,
    watch,
)
from planrl.experiments.alpine import Observed, Recovery, degrees, observed, recovery
from planrl.figures.passing import edge_use, passing_probs
from planrl.graphs import (
    Graph,
    chain,
    diamond,
    fork,
    layered,
    random_dag,
    random_digraph,
    seeded,
)
from planrl.io.node_link import from_networkx
from planrl.losses import Loss, policy_gradient, q_learning, sft
from planrl.models import LinearTransformer, LogitTable, PathModel, Readout
from planrl.objectives import theory
from planrl.objectives.theory import (
    Check,
    check,
    kl_to_uniform,
    optimal_q,
    process_optimum,
    sft_optimum,
)
from planrl.sampling import Counted, Sampler, rollout, sample_distinct
from planrl.streams import demonstrations, on_policy, replay, sample_paths
from planrl.tasks import (
    Batch,
    Task,
    Vocab,
    all_pairs,
    is_path,
    outcome_reward,
    process_reward,
    split,
)
from planrl.train import Run, Step, TrainConfig, probe, train, until
from planrl.transformer import Transformer, TransformerConfig

__version__ = "0.2.0"
