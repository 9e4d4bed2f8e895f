#!/usr/bin/env python3
"""Records the numbers in this folder from PyTorch (1.13 was used): python3 record.py [--new-inputs]

train_onecycle_inputs.safetensors  the batches X and Y of 20 steps and the first weights, float32
train_onecycle_RUN.safetensors     what comes of them: gradients, weights, logits
train_onecycle_RUN.json            each step's learning rate, momentum (Adam's beta1) and loss
onecycle_tables.json               whole one-cycle schedules
fakequant.safetensors              fake quantization: x and grad_out, which stay, and for each case
                                   the result y, the gradient gx, and those of what is learned

Tensors are in PyTorch's layout. Existing inputs are used again unless new ones are asked for.
"""
import json
import pathlib
import struct
import sys

import torch
from torch import nn
from torch.nn import functional as F

FOLDER = pathlib.Path(__file__).parent
DTYPES = {"F64": torch.float64, "F32": torch.float32, "I64": torch.int64, "I32": torch.int32}
STEPS, MAX_RATE = 20, 0.02


def write(name, tensors, metadata=None):
    names = {dtype: name for name, dtype in DTYPES.items()}
    header, data = {"__metadata__": metadata or {}}, b""
    for key in sorted(tensors, key=lambda key: -tensors[key].element_size()):
        tensor = tensors[key].detach().contiguous()
        raw = tensor.numpy().tobytes()
        header[key] = {
            "dtype": names[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [len(data), len(data) + len(raw)],
        }
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(len(text) + 8) % 64)
    (FOLDER / name).write_bytes(struct.pack("<Q", len(text)) + text + data)


def read(name):
    raw = (FOLDER / name).read_bytes()
    length = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8 : 8 + length])
    header.pop("__metadata__", None)
    tensors = {}
    for key, entry in header.items():
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        flat = torch.frombuffer(bytearray(raw[begin:end]), dtype=DTYPES[entry["dtype"]])
        tensors[key] = flat.reshape(entry["shape"])
    return tensors


def write_rows(name, rows):
    text = ",\n".join(" " + json.dumps(row) for row in rows)
    (FOLDER / name).write_text("[\n" + text + "\n]\n")


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = nn.Conv2d(1, 8, 3, stride=2, padding=1, bias=False)
        self.b1 = nn.BatchNorm2d(8)
        self.dw = nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False)
        self.b2 = nn.BatchNorm2d(8)
        self.pw = nn.Conv2d(8, 8, 1, bias=False)
        self.b3 = nn.BatchNorm2d(8)
        self.c2 = nn.Conv2d(8, 16, 3, stride=2, padding=1)
        self.fc = nn.Linear(16, 7)

    def forward(self, x):
        a = F.relu(self.b1(self.c1(x)))
        y = self.b3(self.pw(F.relu6(self.b2(self.dw(a)))))
        y = F.max_pool2d(F.relu(self.c2(F.relu(a + y))), 2)
        return self.fc(y.mean((2, 3)))


def state(net, prefix):
    return {
        prefix + key: value.clone()
        for key, value in net.state_dict().items()
        if "num_batches_tracked" not in key
    }


def gradients(net, prefix):
    return {prefix + key: value.grad.clone() for key, value in net.named_parameters()}


def schedule(optimizer, rate, steps, three_phase, anneal):
    return torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=rate, total_steps=steps, pct_start=0.3, anneal_strategy=anneal,
        base_momentum=0.85, max_momentum=0.95, div_factor=25, final_div_factor=1e4,
        three_phase=three_phase)


