// DICOM: from stored samples to what a workstation shows (PS3.3, C.11 and C.7.6.3; PS3.4, N.2): Modality LUT or
// rescale, VOI LUT or window, MONOCHROME1 inverted last.
#include "data/image/byte_reader.h"
#include "data/image/dicom_pixels.h"
#include "data/image/raw_image.h"

#include <algorithm>
#include <cmath>
#include <optional>

namespace xr::data {

namespace {

constexpr std::uint32_t modality_luts = dicom_tag(0x0028, 0x3000), voi_luts = dicom_tag(0x0028, 0x3010);

/// LUT Descriptor and LUT Data (C.11.1.1): `entries` for the inputs from `first` on, of `bits` each.
struct LookUpTable {
  double first = 0;
  std::uint32_t bits = 16;
  std::vector<std::uint16_t> entries;

  [[nodiscard]] double operator()(double value) const {
    const double at =
        std::clamp(std::floor(value - first + 0.5), 0.0, static_cast<double>(entries.size() - 1));
    return entries[static_cast<std::size_t>(at)];
  }
  [[nodiscard]] double white() const { return static_cast<double>((1u << bits) - 1); }
};

std::optional<LookUpTable> read_table(const DicomItem& item, bool signed_input) {
  const std::vector<double> descriptor = item.numbers(dicom_tag(0x0028, 0x3002), false, signed_input);
  const DicomElement* data = item.find(dicom_tag(0x0028, 0x3006));
  if (descriptor.size() < 3 || data == nullptr) return std::nullopt;
  // The number of entries and of bits are unsigned, also where the first input is signed; 0 means 65536.
  const auto unsigned16 = [](double value) { return value < 0 ? value + 65536 : value; };
  const double count = descriptor[0] == 0 ? 65536 : unsigned16(descriptor[0]),
               bits = unsigned16(descriptor[2]);
  LookUpTable table;
  table.first = descriptor[1];
  table.bits = bits >= 1 && bits <= 16 ? static_cast<std::uint32_t>(bits) : 16;
  table.entries = item.words(*data);
  if (static_cast<double>(table.entries.size()) < count && table.bits <= 8 &&
      static_cast<double>(data->value.size()) >= count) {
    table.entries.clear();  // entries of 8 bits, one in a byte
    for (const std::byte byte : data->value) table.entries.push_back(static_cast<std::uint16_t>(byte));
  }
  if (count < 1 || static_cast<double>(table.entries.size()) < count) return std::nullopt;
  table.entries.resize(static_cast<std::size_t>(count));
  return table;
}

/// The first table of a sequence that can be used.
std::optional<LookUpTable> first_table(const DicomItem& elements, std::uint32_t tag, bool signed_input) {
  for (const DicomItem& item : elements.items(tag))
    if (std::optional<LookUpTable> table = read_table(item, signed_input)) return table;
  return std::nullopt;
}

/// Modality values of stored ones, and their range by the bits stored.
struct Modality {
  std::optional<LookUpTable> table;
  double slope = 1, intercept = 0;
  [[nodiscard]] double operator()(double stored) const {
    return table ? (*table)(stored) : stored * slope + intercept;
  }
};

Modality read_modality(const DicomItem& elements, bool is_signed) {
  Modality modality;
  modality.table = first_table(elements, modality_luts, is_signed);
  const std::vector<double> slope = elements.numbers(dicom_tag(0x0028, 0x1053), true);
  const std::vector<double> intercept = elements.numbers(dicom_tag(0x0028, 0x1052), true);
  if (!slope.empty() && std::isfinite(slope[0]) && slope[0] != 0) modality.slope = slope[0];
  if (!intercept.empty() && std::isfinite(intercept[0])) modality.intercept = intercept[0];
  return modality;
}

/// VOI LUT module (C.11.2): grey of a modality value, 0 to 1.
struct Window {
  enum class Shape { linear, linear_exact, sigmoid } shape = Shape::linear;
  double centre = 0, width = 1;

