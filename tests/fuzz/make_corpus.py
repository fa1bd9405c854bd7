"""Writes the inputs that the fuzzers start from into corpus/: small files of every kind, right and wrong.

Needs numpy, Pillow (written with Pillow 13.0), pyjpegls and, for DICOM, pydicom
with pylibjpeg. Usage: python make_corpus.py
"""
import io
import json
import pathlib
import struct
import subprocess
import sys
import tempfile
import zipfile

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


def write_weights():
    """Files of torch.save have odd lengths; pickles and storages between marks, which the fuzzer packs, even ones."""
    kind = "weights"
    for path in sorted((CORPUS.parents[1] / "golden" / "weights").glob("*.pth")):
        data = path.read_bytes()
        if path.stem != "no_checksums" and zipfile.is_zipfile(path):  # Python insists on them
            with zipfile.ZipFile(path) as archive:
                names = archive.namelist()
                parts = [archive.read(name) for name in names if name.endswith("/data.pkl")]
                parts += [archive.read(name) for name in names if "/data/" in name][:8]
            bare = b"\xfe|".join(parts)
            write(kind, path.stem + "_parts", bare + b" " * (len(bare) % 2))
            if path.stem not in ("zip", "types"):
                continue
            if len(data) % 2 == 0:  # a comment of one letter
                data = data[:-2] + struct.pack("<H", 1) + b"!"
        write(kind, path.stem, data + b" " * (1 - len(data) % 2))


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


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def write_archives():
    """Archives have odd lengths; arrays between marks, which the fuzzer packs itself, have even ones."""
    kind = "npz"
    images = np.arange(4 * 3 * 2, dtype=np.uint8).reshape(4, 3, 2)
    classes, labels = np.array([[0], [1], [1], [0]], np.uint8), np.eye(4, 3, dtype=np.int64)
    sets = {"classes": (images, classes), "labels": (images, labels),
            "colour": (np.stack([images] * 3, -1), classes), "floats": (images.astype(np.float32), classes),
            "big_endian": (images, classes.astype(">i4")), "fortran": (np.asfortranarray(images), classes)}
    for name, (pictures, numbers) in sets.items():
        arrays = {f"{split}_{what}": array for split in ("train", "test")
                  for what, array in (("images", pictures), ("labels", numbers))}
        for save in (np.savez, np.savez_compressed):
            buffer = io.BytesIO()
            save(buffer, **arrays)
            data = buffer.getvalue()
            if len(data) % 2 == 0:  # a comment of one letter
                data = data[:-2] + struct.pack("<H", 1) + b"!"
            write(kind, name + ("_stored" if save is np.savez else "_deflated"), data)
        bare = b"\xfe|".join(npy(arrays[key]) for key in ("train_images", "train_labels", "test_images", "test_labels"))
        write(kind, name + "_arrays", bare + b" " * (len(bare) % 2))


def write_formats():
    """A folder for each format that has a decoder of its own."""
    import jpeg_ls

    y, x = np.mgrid[0:16, 0:16]
    levels = (x * 10 + y * 5).astype(np.uint8)
    wide = (x * 4000 + y).astype(np.uint16)
    grey = Image.fromarray(levels)
    colour = Image.merge("RGB", (grey, grey.rotate(90), grey.rotate(180)))
    alpha = Image.merge("RGBA", (*colour.split(), grey))
    palette = colour.quantize(16)
    for path in (CORPUS / "image").glob("*.jpg"):
        write("jpeg", path.name, path.read_bytes())
    exif = Image.Exif()
    exif[0x0112] = 6
    write("jpeg", "exif.jpg", image_bytes(grey, "jpeg", exif=exif))
    write("gif", "one.gif", image_bytes(palette, "gif", interlace=False))
    write("gif", "interlaced.gif", image_bytes(palette, "gif", interlace=True))
    write("gif", "frames.gif", image_bytes(palette, "gif", save_all=True, append_images=[palette.rotate(90)]))
    write("gif", "transparent.gif", image_bytes(palette, "gif", transparency=3))
    write("webp", "lossless.webp", image_bytes(colour, "webp", lossless=True))
    write("webp", "lossy.webp", image_bytes(alpha, "webp", quality=70))
    write("webp", "exif.webp", image_bytes(colour, "webp", exif=exif))
    write("webp", "frames.webp", image_bytes(colour, "webp", save_all=True, append_images=[colour.rotate(90)]))
    for name, image, options in (
            ("grey", grey, {}), ("wide", Image.fromarray(wide), {"compression": "tiff_lzw"}), ("rgb", colour, {}),
            ("rgba", alpha, {"compression": "tiff_adobe_deflate"}), ("palette", palette, {}),
            ("bilevel", grey.convert("1"), {"compression": "group4"}), ("jpeg", colour, {"compression": "jpeg"}),
            ("packbits", grey, {"compression": "packbits"}), ("cmyk", colour.convert("CMYK"), {}),
            ("pages", grey, {"save_all": True, "append_images": [grey]})):
        write("tiff", f"{name}.tif", image_bytes(image, "tiff", **options))
    write("jpeg-2000", "grey.jp2", image_bytes(grey, "jpeg2000"))
    write("jpeg-2000", "rgb.jp2", image_bytes(colour, "jpeg2000", irreversible=True))
    write("jpeg-2000", "tiles.j2k", image_bytes(grey, "jpeg2000", no_jp2=True, tile_size=(8, 8)))
    write("jpeg-2000", "wide.jp2", image_bytes(Image.fromarray(wide), "jpeg2000"))
    write("jpeg-ls", "grey.jls", bytes(jpeg_ls.encode_array(levels)))
    write("jpeg-ls", "wide.jls", bytes(jpeg_ls.encode_array(wide)))
    write("jpeg-ls", "rgb.jls", bytes(jpeg_ls.encode_array(np.asarray(colour), interleave_mode=1)))
    script = CORPUS.parents[1] / "data" / "image" / "write_dicom.py"
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-W", "ignore", script, folder, "16", "16"], check=True)
        for path in sorted(pathlib.Path(folder).glob("*.dcm")):
            write("dicom", path.stem, path.read_bytes())


if __name__ == "__main__":
    write_safetensors()
    write_weights()
    write_config()
    write_images()
    write_archives()
    write_formats()
