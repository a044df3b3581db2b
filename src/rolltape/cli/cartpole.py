"""The agent of `rolltape demo`: policy gradients on CartPole-v1 in plain NumPy.

Two algorithms share everything but the estimate of the advantage:

* `reinforce`: Monte Carlo policy gradient (Williams 1992, "Simple statistical gradient-following algorithms for
  connectionist reinforcement learning"). Each update takes one whole episode and weighs each action by the
  discounted return that followed it. There is no baseline, so the gradient is very noisy.
* `a2c`: advantage actor-critic (Mnih et al. 2016, "Asynchronous methods for deep reinforcement learning", here with
  one worker) with generalised advantage estimation (Schulman et al. 2016, "High-dimensional continuous control using
  generalized advantage estimation"). A learned value function is the baseline, and bootstraps what a rollout cuts off.

Every episode and every update is logged raw, against environment steps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]
Actions = NDArray[np.int64]

_SHARED: dict[str, Any] = {
    "env": "CartPole-v1",
    "gamma": 0.99,
    "learning_rate": 2.5e-3,
    "hidden_size": 64,
    "max_grad_norm": 0.5,
}
CONFIGS: dict[str, dict[str, Any]] = {
    "a2c": {"algo": "a2c", "baseline": True, "gae_lambda": 0.95, "rollout_steps": 64, **_SHARED},
    "reinforce": {"algo": "reinforce", "baseline": False, **_SHARED},
}


class Logger(Protocol):
    """Where the numbers go: a run, or anything else with its `log`."""

    def log(self, values: dict[str, Any], step: int | None = None) -> None:
        """Record `values` at `step`."""


class MLP:
    """A perceptron with two hidden tanh layers; its gradient is written out by hand."""

    def __init__(self, rng: np.random.Generator, sizes: tuple[int, int, int, int], output_scale: float) -> None:
        """Draw weights with variance 1 / fan-in; those of the last layer are multiplied by `output_scale`."""
        self.parameters: list[Floats] = []
        for fan_in, fan_out, scale in zip(sizes[:-1], sizes[1:], (1.0, 1.0, output_scale), strict=True):
            weights = rng.normal(0.0, scale / np.sqrt(fan_in), (fan_in, fan_out))
            self.parameters += [weights.astype(np.float32), np.zeros(fan_out, np.float32)]

    def forward(self, x: Floats) -> tuple[Floats, Floats, Floats]:
        """The output for a batch `x[n, inputs]`, after it the two hidden layers that `backward` needs."""
        w1, b1, w2, b2, w3, b3 = self.parameters
        h1 = np.tanh(x @ w1 + b1)
        h2 = np.tanh(h1 @ w2 + b2)
        return h2 @ w3 + b3, h1, h2

    def backward(self, x: Floats, h1: Floats, h2: Floats, d_out: Floats) -> list[Floats]:
        """The gradient of a loss in every parameter, from its gradient `d_out[n, outputs]` in the output."""
        _, _, w2, _, w3, _ = self.parameters
        d2 = (d_out @ w3.T) * (1 - h2 * h2)
        d1 = (d2 @ w2.T) * (1 - h1 * h1)
        return [x.T @ d1, d1.sum(0), h1.T @ d2, d2.sum(0), h2.T @ d_out, d_out.sum(0)]


class Adam:
    """Kingma & Ba 2015, "Adam: a method for stochastic optimization", in the order that ends its section 2."""

    def __init__(self, parameters: list[Floats], beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-5) -> None:
        """Prepare to update `parameters` in place."""
        self.parameters, self.beta1, self.beta2, self.eps, self.t = parameters, beta1, beta2, eps, 0
        self.m = [np.zeros_like(p) for p in parameters]
        self.v = [np.zeros_like(p) for p in parameters]

    def step(self, gradients: list[Floats], learning_rate: float) -> None:
        """Take one step against `gradients`."""
        self.t += 1
        rate = learning_rate * (1 - self.beta2**self.t) ** 0.5 / (1 - self.beta1**self.t)
        for p, m, v, g in zip(self.parameters, self.m, self.v, gradients, strict=True):
            m += (1 - self.beta1) * (g - m)
            v += (1 - self.beta2) * (g * g - v)
            p -= rate * m / (np.sqrt(v) + self.eps)


@dataclass(frozen=True)
class Rollout:
    """What was seen in T consecutive steps."""

    observations: Floats  # [T, 4]
    actions: Actions  # [T]
    rewards: Floats  # [T]
    next_observations: Floats  # [T, 4] what each action led to; at an episode's end, its last observation
    terminated: Bools  # [T] the pole fell: nothing of value follows
    done: Bools  # [T] terminated, or truncated by the time limit


def gae(rollout: Rollout, values: Floats, next_values: Floats, gamma: float, lam: float) -> Floats:
    """Generalised advantage estimates [T] (Schulman et al. 2016, eq. 16).

    An episode that the time limit truncated is cut, but bootstrapped from the value of its last observation; one that
    terminated is not. With values of zero and `lam` 1 these are the discounted returns of REINFORCE, which has nothing
    to bootstrap from and counts no reward past the time limit.
    """
    deltas = rollout.rewards + gamma * next_values * ~rollout.terminated - values
    decays = gamma * lam * ~rollout.done
    advantages = np.zeros_like(deltas)
    following = 0.0
    for t in reversed(range(len(deltas))):
        following = float(deltas[t]) + float(decays[t]) * following
        advantages[t] = following
    return advantages


def log_softmax(logits: Floats) -> Floats:
    """Logarithms of the action probabilities, from logits [n, actions]."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    result: Floats = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return result


