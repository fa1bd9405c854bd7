"""Reads and writes safetensors files: whole arrays with numpy, into memory that is there with Python alone.

Format: https://github.com/huggingface/safetensors (README, "Format"): u64 little-endian length of the
header, a JSON header padded with spaces, then the tensors' bytes, little-endian, row-major.
"""
import json
import struct

DTYPES = {"F64": "float64", "F32": "float32", "I64": "int64", "I32": "int32", "U8": "uint8"}
NAMES = {dtype: name for name, dtype in DTYPES.items()}
MAXIMUM_HEADER_BYTES = 100_000_000


def write(path, tensors, metadata):
    """Writes the dictionary `tensors` (name -> numpy array), names sorted, data aligned to 8 bytes."""
    import numpy as np
    header = {"__metadata__": {key: str(value) for key, value in sorted(metadata.items())}}
    arrays = {}
    offset = 0
    for name in sorted(tensors):
        array = np.asarray(tensors[name], order="C")
        size = array.nbytes
        header[name] = {"dtype": NAMES[array.dtype.name], "shape": list(array.shape),
                        "data_offsets": [offset, offset + size]}
        arrays[name] = array
        offset += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)))
        file.write(text)
        for array in arrays.values():
            file.write(array.tobytes())


class Reader:
    """Reads one tensor at a time, so that a large file is never in memory as a whole."""

    def __init__(self, path):
        self.file = open(path, "rb")
        prefix = self.file.read(8)
        if len(prefix) != 8:
            raise ValueError(f"{path}: shorter than the 8 bytes of a safetensors header length")
        (length,) = struct.unpack("<Q", prefix)
        if length > MAXIMUM_HEADER_BYTES:
            raise ValueError(f"{path}: header length {length} is not that of a safetensors file")
        self.path = path
        self.start = 8 + length
        self.entries = json.loads(self.file.read(length))
        self.metadata = self.entries.pop("__metadata__", {})

    def names(self):
        return sorted(self.entries)

    def shape(self, name):
        return tuple(self._entry(name)["shape"])

    def dtype(self, name):
        """As numpy and PyTorch call it: "float32"."""
        return DTYPES[self._entry(name)["dtype"]]

    def read_bytes_into(self, name, memory):
        """Fills `memory`, a writable buffer of as many bytes as the tensor has."""
        begin, end = self._entry(name)["data_offsets"]
        view = memoryview(memory).cast("B")
        if end - begin != view.nbytes:
            raise ValueError(f"{self.path}: {name} has {end - begin} bytes, its place {view.nbytes}")
        self.file.seek(self.start + begin)
        if view.nbytes and self.file.readinto(view) != view.nbytes:
            raise ValueError(f"{self.path}: ends within {name}")

    def read(self, name):
        """A numpy array."""
        import numpy as np
        array = np.empty(self.shape(name), self.dtype(name))
        self.read_bytes_into(name, array.reshape(-1))
        return array

    def _entry(self, name):
        if name not in self.entries:
            raise ValueError(f"{self.path}: no tensor named {name}; it has {', '.join(self.names())}")
        return self.entries[name]