  [[nodiscard]] double operator()(double value) const {
    switch (shape) {
      case Shape::linear:
        return width <= 1 ? (value > centre - 0.5 ? 1.0 : 0.0) : (value - (centre - 0.5)) / (width - 1) + 0.5;
      case Shape::linear_exact:
        return (value - centre) / width + 0.5;
      default:
        return 1 / (1 + std::exp(-4 * (value - centre) / width));
    }
  }
};

struct VoiChoice {
  std::optional<LookUpTable> table;
  std::optional<Window> window;
  std::string text;  ///< where there was a choice
};

/// A table goes before a window, the first of several before the others.
VoiChoice choose_voi(const DicomItem& elements) {
  VoiChoice choice;
  const std::vector<double> centres = elements.numbers(dicom_tag(0x0028, 0x1050), true);
  const std::vector<double> widths = elements.numbers(dicom_tag(0x0028, 0x1051), true);
  const std::string function = elements.text(dicom_tag(0x0028, 0x1056));
  const std::size_t windows = std::min(centres.size(), widths.size());
  const std::size_t tables = elements.items(voi_luts).size();
  // Whether the table's first input is signed is that of the modality values, which may be negative.
  choice.table = first_table(elements, voi_luts, true);
  if (!choice.table && windows > 0 && std::isfinite(centres[0]) && std::isfinite(widths[0]) &&
      widths[0] > 0) {
    choice.window = Window{function == "SIGMOID"        ? Window::Shape::sigmoid
                           : function == "LINEAR_EXACT" ? Window::Shape::linear_exact
                                                        : Window::Shape::linear,
                           centres[0], widths[0]};
    if (choice.window->shape == Window::Shape::linear && widths[0] < 1) choice.window.reset();
  }
  if (choice.table && tables + windows > 1)
    choice.text = fmt::format("VOI table 1 of {}, {} window(s) not used", tables, windows);
  if (choice.window && windows > 1) choice.text = fmt::format("window 1 of {}", windows);
  return choice;
}

/// Stored values that mean "no image here" (C.7.5.1.1.2).
struct Padding {
  double low = 1, high = 0;
  [[nodiscard]] bool contains(double stored) const { return stored >= low && stored <= high; }
};

Padding read_padding(const DicomItem& elements, bool is_signed) {
  const std::vector<double> value = elements.numbers(dicom_tag(0x0028, 0x0120), false, is_signed);
  if (value.empty()) return {};
  const std::vector<double> limit = elements.numbers(dicom_tag(0x0028, 0x0121), false, is_signed);
  const double other = limit.empty() ? value[0] : limit[0];
  return {std::min(value[0], other), std::max(value[0], other)};
}

std::uint8_t grey_of(double share) {
  return static_cast<std::uint8_t>(std::lround(std::clamp(share, 0.0, 1.0) * 255));
}

/// A function of the stored value, computed once for each value: there are at most 65536.
template <class Function>
std::vector<std::uint8_t> map_values(const std::vector<std::int32_t>& samples, const DicomPixelFormat& format,
                                     Function&& grey) {
  const std::int32_t lowest = format.is_signed ? -(1 << (format.stored - 1)) : 0;
  std::vector<std::uint8_t> table(std::size_t{1} << format.stored);
  for (std::size_t i = 0; i < table.size(); ++i)
    table[i] = grey(static_cast<double>(lowest) + static_cast<double>(i));
  std::vector<std::uint8_t> result(samples.size());
  std::ranges::transform(samples, result.begin(), [&](std::int32_t sample) {
    return table[static_cast<std::size_t>(sample - lowest)];
  });
  return result;
}

/// Unsigned samples whose 16 bits say nothing of the range: the bits in use decide, as for other files.
bool has_unknown_range(const DicomPixelFormat& format, const Modality& modality) {
  return format.stored == 16 && !format.is_signed && !modality.table && modality.slope > 0;
}

void set_words(RawImage& raw, const std::vector<std::int32_t>& samples, const Padding& padding,
               bool inverted) {
  std::int32_t greatest = 0;
  for (const std::int32_t sample : samples)
    if (!padding.contains(sample)) greatest = std::max(greatest, sample);
  raw.words.resize(samples.size());
  std::ranges::transform(samples, raw.words.begin(), [&](std::int32_t sample) {
    return static_cast<std::uint16_t>(!padding.contains(sample) ? sample : inverted ? greatest : 0);
  });
  raw.inverted = inverted;
}

void set_grey(RawImage& raw, const DicomFile& file, const DicomPixelFormat& format) {
  const std::vector<std::int32_t> samples = read_first_frame(file, format);
  const bool inverted = format.photometric == "MONOCHROME1";
  const Modality modality = read_modality(file.elements, format.is_signed);
  const VoiChoice voi = choose_voi(file.elements);
  const Padding padding = read_padding(file.elements, format.is_signed);
  raw.window = voi.text;
  if (!voi.table && !voi.window && has_unknown_range(format, modality))
    return set_words(raw, samples, padding, inverted);
  const double lowest = format.is_signed ? -static_cast<double>(1u << (format.stored - 1)) : 0;
  const double highest = lowest + static_cast<double>((1u << format.stored) - 1);
  const double from = modality.table ? 0 : std::min(modality(lowest), modality(highest));
  const double to = modality.table ? modality.table->white() : std::max(modality(lowest), modality(highest));
  const auto share = [&](double value) {
    if (voi.table) return (*voi.table)(value) / voi.table->white();
    if (voi.window) return (*voi.window)(value);
    return (value - from) / (to - from);
  };
  raw.bytes = map_values(samples, format, [&](double stored) -> std::uint8_t {
    if (padding.contains(stored)) return 0;  // black, inverted or not
    const std::uint8_t grey = grey_of(share(modality(stored)));
    return inverted ? static_cast<std::uint8_t>(255 - grey) : grey;
  });
}

/// RGB, or YBR_FULL without compression; the readers of codestreams have made RGB already.
void set_colours(RawImage& raw, const DicomFile& file, const DicomPixelFormat& format) {
  const bool ycc = format.photometric == "YBR_FULL" && format.stored == 8;
  const bool whole = file.encapsulated || format.photometric == "RGB" || ycc;
  XR_CHECK_CODE(whole, error_code::image_unsupported,
                "DICOM with the photometric interpretation {}, which is not read",
                printable(format.photometric));
  const std::vector<std::int32_t> samples = read_first_frame(file, format);
  const double white = static_cast<double>((1u << format.stored) - 1);
  raw.bytes = map_values(samples, format, [&](double stored) { return grey_of(stored / white); });
  if (!ycc || (file.encapsulated && file.transfer_syntax != "1.2.840.10008.1.2.5")) return;
  for (std::size_t i = 0; i < raw.bytes.size(); i += 3) {
    const double y = raw.bytes[i], cb = raw.bytes[i + 1] - 128.0, cr = raw.bytes[i + 2] - 128.0;
    raw.bytes[i] = grey_of((y + 1.402 * cr) / 255);  // ITU-T T.871
    raw.bytes[i + 1] = grey_of((y - 0.344136 * cb - 0.714136 * cr) / 255);
    raw.bytes[i + 2] = grey_of((y + 1.772 * cb) / 255);
  }
}

ImageHeader dicom_header(std::span<const std::byte> bytes) {
  const DicomFile file = read_dicom(bytes);
  const DicomPixelFormat format = read_pixel_format(file.elements);
  return {ImageFormat::dicom, format.columns, format.rows, static_cast<int>(format.samples),
          static_cast<int>(format.stored)};
}

RawImage decode_dicom(std::span<const std::byte> bytes, const ImageHeader&) {
  const DicomFile file = read_dicom(bytes);
  const DicomPixelFormat format = read_pixel_format(file.elements);
  RawImage raw;
  raw.width = static_cast<int>(format.columns);
  raw.height = static_cast<int>(format.rows);
  raw.channels = static_cast<int>(format.samples);
  raw.frames = static_cast<int>(format.frames);
  if (format.samples == 3) {
    set_colours(raw, file, format);
    return raw;
  }
  const bool grey = format.photometric == "MONOCHROME1" || format.photometric == "MONOCHROME2";
  XR_CHECK_CODE(grey, error_code::image_unsupported,
                "DICOM with the photometric interpretation {}, which is not read",
                printable(format.photometric));
  set_grey(raw, file, format);
  return raw;
}

}  // namespace

const ImageReader* dicom_reader() {
  static constexpr ImageReader reader{dicom_header, decode_dicom};
  return &reader;
}

}  // namespace xr::data
