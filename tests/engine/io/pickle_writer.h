// Writes the pickles of dictionaries of tensors, right ones and wrong ones, and the files of torch.save around them.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tests/engine/io/zip_writer.h"

namespace xr::engine::test {

inline std::string pickle_text(const std::string& text) {
  std::string result = "X";
  append_number(result, text.size(), 4);
  return result + text;
}

inline std::string pickle_integer(std::int64_t value) {
  std::string result = "\x8a\x08";
  append_number(result, static_cast<std::uint64_t>(value), 8);
  return result;
}

inline std::string pickle_global(const std::string& module, const std::string& name) {
  return "c" + module + "\n" + name + "\n";
}

inline std::string pickle_tuple(const std::vector<std::string>& items) {
  std::string result = "(";
  for (const std::string& item : items) result += item;
  return result + "t";
}

inline std::string pickle_integers(const std::vector<std::int64_t>& values) {
  std::vector<std::string> items;
  for (const std::int64_t value : values) items.push_back(pickle_integer(value));
  return pickle_tuple(items);
}

inline std::string pickle_dictionary(const std::vector<std::pair<std::string, std::string>>& items) {
  std::string result = "}(";
  for (const auto& [key, value] : items) result += pickle_text(key) + value;
  return result + "u";
}

/// What a file claims of a tensor.
struct TensorClaim {
  std::vector<std::int64_t> shape = {2}, stride = {1};
  std::int64_t elements = 2, offset = 0;  ///< of its storage; its first in there
  std::string key = "0", type = "FloatStorage";
  std::string part = {};  ///< of the legacy form: N, or a tuple
};

inline std::string pickle_tensor(const TensorClaim& claim = {}) {
  std::vector<std::string> id = {pickle_text("storage"), pickle_global("torch", claim.type),
                                 pickle_text(claim.key), pickle_text("cpu"), pickle_integer(claim.elements)};
  if (!claim.part.empty()) id.push_back(claim.part);
  return pickle_global("torch._utils", "_rebuild_tensor_v2") +
         pickle_tuple({pickle_tuple(id) + "Q", pickle_integer(claim.offset), pickle_integers(claim.shape),
                       pickle_integers(claim.stride), "\x89",
                       pickle_global("collections", "OrderedDict") + ")R"}) +
         "R";
}

inline std::string pickle_of(const std::string& value) {
  return "\x80\x02" + value + ".";
}

/// A whole model, as torch.save(model) writes it: its class, then its attributes. Before PyTorch 1.6 the source
/// stood with the class.
inline std::string pickle_model(const std::string& module, const std::string& name, bool legacy = false) {
  std::string type = pickle_global(module, name);
  if (legacy)
    type = pickle_tuple({pickle_text("module"), type, pickle_text("models.py"), pickle_text("class")}) + "Q";
  return type + ")\x81" + pickle_dictionary({{"training", "\x89"}}) + "b";
}

/// A zip file of torch.save, of which data.pkl is this; the storages are called 0, 1, ...
inline std::string pytorch_zip(const std::string& pickle, const std::vector<std::string>& storages) {
  std::vector<ArchiveMember> members = {{"a/data.pkl", pickle}};
  for (std::size_t i = 0; i < storages.size(); ++i)
    members.push_back({"a/data/" + std::to_string(i), storages[i]});
  members.push_back({"a/version", "3\n"});
  return zip(members);
}

/// The form before PyTorch 1.6.
inline std::string pytorch_legacy(const std::string& pickle,
                                  const std::vector<std::pair<std::uint64_t, std::string>>& storages) {
  std::string result = pickle_of(std::string("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 12)) +
                       pickle_of(pickle_integer(1001)) + pickle_of("}") + pickle;
  std::string keys = "](";
  for (std::size_t i = 0; i < storages.size(); ++i) keys += pickle_text(std::to_string(i));
  result += pickle_of(keys + "e");
  for (const auto& [count, bytes] : storages) {
    append_number(result, count, 8);
    result += bytes;
  }
  return result;
}

}  // namespace xr::engine::test
