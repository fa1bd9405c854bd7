"""Writes the inputs that the fuzzers start from into corpus/: small files of every kind, right and wrong.

Needs numpy and Pillow (written with Pillow 13.0). Usage: python make_corpus.py
"""
import json
import pathlib
import struct

import numpy as np
from PIL import Image

CORPUS = pathlib.Path(__file__).resolve().parent / "corpus"


def write(kind, name, data):
    folder = CORPUS / kind
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data if isinstance(data, bytes) else data.encode())


def safetensors(header, data=b""):
    text = (header if isinstance(header, str) else json.dumps(header)).encode()
    return struct.pack("<Q", len(text)) + text + data


def tensor(dtype, shape, begin, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def write_safetensors():
    kind = "safetensors"
    write(kind, "empty", safetensors({}))
    write(kind, "one", safetensors({"a": tensor("F32", [2], 0, 8)}, bytes(8)))
    write(kind, "kinds", safetensors({"__metadata__": {"epoch": "3"}, "a": tensor("F32", [1, 2], 0, 8),
                                      "b": tensor("I64", [], 8, 16), "c": tensor("BF16", [3], 16, 22),
                                      "d": tensor("I32", [1], 22, 26), "e": tensor("U8", [2, 0], 26, 26)},
                                     bytes(26)))
    write(kind, "overlap", safetensors({"a": tensor("F32", [2], 0, 8), "b": tensor("F32", [1], 4, 8)}, bytes(8)))
    write(kind, "gap", safetensors({"a": tensor("F32", [1], 4, 8)}, bytes(8)))
    write(kind, "huge", safetensors({"a": tensor("F32", [2**62, 4], 0, 8)}, bytes(8)))
    write(kind, "deep", safetensors("[" * 500 + "]" * 500))
    write(kind, "lie", struct.pack("<Q", 2**63) + b"{}")
    write(kind, "twice", safetensors('{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},'
                                     '"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', bytes(1)))


def write_config():
    kind = "config"
    write(kind, "run", 'data = "images"\nepochs = 20\nbatch-size = 32\nlr = 0.001\nmodel = "xray_resnet"\n'
                       'normalize = true\nseed = 1\n')
    write(kind, "report", 'preset = "report"\npadding = 2\noptimizer = "adam"\nschedule = "constant"\n'
                          'weight_decay = 0\nval_fraction = 0.0\nclass-weights = "none"\n')
    write(kind, "wrong_type", 'epochs = "many"\n')
    write(kind, "negative", "lr = -1e-3\n")
    write(kind, "unknown", "epoch = 3\n")
    write(kind, "syntax", "epochs = = 3\n")
    write(kind, "toml", 'epochs = 0x10\nseed = 1_000\nlr = nan\n"dropout" = 2.5e-1 # comment\n[table]\na = [1, "b"]\n'
                        'c = 1979-05-27T07:32:00Z\n[[list]]\nd = """\nlines\n"""\ne = \'raw\'\nf = {g = inf}\n')


def image_bytes(image, extension, **options):
    import io

    buffer = io.BytesIO()
    image.save(buffer, extension, **options)
    return buffer.getvalue()


def write_images():
    kind = "image"
    y, x = np.mgrid[0:16, 0:16]
    grey = Image.fromarray((x * 10 + y * 5).astype(np.uint8))
    colour = Image.merge("RGB", (grey, grey.rotate(90), grey.rotate(180)))
    write(kind, "grey.png", image_bytes(grey, "png"))
    write(kind, "rgb.png", image_bytes(colour, "png"))
    write(kind, "rgba.png", image_bytes(colour.convert("RGBA"), "png"))
    write(kind, "grey_alpha.png", image_bytes(grey.convert("LA"), "png"))
    write(kind, "palette.png", image_bytes(colour.quantize(16), "png"))
    write(kind, "palette_transparent.png", image_bytes(colour.quantize(4), "png", transparency=1))
    write(kind, "one_bit.png", image_bytes(grey.convert("1"), "png"))
    write(kind, "wide.png", image_bytes(Image.fromarray((x * 4000 + y).astype(np.uint16)), "png"))
    write(kind, "grey.jpg", image_bytes(grey, "jpeg"))
    write(kind, "rgb.jpg", image_bytes(colour, "jpeg", subsampling=2))
    write(kind, "rgb_full.jpg", image_bytes(colour, "jpeg", subsampling=0, quality=90))
    write(kind, "progressive.jpg", image_bytes(colour, "jpeg", progressive=True))
    write(kind, "restart.jpg", image_bytes(grey, "jpeg", restart_marker_blocks=1))
    write(kind, "cmyk.jpg", image_bytes(colour.convert("CMYK"), "jpeg"))
    write(kind, "rgb.bmp", image_bytes(colour, "bmp"))
    write(kind, "palette.bmp", image_bytes(colour.quantize(16), "bmp"))
    write(kind, "one_bit.bmp", image_bytes(grey.convert("1"), "bmp"))
    write(kind, "grey.pgm", image_bytes(grey, "ppm"))
    write(kind, "rgb.ppm", image_bytes(colour, "ppm"))
    write(kind, "plain.pgm", "P2 # plain\n3 2\n15\n0 1 2\n13 14 15\n")
    write(kind, "wide.pgm", b"P5 2 2 65535\n" + bytes(range(8)))
    png = image_bytes(grey, "png")
    write(kind, "truncated.png", png[: len(png) // 2])
    write(kind, "huge.png", png[:16] + struct.pack(">II", 60000, 60000) + png[24:])
    jpeg = image_bytes(grey, "jpeg")
    write(kind, "truncated.jpg", jpeg[: len(jpeg) - 20])


if __name__ == "__main__":
    write_safetensors()
    write_config()
    write_images()