def policy_gradient(logits: Floats, actions: Actions, advantages: Floats) -> tuple[float, float, Floats]:
    """The policy loss -mean(A log pi(a|s)), the mean entropy in nats, and the loss's gradient in the logits."""
    log_p = log_softmax(logits)
    p = np.exp(log_p)
    rows = np.arange(len(actions))
    loss = -float(np.mean(advantages * log_p[rows, actions]))
    d_logits = p.copy()
    d_logits[rows, actions] -= 1
    d_logits *= (advantages / np.float32(len(actions)))[:, None]
    return loss, -float(np.mean((p * log_p).sum(1))), d_logits


class Collector:
    """Steps the environment with the current policy, and logs every episode that ends."""

    def __init__(self, env: Any, policy: MLP, rng: np.random.Generator, seed: int, logger: Logger) -> None:
        """Reset `env` with `seed`."""
        self.env, self.policy, self.rng, self.logger = env, policy, rng, logger
        self.observation = env.reset(seed=seed)[0]
        self.steps = self.episode_length = 0
        self.episode_return = 0.0
        self.returns: list[float] = []

    def collect(self, steps: int | None) -> Rollout:
        """A rollout of `steps` steps, across episodes; or, where None, to the end of the episode."""
        rows: list[tuple[Any, ...]] = []
        done = False
        while len(rows) < steps if steps is not None else not done:
            # The Gumbel-max trick: a draw from the softmax of the logits.
            action = int((self.policy.forward(self.observation)[0] + self.rng.gumbel(size=2)).argmax())
            following, reward, terminated, truncated, _ = self.env.step(action)
            done = terminated or truncated
            rows.append((self.observation, action, reward, following, terminated, done))
            self.observation = following
            self.steps += 1
            self.episode_length += 1
            self.episode_return += float(reward)
            if done:
                self._end_episode()
        observations, actions, rewards, next_observations, terminations, ends = zip(*rows, strict=True)
        return Rollout(
            np.array(observations, np.float32),
            np.array(actions),
            np.array(rewards, np.float32),
            np.array(next_observations, np.float32),
            np.array(terminations),
            np.array(ends),
        )

    def _end_episode(self) -> None:
        row = {"train/episode_return": self.episode_return, "train/episode_length": self.episode_length}
        self.logger.log(row, step=self.steps)
        self.returns.append(self.episode_return)
        self.episode_return, self.episode_length = 0.0, 0
        self.observation = self.env.reset()[0]


