# SPDX-License-Identifier: Apache-2.0
"""The main job on the embedded model, judged from outside.

usage: independent_evaluation.py OPENQUANT_LLM MODEL_FOLDER SCRATCH_FOLDER

Runs the program, asserts what it must reach, and evaluates the weights that it saved with a forward
pass of its own, in numpy, which shares no line with the engine. Exit status 77: numpy is missing.
"""
import json
import math
import os
import subprocess
import sys

try:
    import numpy as np
except ImportError:
    print("numpy is missing: skipped")
    sys.exit(77)

program, model_folder, scratch = sys.argv[1:]
WINDOW, WINDOWS = 256, 128


def tensors(path):
    """Name -> float32 array, of a safetensors file."""
    with open(path, "rb") as file:
        header_size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(header_size))
        data = file.read()
    result = {}
    for name, t in header.items():
        if name == "__metadata__":
            continue
        raw = data[t["data_offsets"][0] : t["data_offsets"][1]]
        if t["dtype"] == "BF16":
            value = (np.frombuffer(raw, np.uint16).astype(np.uint32) << 16).view(np.float32)
        else:
            assert t["dtype"] == "F32", t
            value = np.frombuffer(raw, np.float32)
        result[name] = value.reshape(t["shape"])
    return result


def rms_norm(x, weight, eps):
    return x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + eps) * weight


