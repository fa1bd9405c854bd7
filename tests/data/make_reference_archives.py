"""Writes reference_archives.h: small archives as NumPy writes them, for the readers of data/archive.

Needs numpy (written with numpy 2.x). Usage: python make_reference_archives.py > reference_archives.h
"""
import io
import zipfile

import numpy as np

ARRAYS = {
    "train_images": (np.arange(5 * 4 * 3) * 7 % 256).astype(np.uint8).reshape(5, 4, 3),
    "train_labels": np.array([[0], [1], [1], [0], [1]], dtype=np.uint8),
    "test_images": (np.arange(2 * 4 * 3) * 11 % 256).astype(np.uint8).reshape(2, 4, 3),
    "test_labels": np.array([[1], [0]], dtype=np.uint8),
}


def constant(name, data):
    rows = [", ".join(f"0x{byte:02x}" for byte in data[i:i + 20]) for i in range(0, len(data), 20)]
    return f"inline constexpr unsigned char {name}[] = {{\n    " + ",\n    ".join(rows) + "};\n"


def saved(save):
    buffer = io.BytesIO()
    save(buffer, **ARRAYS)
    return buffer.getvalue()


def other_method():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr(zipfile.ZipInfo("train_images.npy"), bytes(100), zipfile.ZIP_BZIP2)
    return buffer.getvalue()


print("// Archives that NumPy wrote: made by make_reference_archives.py.\n"
      "// train_images[i, y, x] = 7 (12 i + 3 y + x) % 256 of shape (5, 4, 3), train_labels 0 1 1 0 1;\n"
      "// test_images[i, y, x] = 11 (12 i + 3 y + x) % 256 of shape (2, 4, 3), test_labels 1 0.\n"
      "#pragma once\n\nnamespace xr::data::test {\n\n// clang-format off")
print(constant("numpy_stored", saved(np.savez)))
print(constant("numpy_deflated", saved(np.savez_compressed)))
print(constant("bzip2_archive", other_method()))
print("// clang-format on\n\n}  // namespace xr::data::test")
