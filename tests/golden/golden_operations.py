"""Golden files of single operations and of the optimizers' update rules. Run through write_golden.py."""
import safetensors_file
import torch
from torch.nn import functional

from golden_common import metadata_of, numpy_f32, random_values

OPTIMIZER_STEPS = 5
CONVOLUTIONS = {
    "conv2d.padding2": dict(channels=3, image=(7, 6), filters=4, kernel=3, stride=1, padding=2),
    "conv2d.padding2_c1": dict(channels=1, image=(7, 6), filters=4, kernel=3, stride=1, padding=2),
    "conv2d.stride2": dict(channels=3, image=(8, 7), filters=4, kernel=3, stride=2, padding=1),
    "conv2d.dilation2": dict(channels=2, image=(9, 8), filters=3, kernel=3, stride=1, padding=2, dilation=2),
    "conv2d.groups2": dict(channels=4, image=(6, 6), filters=6, kernel=3, stride=1, padding=1, groups=2),
}
CROSS_ENTROPIES = {
    "plain": dict(), "weighted": dict(weight=True), "smoothed": dict(label_smoothing=0.1),
    "weighted_smoothed": dict(weight=True, label_smoothing=0.1), "large": dict(),
}
AVERAGE_POOLS = {
    "avg_pool2d.padding_included": dict(kernel_size=3, stride=2, padding=1, count_include_pad=True),
    "avg_pool2d.padding_excluded": dict(kernel_size=3, stride=2, padding=1, count_include_pad=False),
}
MAX_POOLS = {
    "max_pool2d.overlap_padding": dict(kernel_size=3, stride=2, padding=1),
    "max_pool2d.overlap": dict(kernel_size=3, stride=1, padding=0),
    "max_pool2d.floor": dict(kernel_size=2, stride=2, padding=0),
}
OPTIMIZERS = {
    "sgd": (torch.optim.SGD, dict(lr=0.05)),
    "sgd_weight_decay": (torch.optim.SGD, dict(lr=0.05, weight_decay=0.01)),
    "sgd_momentum": (torch.optim.SGD, dict(lr=0.05, momentum=0.9, weight_decay=0.01)),
    "sgd_nesterov": (torch.optim.SGD, dict(lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.01)),
    "adam": (torch.optim.Adam, dict(lr=0.01)),
    "adam_weight_decay": (torch.optim.Adam, dict(lr=0.01, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.1)),
    "adamw": (torch.optim.AdamW, dict(lr=0.01, weight_decay=0.1)),
}


def record(tensors, prefix, inputs, output, generator):
    """Stores inputs, output, a random upstream gradient and the inputs' gradients under `prefix`."""
    upstream = random_values(generator, *output.shape)
    gradients = torch.autograd.grad(output, list(inputs.values()), upstream)
    tensors.update({f"{prefix}.{name}": value for name, value in inputs.items()})
    tensors.update({f"{prefix}.output": output, f"{prefix}.upstream": upstream})
    tensors.update({f"{prefix}.gradient.{name}": value for name, value in zip(inputs, gradients)})


def add_convolutions(tensors, facts, generator):
    for prefix, case in CONVOLUTIONS.items():
        groups = case.get("groups", 1)
        inputs = {
            "input": random_values(generator, 2, case["channels"], *case["image"]).requires_grad_(),
            "weight": random_values(generator, case["filters"], case["channels"] // groups, case["kernel"],
                                    case["kernel"]).requires_grad_(),
            "bias": random_values(generator, case["filters"]).requires_grad_(),
        }
        output = functional.conv2d(*inputs.values(), stride=case["stride"], padding=case["padding"],
                                   dilation=case.get("dilation", 1), groups=groups)
        record(tensors, prefix, inputs, output, generator)
        facts[prefix] = f"stride={case['stride']} padding={case['padding']} " \
                        f"dilation={case.get('dilation', 1)} groups={groups}"


def add_cross_entropies(tensors, facts, generator):
    weight = torch.tensor([0.5, 2.0, 1.0, 0.25], dtype=torch.float64)
    labels = torch.tensor([0, 3, 1, 1, 2, 0])
    for name, case in CROSS_ENTROPIES.items():
        scale = 60.0 if name == "large" else 2.0
        logits = random_values(generator, 6, 4, scale=scale).requires_grad_()
        smoothing = case.get("label_smoothing", 0.0)
        loss = functional.cross_entropy(logits, labels, weight=weight if case.get("weight") else None,
                                        label_smoothing=smoothing)
        prefix = f"cross_entropy.{name}"
        tensors.update({f"{prefix}.logits": logits, f"{prefix}.loss": loss.reshape(1),
                        f"{prefix}.gradient.logits": torch.autograd.grad(loss, logits)[0]})
        facts[prefix] = f"class_weights={int(bool(case.get('weight')))} label_smoothing={smoothing}"
    tensors.update({"cross_entropy.labels": labels, "cross_entropy.class_weights": weight})


