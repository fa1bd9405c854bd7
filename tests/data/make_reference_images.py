"""Writes reference_images.h: small files of every kind that the decoder takes, with what Pillow makes of them.

Needs numpy, Pillow and pyjpegls. Usage: python make_reference_images.py > reference_images.h
"""
import io

import jpeg_ls
import numpy as np
import PIL
from PIL import Image

SIDE = 8


def encode(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def literal(data):
    digits = bytes(data).hex()
    lines = [digits[i : i + 96] for i in range(0, len(digits), 96)]
    return "\n".join(f'     "{line}"' for line in lines)


def main():
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    grey = (x * 20 + y * 13).astype(np.uint8)
    colour = np.stack([grey, 255 - grey, (x * y * 4).astype(np.uint8)], -1).astype(np.uint8)
    alpha = ((x + y) * 16).astype(np.uint8)
    grey16 = (grey.astype(np.uint16) * 256 + (x * 31).astype(np.uint16)).astype(np.uint16)
    rgb = Image.fromarray(colour)
    files = [
        ("grey PNG", encode(Image.fromarray(grey), "PNG"), 0),
        ("RGB PNG", encode(rgb, "PNG"), 0),
        ("RGBA PNG", encode(Image.fromarray(np.dstack([colour, alpha])), "PNG"), 0),
        ("grey and alpha PNG", encode(Image.fromarray(np.dstack([grey, alpha])), "PNG"), 0),
        ("palette PNG", encode(rgb.quantize(16), "PNG"), 0),
        ("palette PNG with transparency", encode(rgb.quantize(16), "PNG", transparency=3), 0),
        ("one-bit PNG", encode(Image.fromarray(grey > 100), "PNG"), 0),
        ("BMP", encode(rgb, "BMP"), 0),
        ("palette BMP", encode(Image.fromarray(grey), "BMP"), 0),
        ("PGM", encode(Image.fromarray(grey), "PPM"), 0),
        ("PPM", encode(rgb, "PPM"), 0),
        # Decoders may round the inverse cosine transform and the chroma differently.
        ("baseline grey JPEG", encode(Image.fromarray(grey), "JPEG", quality=85, optimize=True), 3),
        ("progressive JPEG", encode(rgb, "JPEG", quality=85, progressive=True, optimize=True, subsampling=0), 4),
        ("CMYK JPEG", encode(rgb.convert("CMYK"), "JPEG", quality=95, optimize=True), 6),
        ("GIF", encode(rgb.quantize(16), "GIF", interlace=False), 0),
        ("interlaced GIF", encode(rgb.quantize(16), "GIF", interlace=True), 0),
        ("animated GIF", encode(rgb.quantize(16), "GIF", save_all=True, append_images=[rgb.rotate(90).quantize(16)]), 0),
        ("lossless WebP", encode(rgb, "WEBP", lossless=True), 0),
        ("lossy WebP", encode(rgb, "WEBP", quality=80), 2),
        ("WebP with alpha", encode(Image.fromarray(np.dstack([colour, alpha])), "WEBP", lossless=True, exact=True), 0),
        ("animated WebP", encode(rgb, "WEBP", lossless=True, save_all=True, append_images=[rgb.rotate(90)]), 0),
        ("grey TIFF", encode(Image.fromarray(grey), "TIFF"), 0),
        ("RGB TIFF, LZW", encode(rgb, "TIFF", compression="tiff_lzw"), 0),
        ("RGBA TIFF, deflate", encode(Image.fromarray(np.dstack([colour, alpha])), "TIFF",
                                      compression="tiff_adobe_deflate"), 0),
        ("palette TIFF", encode(rgb.quantize(16), "TIFF"), 0),
        ("bilevel TIFF, group 4", encode(Image.fromarray(grey > 100), "TIFF", compression="group4"), 0),
        ("CMYK TIFF", encode(rgb.convert("CMYK"), "TIFF"), 1),
        ("white-is-zero TIFF", encode(Image.fromarray(grey), "TIFF", tiffinfo={262: 0}), 0),
        ("grey JPEG 2000", encode(Image.fromarray(grey), "JPEG2000"), 0),
        ("RGB JPEG 2000", encode(rgb, "JPEG2000", irreversible=False), 0),
        ("JPEG 2000 codestream", encode(Image.fromarray(grey), "JPEG2000", no_jp2=True), 0),
        ("JPEG-LS", jpeg_ls.encode_array(grey), 0),
    ]
    print(f"""// Written by make_reference_images.py with Pillow {PIL.__version__}: do not edit.
#pragma once

namespace xr::data::test {{

struct ReferenceImage {{
  const char* name;
  const char* file;  ///< hexadecimal
  const char* grey;  ///< Pillow's convert("L"), 8 x 8, hexadecimal
  const char* rgb;   ///< Pillow's convert("RGB")
  int tolerance;     ///< grey levels
}};

// clang-format off
inline constexpr ReferenceImage reference_images[] = {{""")
    for name, data, tolerance in files:
        image = Image.fromarray(grey) if name == "JPEG-LS" else Image.open(io.BytesIO(data))
        print(f'    {{"{name}",\n{literal(data)},')
        print(f'{literal(np.asarray(image.convert("RGB").convert("L")).tobytes())},')
        print(f'{literal(np.asarray(image.convert("RGB")).tobytes())},\n     {tolerance}}},')
    levels = ((grey16.astype(np.uint32) + 128) // 257).astype(np.uint8)  # 65535 / 255 = 257, rounded
    for name, kind in (("16-bit PNG", "PNG"), ("16-bit TIFF", "TIFF"), ("16-bit JPEG 2000", "JPEG2000")):
        data = encode(Image.fromarray(grey16), kind)
        print(f'    {{"{name}",\n{literal(data)},\n{literal(levels.tobytes())},')
        print(f'{literal(np.repeat(levels.reshape(-1), 3).tobytes())},\n     0}},')
    print("};\n// clang-format on\n\n}  // namespace xr::data::test")


if __name__ == "__main__":
    main()