def forward(weights, config, tokens):
    """Final normed states of windows of tokens, (windows, tokens, hidden)."""
    heads, kv_heads = config["num_attention_heads"], config["num_key_value_heads"]
    d, eps = config["head_dim"], config["rms_norm_eps"]
    count, length = tokens.shape
    angle = np.arange(length)[:, None] * config["rope_theta"] ** (-2.0 * np.arange(d // 2) / d)
    cos, sin = np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)
    future = np.triu(np.full((length, length), -np.inf, np.float32), 1)

    def project(x, name, n):  # (windows, n, tokens, d)
        y = x @ weights[name].T
        return y.reshape(count, length, n, d).transpose(0, 2, 1, 3)

    def rotate(x):
        a, b = x[..., : d // 2], x[..., d // 2 :]
        return np.concatenate([a * cos - b * sin, b * cos + a * sin], axis=-1)

    x = weights["model.embed_tokens.weight"][tokens]
    for layer in range(config["num_hidden_layers"]):
        p = f"model.layers.{layer}."
        h = rms_norm(x, weights[p + "input_layernorm.weight"], eps)
        q, k, v = (project(h, f"{p}self_attn.{r}_proj.weight", n)
                   for r, n in (("q", heads), ("k", kv_heads), ("v", kv_heads)))
        q = rotate(rms_norm(q, weights[p + "self_attn.q_norm.weight"], eps))
        k = rotate(rms_norm(k, weights[p + "self_attn.k_norm.weight"], eps))
        k, v = np.repeat(k, heads // kv_heads, axis=1), np.repeat(v, heads // kv_heads, axis=1)
        score = q @ k.transpose(0, 1, 3, 2) / np.float32(math.sqrt(d)) + future
        score = np.exp(score - score.max(axis=-1, keepdims=True))
        mixed = (score / score.sum(axis=-1, keepdims=True)) @ v
        mixed = mixed.transpose(0, 2, 1, 3).reshape(count, length, heads * d)
        x = x + mixed @ weights[p + "self_attn.o_proj.weight"].T
        h = rms_norm(x, weights[p + "post_attention_layernorm.weight"], eps)
        gate, up = (h @ weights[f"{p}mlp.{r}_proj.weight"].T for r in ("gate", "up"))
        x = x + (gate / (1 + np.exp(-gate)) * up) @ weights[p + "mlp.down_proj.weight"].T
    return rms_norm(x, weights["model.norm.weight"], eps)


def log_probabilities(weights, states):
    logits = (states @ weights["model.embed_tokens.weight"].T).astype(np.float64)
    logits -= logits.max(axis=-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


def evaluate(teacher, student, config, ids):
    """Mean KL(teacher || student) in nats, and the student's perplexity."""
    divergence, loss = [], []
    for first in range(0, WINDOWS, 8):
        part = np.arange(first, first + 8)[:, None] * WINDOW + np.arange(WINDOW)
        p, q = (log_probabilities(w, forward(w, config, ids[part])) for w in (teacher, student))
        divergence.append((np.exp(p) * (p - q)).sum(axis=-1).mean())
        loss.append(-np.take_along_axis(q, ids[part + 1][..., None], axis=-1).mean())
    return np.mean(divergence), math.exp(np.mean(loss))


uniform = [f"{solver}-uniform{bits}" for solver in ("rtn", "gptq") for bits in (8, 4, 3, 2)]
lloyd_max = [f"gptq-hadamard-lloyd{bits}" for bits in (4, 3, 2)]
# What F may be at most: bits + log2(KLD) / 2, in which a bit is worth a factor of 4.
bounds = {"gptq-uniform4": 1.80, "gptq-uniform3": 1.81, "gptq-uniform2": 1.95}
bounds.update({name: 1.68 for name in lloyd_max})
bounds.update({"gptq-hadamard-e8c4": 1.50, "gptq-hadamard-e8c3": 1.50, "gptq-hadamard-e8c2": 1.58})
bounds.update({"gptq-both-trellis12-4": 1.18, "gptq-both-trellis12-3": 1.18,
               "gptq-both-trellis12-2": 1.22, "gptq-both-trellis16-2": 1.22})
others = [name for name in bounds if name not in uniform + lloyd_max]
subprocess.run([program, "--save", "--output", scratch, "--method", *uniform, *lloyd_max, *others],
               check=True)
with open(os.path.join(scratch, "results.json")) as file:
    report = json.load(file)
found = {r["method"]: r for r in report["results"]}
failures = 0


def check(text, holds):
    global failures
    print("ok    " if holds else "FAILED", text)
    failures += not holds


def kld(name):
    return found[name]["kl_divergence"]["mean"]


reference = report["reference_perplexity"]
check(f"perplexity of the reference is 30.910: {reference:.4f}", abs(reference - 30.910) < 5e-4)
for bits in (8, 4, 3, 2):
    gptq, rtn = kld(f"gptq-uniform{bits}"), kld(f"rtn-uniform{bits}")
    check(f"GPTQ beats rounding at {bits} bits: {gptq:.4g} < {rtn:.4g}", gptq < rtn)
for name, bound in bounds.items():
    f = found[name]["bits_per_weight"] + 0.5 * math.log2(kld(name))
    check(f"F of {name}: {f:.3f} <= {bound}", f <= bound)

with open(os.path.join(model_folder, "config.json")) as file:
    config = json.load(file)
teacher = tensors(os.path.join(model_folder, "model.safetensors"))
ids = np.fromfile(os.path.join(model_folder, "evaluation_tokens.bin"), np.uint16).astype(np.int64)
check(f"L = 16 beats L = 12 at 2 bits: {kld('gptq-both-trellis16-2'):.4g} < "
      f"{kld('gptq-both-trellis12-2'):.4g}",
      kld("gptq-both-trellis16-2") < kld("gptq-both-trellis12-2"))
for name in ("gptq-uniform4", "gptq-hadamard-lloyd2", "gptq-both-trellis12-2"):
    student = {**teacher, **tensors(os.path.join(scratch, name + ".safetensors"))}
    divergence, perplexity = evaluate(teacher, student, config, ids)
    check(f"KLD of {name}: here {divergence:.6g}, there {kld(name):.6g}",
          abs(divergence / kld(name) - 1) < 1e-3)
    check(f"perplexity of {name}: here {perplexity:.5f}, there {found[name]['perplexity']:.5f}",
          abs(perplexity / found[name]["perplexity"] - 1) < 1e-4)
sys.exit(1 if failures else 0)
