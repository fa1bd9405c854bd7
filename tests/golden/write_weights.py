#!/usr/bin/env python3
"""Writes files of weights with torch.save, of every form that PyTorch has, for tests/engine/io/pytorch_file.cpp.

    python3 tests/golden/write_weights.py [FOLDER]

Needs torch (written with PyTorch 2.15); ends with status 77 without it. Each file NAME.pth holds tensors whose
element i, in row-major order, is (i - 5) / 4 (whole numbers of integer types: i - 5), or says in its name why
it is refused.
"""
import collections
import io
import pathlib
import struct
import sys
import zipfile

try:
    import torch
except ImportError:
    sys.exit(77)

FOLDER = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent / "weights")


def numbers(*shape, dtype=torch.float32):
    count = 1
    for extent in shape:
        count *= extent
    values = torch.arange(count) - 5
    values = values / 4 if dtype.is_floating_point else values
    return values.reshape(shape).to(dtype)


def state_dict():
    """A network of one convolution and one batch norm, as its state_dict() gives it."""
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 3, bias=False), torch.nn.BatchNorm2d(2))
    state = module.state_dict()
    with torch.no_grad():
        for name, tensor in state.items():
            tensor.copy_(numbers(*tensor.shape, dtype=tensor.dtype))
    return state


def save(name, value, **options):
    torch.save(value, FOLDER / f"{name}.pth", **options)


def rewritten(name, source, change):
    """A zip archive with members changed by change(name, bytes), which gives None to leave one out."""
    with zipfile.ZipFile(FOLDER / f"{source}.pth") as old, \
            zipfile.ZipFile(FOLDER / f"{name}.pth", "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            data = change(info.filename, old.read(info))
            if data is not None:
                new.writestr(zipfile.ZipInfo(info.filename), data, zipfile.ZIP_DEFLATED)


def swap_floats(name, data):
    if name.endswith("byteorder"):
        return b"big"
    if "/data/" not in name:
        return data
    return b"".join(struct.pack(">f", value) for (value,) in struct.iter_unpack("<f", data))


class Evil:
    def __reduce__(self):
        import os
        return os.system, ("touch xr_pickle_was_run",)


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    state = state_dict()
    save("zip", state)
    save("legacy", state, _use_new_zipfile_serialization=False)
    for protocol in (3, 4, 5):
        save(f"protocol{protocol}", state, pickle_protocol=protocol)
        save(f"legacy_protocol{protocol}", state, pickle_protocol=protocol, _use_new_zipfile_serialization=False)
    floats = {name: tensor for name, tensor in state.items() if tensor.dtype == torch.float32}
    save("floats", floats)
    rewritten("big_endian", "floats", swap_floats)
    (FOLDER / "floats.pth").unlink()
    torch.serialization.set_crc32_options(False)
    save("no_checksums", state)
    torch.serialization.set_crc32_options(True)
    types = {str(dtype).split(".")[1]: numbers(3, 4, dtype=dtype)
             for dtype in (torch.float16, torch.bfloat16, torch.float64, torch.int8, torch.int16, torch.int32,
                           torch.int64)}
    types["uint8"] = numbers(3, 4).abs().mul(4).to(torch.uint8)
    types["uint16"] = types["uint8"].to(torch.uint16)
    types["bool"] = numbers(3, 4) > 0
    save("types", types)
    save("legacy_types", {name: tensor for name, tensor in types.items() if name != "uint16"},
         _use_new_zipfile_serialization=False)
    whole = numbers(4, 6)
    views = {"whole": whole, "rows": whole[1:3], "columns": whole[:, 2:5], "transposed": whole.t(),
             "channels_last": numbers(2, 3, 2, 2).contiguous(memory_format=torch.channels_last),
             "repeated": whole[0, 0].expand(3, 2), "scalar": whole[1, 2], "none": torch.zeros(0, 3)}
    save("views", views)
    save("legacy_views", views, _use_new_zipfile_serialization=False)
    save("parameters", {name: torch.nn.Parameter(tensor) if tensor.dtype == torch.float32 else tensor
                        for name, tensor in state.items()})
    optimizer = torch.optim.Adam([torch.nn.Parameter(numbers(2, 2))])
    next(iter(optimizer.param_groups[0]["params"])).grad = numbers(2, 2)
    optimizer.step()
    save("nested", {"epoch": 3, "arch": "net", "loss": 0.25, "best": None, "state_dict": state,
                    "optimizer": optimizer.state_dict(), "sizes": torch.Size([2, 3])})
    save("two_dictionaries", {"encoder": dict(state), "decoder": dict(state)})
    save("refused_module", torch.nn.Sequential(torch.nn.Linear(2, 2)))
    save("refused_system_call", {"weight": numbers(2, 2), "evil": Evil()})
    save("refused_defaultdict", collections.defaultdict(int, weight=numbers(2, 2)))
    try:
        import numpy
        save("refused_numpy", {"weight": numpy.zeros(3)})
    except ImportError:
        pass
    buffer = io.BytesIO()
    torch.jit.save(torch.jit.trace(torch.nn.Linear(2, 2), torch.zeros(1, 2)), buffer)
    (FOLDER / "refused_torchscript.pth").write_bytes(buffer.getvalue())


if __name__ == "__main__":
    main()
