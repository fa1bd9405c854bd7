// A reader of Python's pickles that runs nothing: it knows the opcodes and globals of which dictionaries of
// tensors are made, as torch.save writes them, and refuses everything else by its name. Format: CPython,
// Lib/pickletools.py (protocols 2 to 5); PyTorch, torch/_utils.py and torch/serialization.py.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "engine/io/element_type.h"
#include "engine/io/pickle_input.h"

namespace xr::engine {

/// A block of memory that tensors refer to by a key. The numbers are the file's claims.
struct PickleStorage {
  std::string key;
  ElementType type = ElementType::f32;  ///< u8 for one without a type
  bool typed = true;
  std::uint64_t elements = 0;
  /// A part of another storage, in elements; the whole where it is none.
  std::uint64_t part_begin = 0, part_elements = 0;
};

struct PickleTensor {
  PickleStorage storage;
  ElementType type = ElementType::f32;
  std::uint64_t offset = 0;  ///< elements from the storage's (or part's) beginning
  std::vector<std::int64_t> shape, stride;
};

enum class PickleKind : std::uint8_t {
  none,
  boolean,
  integer,
  big_integer,  ///< beyond 64 bits: `text` has its bytes, little-endian
  real,
  text,
  bytes,
  tuple,
  list,
  dictionary,
  set,
  tensor,
  storage,
  element_type,
  callable,  ///< a global that can be called
};

/// "a dictionary", "an integer"
[[nodiscard]] const char* name_of(PickleKind kind);

/// One value. Lists and dictionaries may hold one another, in circles as well.
struct PickleValue {
  PickleKind kind = PickleKind::none;
  std::int64_t integer = 0;  ///< boolean: 0 or 1; callable: which
  double real = 0;
  std::string text;
  std::vector<const PickleValue*> items;  ///< dictionary: keys and values in turn
  std::shared_ptr<const PickleTensor> tensor;
  std::shared_ptr<const PickleStorage> storage;
};

/// The values of a pickle; they live as long as this.
struct PickleDocument {
  std::deque<PickleValue> values;
  const PickleValue* root = nullptr;
};

/// Reads one pickle; `input` then stands behind it. Throws xr::Error with a reason that begins "it": code
/// weights_not_plain for an opcode or a global that is not of plain dictionaries of tensors, weights_damaged for a
/// pickle that contradicts itself or is too large.
[[nodiscard]] PickleDocument read_pickle(PickleInput& input);

}  // namespace xr::engine