def run(name, inputs, dtype, three_phase, anneal):
    net = Net()
    first = {key[5:]: value for key, value in inputs.items() if key.startswith("init.")}
    net.load_state_dict(first, strict=False)
    net.to(dtype).train()
    X, Y = inputs["X"].to(dtype), inputs["Y"]
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    cycle = schedule(optimizer, MAX_RATE, STEPS, three_phase, anneal)
    tensors, rows = {}, []
    for step in range(STEPS):
        group = optimizer.param_groups[0]
        optimizer.zero_grad()
        logits = net(X[step])
        loss = F.cross_entropy(logits, Y[step])
        loss.backward()
        rows.append({"learning_rate": group["lr"], "momentum": group["betas"][0],
                     "loss": loss.item()})
        if step < 2:
            tensors[f"logits{step}"] = logits
            tensors.update(gradients(net, f"grad{step}."))
        optimizer.step()
        if step == 0:
            tensors.update(state(net, "after1."))
        if step + 1 < STEPS:
            cycle.step()
    tensors.update(state(net, "final."))
    net.eval()
    tensors["final_eval_logits"] = net(X[0])
    write(f"train_onecycle_{name}.safetensors", tensors, {"torch": torch.__version__})
    write_rows(f"train_onecycle_{name}.json", rows)


def record_tables():
    tables = {}
    for steps in (20, 100, 997):
        for phases in ("two", "three"):
            for anneal in ("cos", "linear"):
                optimizer = torch.optim.Adam([torch.zeros(1, requires_grad=True)])
                cycle = schedule(optimizer, 0.01, steps, phases == "three", anneal)
                rows = tables[f"N{steps}_{phases}_{anneal}"] = []
                for step in range(steps):
                    group = optimizer.param_groups[0]
                    rows.append([group["lr"], group["betas"][0]])
                    optimizer.step()
                    if step + 1 < steps:
                        cycle.step()
    text = ",\n".join(f" {json.dumps(key)}: {json.dumps(rows)}" for key, rows in tables.items())
    (FOLDER / "onecycle_tables.json").write_text("{\n" + text + "\n}\n")


def record_fake_quantize():
    name = "fakequant.safetensors"
    tensors = read(name)
    grad_out = tensors["grad_out"]

    def passes(key, quantize, *learned):
        x = tensors["x"].clone().requires_grad_()
        learned = [value.clone().requires_grad_() for value in learned]
        y = quantize(x, *learned)
        y.backward(grad_out)
        tensors[key + ".y"], tensors[key + ".gx"] = y, x.grad
        for end, value in zip((".gs", ".gz"), learned):
            tensors[key + end] = value.grad

    for case in ("s8", "s8n", "u8", "s8asym", "s4"):
        scale, zero, low, high = tensors[f"pt.{case}.params"].tolist()
        passes(f"pt.{case}", lambda x: torch.fake_quantize_per_tensor_affine(
            x, scale, int(zero), int(low), int(high)))
    for case in ("sym", "asym"):
        scale, zero = tensors[f"pc.{case}.scale"], tensors[f"pc.{case}.zp"]
        passes(f"pc.{case}", lambda x: torch.fake_quantize_per_channel_affine(
            x, scale, zero, 1, -128, 127))
    for key in ("learn_pt.a", "learn_pt.b", "learn_pt.c"):
        factor = tensors[key + ".grad_factor"].item()
        passes(key, lambda x, scale, zero: torch._fake_quantize_learnable_per_tensor_affine(
            x, scale, zero, -128, 127, factor), tensors[key + ".scale"], tensors[key + ".zp"])
    factor = tensors["learn_pc.grad_factor"].item()
    passes("learn_pc", lambda x, scale, zero: torch._fake_quantize_learnable_per_channel_affine(
        x, scale, zero, 1, -128, 127, factor), tensors["learn_pc.scale"], tensors["learn_pc.zp"])
    write(name, tensors)


def main():
    name = "train_onecycle_inputs.safetensors"
    if "--new-inputs" in sys.argv or not (FOLDER / name).exists():
        torch.manual_seed(0)
        inputs = {"X": torch.randn(STEPS, 16, 1, 24, 24), "Y": torch.randint(0, 7, (STEPS, 16))}
        inputs.update(state(Net(), "init."))
        write(name, inputs)
    inputs = read(name)
    run("threephase_linear_f64", inputs, torch.float64, True, "linear")
    run("threephase_linear_f32", inputs, torch.float32, True, "linear")
    run("twophase_cos_f64", inputs, torch.float64, False, "cos")
    record_tables()
    record_fake_quantize()


if __name__ == "__main__":
    main()