def add_batch_norm(tensors, facts, generator):
    """Two training passes on different inputs, then one in eval mode with the running statistics."""
    channels = 3
    running_mean = random_values(generator, channels).clone()
    running_var = random_values(generator, channels).abs() + 0.5
    running_var = running_var.float().double()
    weight = random_values(generator, channels).requires_grad_()
    bias = random_values(generator, channels).requires_grad_()
    tensors.update({"batch_norm2d.initial.running_mean": running_mean.clone(),
                    "batch_norm2d.initial.running_var": running_var.clone()})
    for name, training in (("train1", True), ("train2", True), ("eval", False)):
        values = random_values(generator, 4, channels, 5, 3, scale=2.0)
        values[:, 1] = (values[:, 1] + 10.0).float().double()
        inputs = {"input": values.requires_grad_(), "weight": weight, "bias": bias}
        output = functional.batch_norm(values, running_mean, running_var, weight, bias, training=training,
                                       momentum=0.1, eps=1e-5)
        record(tensors, f"batch_norm2d.{name}", inputs, output, generator)
        tensors.update({f"batch_norm2d.{name}.running_mean": running_mean.clone(),
                        f"batch_norm2d.{name}.running_var": running_var.clone()})
    facts["batch_norm2d"] = "momentum=0.1 eps=1e-5"


def add_pools(tensors, facts, generator):
    for prefix, options in AVERAGE_POOLS.items():
        inputs = {"input": random_values(generator, 2, 3, 7, 6).requires_grad_()}
        record(tensors, prefix, inputs, functional.avg_pool2d(inputs["input"], **options), generator)
    for prefix, options in MAX_POOLS.items():
        # Small negative integers: ties in most windows, and zeros from padding would win.
        values = torch.randint(-4, 0, (2, 3, 7, 6), generator=generator).double()
        inputs = {"input": values.requires_grad_()}
        record(tensors, prefix, inputs, functional.max_pool2d(values, **options), generator)
    for prefix, options in {**AVERAGE_POOLS, **MAX_POOLS}.items():
        facts[prefix] = " ".join(f"{key}={int(value)}" for key, value in options.items())


def add_softmaxes(tensors, generator):
    for name, function in (("softmax", functional.softmax), ("log_softmax", functional.log_softmax)):
        values = random_values(generator, 5, 7, scale=3.0)
        values[1] = (values[1] * 40.0).float().double()
        inputs = {"input": values.requires_grad_()}
        record(tensors, name, inputs, function(values, dim=1), generator)


def write_operations(folder):
    generator = torch.Generator().manual_seed(11)
    tensors, facts = {}, {}
    add_convolutions(tensors, facts, generator)
    add_cross_entropies(tensors, facts, generator)
    add_batch_norm(tensors, facts, generator)
    add_pools(tensors, facts, generator)
    add_softmaxes(tensors, generator)
    safetensors_file.write(folder / "operations.safetensors",
                           {name: numpy_f32(value) for name, value in tensors.items()}, metadata_of(**facts))


def write_optimizers(folder):
    """Fixed gradients for OPTIMIZER_STEPS steps; weights after the first and the last."""
    generator = torch.Generator().manual_seed(12)
    initial = {"matrix": random_values(generator, 3, 5), "vector": random_values(generator, 7)}
    tensors = {f"initial.{name}": value for name, value in initial.items()}
    for step in range(1, OPTIMIZER_STEPS + 1):
        for name, value in initial.items():
            gradient = random_values(generator, *value.shape)
            if name == "vector":  # magnitudes around Adam's eps, and exact zeros
                gradient *= torch.tensor([0.0, 1e-9, 1e-8, 1e-6, 1e-3, 1.0, 100.0], dtype=torch.float64)
            tensors[f"gradient.{step}.{name}"] = gradient.float().double()
    facts = {"steps": OPTIMIZER_STEPS}
    for label, (kind, options) in OPTIMIZERS.items():
        parameters = {name: value.clone().requires_grad_() for name, value in initial.items()}
        optimizer = kind(parameters.values(), **options)
        for step in range(1, OPTIMIZER_STEPS + 1):
            for name, parameter in parameters.items():
                parameter.grad = tensors[f"gradient.{step}.{name}"].clone()
            optimizer.step()
            if step in (1, OPTIMIZER_STEPS):
                tensors.update({f"{label}.{step}.{name}": value.detach().clone()
                                for name, value in parameters.items()})
        used = optimizer.param_groups[0]
        facts[label] = " ".join(f"{key}={used[key]}".replace(" ", "") for key in
                                ("lr", "momentum", "nesterov", "betas", "eps", "weight_decay") if key in used)
    safetensors_file.write(folder / "optimizers.safetensors",
                           {name: numpy_f32(value) for name, value in tensors.items()}, metadata_of(**facts))


def write(folder):
    write_operations(folder)
    write_optimizers(folder)
