"""Writes DICOM files in every transfer syntax that it can, and what pydicom makes of each.

Needs pydicom 3 and numpy; with pylibjpeg, pylibjpeg-openjpeg, pylibjpeg-rle, pyjpegls and Pillow more syntaxes.
Usage: python write_dicom.py FOLDER [ROWS COLUMNS]. Beside NAME.dcm lies NAME.raw: "columns rows tolerance window" in a line, then
the grey levels, one byte each. Exit status 77 without pydicom.
"""
import io
import pathlib
import sys

try:
    import numpy as np
    import pydicom
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.encaps import encapsulate
    from pydicom.pixels import apply_modality_lut, apply_voi_lut
    from pydicom.sequence import Sequence
    from pydicom import uid
except ImportError as error:
    print(error)
    sys.exit(77)

FOLDER = pathlib.Path(sys.argv[1])
ROWS, COLUMNS = (int(sys.argv[2]), int(sys.argv[3])) if len(sys.argv) > 3 else (40, 51)


def samples(bits, signed=False):
    y, x = np.mgrid[0:ROWS, 0:COLUMNS]
    top = (1 << bits) - 1
    values = ((x * 37 + y * 91 + (x * y) % 13) * top // 5500) % (top + 1)
    return (values - (1 << (bits - 1)) if signed else values).astype(
        {(8, False): np.uint8, (8, True): np.int8, (16, False): np.uint16, (16, True): np.int16}[
            (8 if bits <= 8 else 16, signed)])


def dataset(array, bits, signed=False, photometric="MONOCHROME2"):
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    data.SOPClassUID = uid.DigitalXRayImageStorageForPresentation
    data.SOPInstanceUID = uid.generate_uid(entropy_srcs=["xrtrain", str(bits)])
    data.PatientID, data.PatientName = "SECRET-4711", "Doe^Jane"
    data.Rows, data.Columns = array.shape[-2:]
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, photometric
    data.BitsAllocated = 8 * array.dtype.itemsize
    data.BitsStored, data.HighBit, data.PixelRepresentation = bits, bits - 1, int(signed)
    if array.ndim == 3:
        data.NumberOfFrames = array.shape[0]
    data.PixelData = array.tobytes() + b"\0" * (array.nbytes % 2)
    return data


def window_shares(data, values, bits, signed):
    """Grey levels 0 to 1 of modality values: pydicom's window or table, else the whole range of the samples."""
    if "VOILUTSequence" in data or "WindowCenter" in data:
        shown = apply_voi_lut(values, data, index=0).astype(float)
        if "VOILUTSequence" in data:
            return shown / ((1 << data.VOILUTSequence[0].LUTDescriptor[2]) - 1)
        low, high = stored_range(data, bits, signed)  # pydicom's windows end at the range of the modality values
        return (shown - low) / (high - low)
    if "ModalityLUTSequence" in data:
        return values / ((1 << data.ModalityLUTSequence[0].LUTDescriptor[2]) - 1)
    low, high = stored_range(data, bits, signed)
    return (values - low) / (high - low)


def stored_range(data, bits, signed):
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    ends = sorted(float(v) * float(data.get("RescaleSlope", 1)) + float(data.get("RescaleIntercept", 0))
                  for v in (low, high))
    return ends


def write(name, data, bits, signed=False, tolerance=0, change=None, window=""):
    path = FOLDER / f"{name}.dcm"
    data.save_as(path, enforce_file_format=True)
    back = pydicom.dcmread(path)
    pixels = back.pixel_array
    if int(back.get("NumberOfFrames", 1)) > 1:
        pixels = pixels[0]
    shares = window_shares(back, apply_modality_lut(pixels, back), bits, signed)
    grey = np.floor(np.clip(shares, 0, 1) * 255 + 0.5)
    if back.PhotometricInterpretation == "MONOCHROME1":
        grey = 255 - grey
    if change is not None:
        grey = change(pixels, grey)
    text = f"{back.Columns} {back.Rows} {tolerance} {window}\n".encode()
    (FOLDER / f"{name}.raw").write_bytes(text + grey.astype(np.uint8).tobytes())


def table_item(first, entries, bits):
    item = Dataset()
    item.add_new(0x00283002, "SS" if first < 0 else "US", [len(entries), first, bits])
    item.add_new(0x00283006, "OW", np.asarray(entries, np.uint16).tobytes())
    return item


def lossless_jpeg(array, precision):
    """ITU-T T.81, annex H: predictor 1, categories 0 to 16 with codes of 5 bits."""
    out = bytearray(b"\xff\xd8\xff\xc3" + bytes([0, 11, precision]))
    out += array.shape[0].to_bytes(2, "big") + array.shape[1].to_bytes(2, "big") + bytes([1, 1, 0x11, 0])
    out += b"\xff\xc4" + (3 + 16 + 17).to_bytes(2, "big") + bytes([0, 0, 0, 0, 0, 17] + [0] * 11) + bytes(range(17))
    out += b"\xff\xda" + bytes([0, 8, 1, 1, 0, 1, 0, 0])
    bits = []
    values = array.astype(int)
    for y in range(values.shape[0]):
        for x in range(values.shape[1]):
            predicted = (values[y, x - 1] if x else values[y - 1, 0] if y else 1 << (precision - 1))
            difference = (values[y, x] - predicted + 32768) % 65536 - 32768
            size = int(abs(int(difference))).bit_length()
            bits += [size >> i & 1 for i in range(4, -1, -1)]
            if size and size < 16:
                code = difference if difference > 0 else difference + (1 << size) - 1
                bits += [code >> i & 1 for i in range(size - 1, -1, -1)]
    bits += [1] * (-len(bits) % 8)
    for i in range(0, len(bits), 8):
        byte = int("".join(map(str, bits[i : i + 8])), 2)
        out.append(byte)
        if byte == 0xFF:
            out.append(0)
    return bytes(out + b"\xff\xd9")


def encapsulated(data, frames, syntax):
    data.file_meta.TransferSyntaxUID = syntax
    data.PixelData = encapsulate(frames)
    data["PixelData"].VR = "OB"
    data["PixelData"].is_undefined_length = True
    return data


def write_uncompressed():
    for bits in (8, 10, 12, 14):
        for signed in (False, True):
            kind = f"{bits}{'_signed' if signed else ''}"
            write(f"explicit_{kind}", dataset(samples(bits, signed), bits, signed), bits, signed)
    for name, syntax in (("implicit", uid.ImplicitVRLittleEndian), ("deflated", uid.DeflatedExplicitVRLittleEndian),
                         ("big_endian", uid.ExplicitVRBigEndian)):
        data = dataset(samples(12), 12)
        data.file_meta.TransferSyntaxUID = syntax
        if name == "big_endian":
            data.PixelData = samples(12).astype(">u2").tobytes()
        write(name, data, 12)
    write("frames", dataset(np.stack([samples(12), samples(12)[::-1]]), 12), 12)


def write_grey():
    def with_fields(bits=12, signed=False, photometric="MONOCHROME2", **fields):
        data = dataset(samples(bits, signed), bits, signed, photometric)
        for key, value in fields.items():
            setattr(data, key, value)
        return data

    write("inverted", with_fields(photometric="MONOCHROME1"), 12)
    write("window", with_fields(WindowCenter=1500, WindowWidth=900), 12, tolerance=1)
    write("windows", with_fields(WindowCenter=[1500, 3000], WindowWidth=[900, 20]), 12, tolerance=1,
          window="window 1 of 2")
    write("window_inverted", with_fields(photometric="MONOCHROME1", WindowCenter=1500.5, WindowWidth=900.25), 12,
          tolerance=1)
    write("window_exact", with_fields(WindowCenter=1500, WindowWidth=900, VOILUTFunction="LINEAR_EXACT"), 12,
          tolerance=1)
    write("window_sigmoid", with_fields(WindowCenter=1500, WindowWidth=900, VOILUTFunction="SIGMOID"), 12, tolerance=1)
    write("rescale", with_fields(RescaleSlope=2.5, RescaleIntercept=-1000, WindowCenter=2000, WindowWidth=5000), 12,
          tolerance=1)
    write("negative_slope", with_fields(RescaleSlope=-1, RescaleIntercept=4095), 12)
    write("signed_window", with_fields(signed=True, WindowCenter=-300, WindowWidth=1200), 12, True, tolerance=1)
    entries = [min(65535, i * i // 256) for i in range(4096)]
    data = with_fields()
    data.VOILUTSequence = Sequence([table_item(0, entries, 16), table_item(0, entries[::-1], 16)])
    data.WindowCenter, data.WindowWidth = 1500, 900
    write("voi_table", data, 12, window="VOI table 1 of 2, 1 window(s) not used")
    data = with_fields()
    data.ModalityLUTSequence = Sequence([table_item(100, [i * 16 for i in range(3000)], 16)])
    data.ModalityLUTSequence[0].ModalityLUTType = "US"
    write("modality_table", data, 12)
    padded = with_fields(photometric="MONOCHROME1", WindowCenter=1500, WindowWidth=900)
    padded.add_new(0x00280120, "US", int(samples(12)[0, 0]))
    write("padding", padded, 12, tolerance=1,
          change=lambda pixels, grey: np.where(pixels == padded[0x00280120].value, 0, grey))


def write_compressed():
    made = []
    syntaxes = [("rle", uid.RLELossless, 0), ("jpeg_ls", uid.JPEGLSLossless, 0), ("jpeg_2000", uid.JPEG2000Lossless, 0)]
    for name, syntax, tolerance in syntaxes:
        for bits, signed in ((8, False), (12, False), (12, True)):
            data = dataset(samples(bits, signed), bits, signed)
            try:
                data.compress(syntax, generate_instance_uid=False)
                write(f"{name}_{bits}{'_signed' if signed else ''}", data, bits, signed, tolerance)
                made.append(name)
            except Exception as error:  # an encoder or a decoder is not installed
                print(f"without {name}, {bits} bits: {error}")
        frames = dataset(np.stack([samples(12), samples(12)[::-1]]), 12)
        try:
            frames.compress(syntax, generate_instance_uid=False)
            write(f"{name}_frames", frames, 12, False, tolerance)
        except Exception as error:
            print(f"without {name}, frames: {error}")
    for bits, syntax in ((8, uid.JPEGLosslessSV1), (12, uid.JPEGLossless), (16, uid.JPEGLosslessSV1)):
        stored = bits if bits < 16 else 15
        data = encapsulated(dataset(samples(stored), stored), [lossless_jpeg(samples(stored), bits)], syntax)
        try:
            write(f"jpeg_lossless_{bits}", data, stored)
        except Exception as error:
            print(f"without lossless JPEG: {error}")
    try:
        from PIL import Image

        buffer = io.BytesIO()
        Image.fromarray(samples(8)).save(buffer, "JPEG", quality=95)
        write("jpeg_baseline", encapsulated(dataset(samples(8), 8), [buffer.getvalue()], uid.JPEGBaseline8Bit), 8,
              tolerance=1)
    except Exception as error:
        print(f"without baseline JPEG: {error}")


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    write_uncompressed()
    write_grey()
    write_compressed()
    print("written")