def clip_by_norm(gradients: list[Floats], max_norm: float) -> tuple[list[Floats], float]:
    """Gradients scaled so that their global norm is at most `max_norm` (Pascanu et al. 2013), and the norm before."""
    norm = float(np.sqrt(sum(float(np.vdot(g, g)) for g in gradients)))
    scale = min(1.0, max_norm / (norm + 1e-8))
    return [g * np.float32(scale) for g in gradients], norm


class Agent:
    """A policy, a value function where the configuration asks for a baseline, and their update."""

    def __init__(self, config: Mapping[str, Any], rng: np.random.Generator) -> None:
        """Draw new networks; the last policy layer starts small, so that the first policy is nearly uniform."""
        self.config = config
        hidden = int(config["hidden_size"])
        self.policy = MLP(rng, (4, hidden, hidden, 2), output_scale=0.01)
        self.policy_optimiser = Adam(self.policy.parameters)
        self.critic = MLP(rng, (4, hidden, hidden, 1), output_scale=1.0) if config["baseline"] else None
        self.critic_optimiser = Adam(self.critic.parameters if self.critic else [])

    def update(self, rollout: Rollout, learning_rate: float) -> dict[str, float]:
        """Take one gradient step on `rollout`, and return what there is to log about it.

        `train/grad_norm` is the policy gradient's norm before clipping.
        """
        gamma, max_norm = self.config["gamma"], self.config["max_grad_norm"]
        values = self._values(rollout.observations)
        next_values = self._values(rollout.next_observations)
        advantages = gae(rollout, values, next_values, gamma, self.config.get("gae_lambda", 1.0))

        logits, h1, h2 = self.policy.forward(rollout.observations)
        policy_loss, entropy, d_logits = policy_gradient(logits, rollout.actions, advantages)
        gradients, norm = clip_by_norm(self.policy.backward(rollout.observations, h1, h2, d_logits), max_norm)
        self.policy_optimiser.step(gradients, learning_rate)
        row = {
            "train/policy_loss": policy_loss,
            "train/entropy": entropy,
            "train/grad_norm": norm,
            "train/learning_rate": learning_rate,
        }
        if self.critic is not None:
            predicted, h1, h2 = self.critic.forward(rollout.observations)
            errors = predicted[:, 0] - (advantages + values)
            d_values = (errors * np.float32(2 / len(errors)))[:, None]
            gradients, _ = clip_by_norm(self.critic.backward(rollout.observations, h1, h2, d_values), max_norm)
            self.critic_optimiser.step(gradients, learning_rate)
            row["train/value_loss"] = float(np.mean(errors * errors))
        return row

    def _values(self, observations: Floats) -> Floats:
        if self.critic is None:
            return np.zeros(len(observations), np.float32)
        values: Floats = self.critic.forward(observations)[0][:, 0]
        return values


def train(
    config: Mapping[str, Any], logger: Logger, progress: Callable[[int, list[float]], None], total_steps: int
) -> list[float]:
    """Train one agent with `config` (one of `CONFIGS` with a "seed") and return every episode's return, in order.

    `total_steps` are environment steps; the learning rate falls linearly to 0 over them. `progress` is called after
    each update with the steps and all episode returns so far; what it raises ends the training.
    """
    import gymnasium

    rng = np.random.default_rng(config["seed"])
    agent = Agent(config, rng)
    env = gymnasium.make(config["env"], disable_env_checker=True)
    collector = Collector(env, agent.policy, rng, config["seed"], logger)
    while collector.steps < total_steps:
        learning_rate = config["learning_rate"] * (1 - collector.steps / total_steps)
        rollout = collector.collect(config.get("rollout_steps"))
        logger.log(agent.update(rollout, learning_rate), step=collector.steps)
        progress(collector.steps, collector.returns)
    env.close()
    return collector.returns
