// Reading the header of a safetensors file, which may come from anywhere and may say anything.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "engine/io/safetensors.h"

namespace xr::engine {

namespace {

using nlohmann::json;

struct FormatType {
  const char* name;
  ElementType type;
  std::optional<DType> dtype;
};

const FormatType format_types[] = {
    {"F32", ElementType::f32, DType::f32},        {"BF16", ElementType::bf16, DType::bf16},
    {"I64", ElementType::i64, DType::i64},        {"I32", ElementType::i32, DType::i32},
    {"U8", ElementType::u8, DType::u8},           {"F16", ElementType::f16, std::nullopt},
    {"F64", ElementType::f64, std::nullopt},      {"I8", ElementType::i8, std::nullopt},
    {"I16", ElementType::i16, std::nullopt},      {"U16", ElementType::u16, std::nullopt},
    {"U32", ElementType::u32, std::nullopt},      {"U64", ElementType::u64, std::nullopt},
    {"BOOL", ElementType::boolean, std::nullopt},
};

bool parse_type(const std::string& text, SafetensorsFile::Entry& entry) {
  for (const FormatType& type : format_types)
    if (text == type.name) {
      entry.type = type.type;
      entry.dtype = type.dtype;
      return true;
    }
  return false;
}

constexpr int max_depth = 3;  // header, tensor, shape
constexpr std::size_t max_name_bytes = 256;

// For a message: one line, not too long, ASCII.
std::string brief(const json& value) {
  std::string text = value.dump(-1, ' ', true);
  if (text.size() > 60) text.replace(57, std::string::npos, "...");
  return text;
}

// JSON without names used twice (the library would silently keep one of them) and without deep nesting.
json parse_json(const std::string& text, std::string& repeated) {
  std::vector<std::set<std::string>> names;
  const auto callback = [&](int depth, json::parse_event_t event, json& value) {
    XR_CHECK(depth <= max_depth,
             "its header is nested too deeply: the file is damaged or no safetensors file");
    if (event == json::parse_event_t::object_start) names.emplace_back();
    if (event == json::parse_event_t::object_end) names.pop_back();
    if (event == json::parse_event_t::key && !names.back().insert(value.get<std::string>()).second)
      repeated = value.get<std::string>();
    return true;
  };
  return json::parse(text, callback);
}

SafetensorsFile::Entry parse_entry(const std::string& name, const json& value) {
  XR_CHECK(name.size() <= max_name_bytes &&
               std::ranges::none_of(name, [](unsigned char c) { return c < ' ' || c == 0x7F; }),
           "its tensor name {} is too long or not printable", brief(name));
  SafetensorsFile::Entry entry;
  entry.name = name;
  XR_CHECK(value.is_object() && value.contains("dtype") && value.contains("shape") &&
               value.contains("data_offsets"),
           "its tensor {} lacks a dtype, a shape or offsets", name);
  const json &dtype = value["dtype"], &shape = value["shape"], &offsets = value["data_offsets"];
  XR_CHECK(dtype.is_string() && parse_type(dtype.get<std::string>(), entry),
           "its tensor {} has the element type {}, which is not supported", name, brief(dtype));
  XR_CHECK(shape.is_array() && shape.size() <= Shape::max_rank,
           "its tensor {} has no shape of at most {} dimensions", name, Shape::max_rank);
  constexpr std::uint64_t limit = std::uint64_t{1} << 48;  // elements; far above any file, far below overflow
  std::uint64_t count = 1;
  for (const json& extent : shape) {
    XR_CHECK(extent.is_number_unsigned() && extent.get<std::uint64_t>() < limit,
             "its tensor {} has the extent {}", name, brief(extent));
    const auto value_of = extent.get<std::uint64_t>();
    XR_CHECK(value_of == 0 || count <= limit / value_of, "its tensor {} claims too many elements", name);
    count *= value_of;
    entry.shape.push_back(static_cast<std::int64_t>(value_of));
  }
  XR_CHECK(offsets.is_array() && offsets.size() == 2 && offsets[0].is_number_unsigned() &&
               offsets[1].is_number_unsigned() &&
               offsets[0].get<std::uint64_t>() <= offsets[1].get<std::uint64_t>(),
           "its tensor {} has the offsets {}", name, brief(offsets));
  entry.begin = offsets[0].get<std::uint64_t>();
  entry.end = offsets[1].get<std::uint64_t>();
  XR_CHECK(entry.end - entry.begin == count * bytes_of(entry.type),
           "its tensor {} has {} bytes, but shape {} needs {}", name, entry.end - entry.begin,
           entry.shape.to_string(), count * bytes_of(entry.type));
  return entry;
}

}  // namespace

void SafetensorsFile::parse_header(const std::string& header, std::uint64_t data_bytes) {
  try {
    std::string repeated;
    const json parsed = parse_json(header, repeated);
    XR_CHECK(parsed.is_object(), "its header is not a JSON object");
    XR_CHECK(repeated.empty(), "its header has the name {} twice", brief(repeated));
    for (const auto& [name, value] : parsed.items()) {
      if (name == "__metadata__") {
        XR_CHECK(value.is_object(), "its metadata is not a JSON object");
        for (const auto& [key, text] : value.items()) {
          XR_CHECK(text.is_string(), "its metadata entry {} is not a string", brief(key));
          metadata_[key] = text.get<std::string>();
        }
      } else {
        entries_.push_back(parse_entry(name, value));
      }
    }
    std::ranges::sort(entries_, [](const Entry& a, const Entry& b) {
      return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
    });
    std::uint64_t at = 0;
    for (const Entry& entry : entries_) {
      XR_CHECK(entry.begin == at,
               "its tensor {} starts at byte {} of the data instead of {}: tensors overlap or leave a gap",
               entry.name, entry.begin, at);
      at = entry.end;
    }
    XR_CHECK(at == data_bytes, "its tensors take {} bytes, but the file has {}: it is truncated or damaged",
             at, data_bytes);
  } catch (const json::exception&) {
    fail("its header is not valid JSON: the file is damaged or no safetensors file");
  } catch (const Error& error) {
    fail(error.what());
  }
}

}  // namespace xr::engine
