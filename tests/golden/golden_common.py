"""What the golden scripts share."""
import numpy as np
import torch

FORMAT = "xrtrain-golden"
VERSION = 1


def metadata_of(**facts):
    return {"format": FORMAT, "version": VERSION, "script": "tests/golden/write_golden.py",
            "torch": torch.__version__, "numpy": np.__version__, **facts}


def numpy_f32(tensor):
    """Float64 rounded to float32; integers as int64."""
    array = np.asarray(tensor.detach().contiguous())
    return array if array.dtype == np.int64 else array.astype(np.float32)


def random_values(generator, *shape, scale=1.0, offset=0.0):
    """Normal values that float32 holds exactly, as float64."""
    values = torch.randn(shape, generator=generator, dtype=torch.float64) * scale + offset
    return values.float().double()
