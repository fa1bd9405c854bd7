#include "engine/io/pickle_globals.h"

#include <algorithm>
#include <optional>

#include "kernels/common/error_codes.h"

namespace xr::engine {

namespace {

enum Callable : std::int64_t {
  ordered_dictionary,
  torch_size,
  rebuild_tensor,     ///< storage, offset, size, stride
  rebuild_tensor_v2,  ///< ..., requires_grad, hooks[, metadata]
  rebuild_tensor_v3,  ///< ..., requires_grad, hooks, dtype, metadata
  rebuild_parameter,  ///< tensor, requires_grad, hooks[, state]
  storage_type,       ///< not called: named by persistent ids
};

struct CallableGlobal {
  std::string_view module, name;
  Callable callable;
};

constexpr CallableGlobal callable_globals[] = {
    {"collections", "OrderedDict", ordered_dictionary},
    {"torch", "Size", torch_size},
    {"torch._utils", "_rebuild_tensor", rebuild_tensor},
    {"torch._utils", "_rebuild_tensor_v2", rebuild_tensor_v2},
    {"torch._utils", "_rebuild_tensor_v3", rebuild_tensor_v3},
    {"torch._utils", "_rebuild_parameter", rebuild_parameter},
    {"torch._utils", "_rebuild_parameter_with_state", rebuild_parameter},
};

constexpr std::size_t max_rank = 64, max_key_bytes = 256;

struct TypeName {
  std::string_view storage;  ///< torch.FloatStorage; empty: none
  ElementType type;
};

constexpr TypeName type_names[] = {
    {"HalfStorage", ElementType::f16},
    {"BFloat16Storage", ElementType::bf16},
    {"FloatStorage", ElementType::f32},
    {"DoubleStorage", ElementType::f64},
    {"CharStorage", ElementType::i8},
    {"ShortStorage", ElementType::i16},
    {"IntStorage", ElementType::i32},
    {"LongStorage", ElementType::i64},
    {"ByteStorage", ElementType::u8},
    {"BoolStorage", ElementType::boolean},
    {"", ElementType::u16},
    {"", ElementType::u32},
    {"", ElementType::u64},
};

void require(bool condition, const char* what) {
  XR_CHECK_CODE(condition, error_code::weights_damaged, "it is damaged: {}", what);
}

// PyTorch's are numbers. Messages show them.
bool is_key(std::string_view text) {
  return text.size() <= max_key_bytes &&
         std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

PickleValue storage_type_value(ElementType type, bool typed) {
  PickleValue value;
  value.kind = PickleKind::callable;
  value.integer = storage_type;
  auto storage = std::make_shared<PickleStorage>();
  storage->type = type;
  storage->typed = typed;
  value.storage = std::move(storage);
  return value;
}

std::uint64_t count_of(const PickleValue& value, const char* what) {
  require(value.kind == PickleKind::integer && value.integer >= 0, what);
  return static_cast<std::uint64_t>(value.integer);
}

std::vector<std::int64_t> extents_of(const PickleValue& value) {
  require(value.kind == PickleKind::tuple, "a tensor's size is not a tuple");
  require(value.items.size() <= max_rank, "a tensor has more than 64 extents");
  std::vector<std::int64_t> result;
  for (const PickleValue* item : value.items)
    result.push_back(
        static_cast<std::int64_t>(count_of(*item, "a tensor's size is not of numbers from 0 on")));
  return result;
}

PickleValue tensor_value(Callable callable, const std::vector<const PickleValue*>& items) {
  const bool has_type = callable == rebuild_tensor_v3;
  require(callable == rebuild_tensor
              ? items.size() == 4
              : items.size() >= (has_type ? 7 : 6) && items.size() <= (has_type ? 8 : 7),
          "a tensor has another number of properties");
  require(items[0]->kind == PickleKind::storage, "a tensor has no storage");
  PickleTensor tensor;
  tensor.storage = *items[0]->storage;
  require(tensor.storage.typed != has_type, "a tensor has no element type, or two");
  tensor.type = tensor.storage.type;
  if (has_type) {
    require(items[6]->kind == PickleKind::element_type, "a tensor has no element type");
    tensor.type = static_cast<ElementType>(items[6]->integer);
  }
  tensor.offset = count_of(*items[1], "a tensor's offset is not a number from 0 on");
  tensor.shape = extents_of(*items[2]);
  tensor.stride = extents_of(*items[3]);
  require(tensor.shape.size() == tensor.stride.size(), "a tensor has more extents than strides, or fewer");
  PickleValue value;
  value.kind = PickleKind::tensor;
  value.tensor = std::make_shared<PickleTensor>(std::move(tensor));
  return value;
}

PickleValue dictionary_value(const std::vector<const PickleValue*>& items) {
  PickleValue value;
  value.kind = PickleKind::dictionary;
  if (items.empty()) return value;
  require(items.size() == 1 && items[0]->kind == PickleKind::list, "a dictionary is not made of a list");
  for (const PickleValue* pair : items[0]->items) {
    const bool is_tuple = pair->kind == PickleKind::tuple || pair->kind == PickleKind::list;
    require(is_tuple && pair->items.size() == 2, "a dictionary is not made of pairs");
    value.items.insert(value.items.end(), pair->items.begin(), pair->items.end());
  }
  return value;
}

}  // namespace

PickleValue global_value(std::string_view module, std::string_view name, bool at_root) {
  for (const CallableGlobal& global : callable_globals)
    if (global.module == module && global.name == name) {
      PickleValue value;
      value.kind = PickleKind::callable;
      value.integer = global.callable;
      return value;
    }
  if (module == "torch") {
    for (const TypeName& type : type_names) {
      if (name == type.storage) return storage_type_value(type.type, true);
      if (name != name_of(type.type)) continue;
      PickleValue value;
      value.kind = PickleKind::element_type;
      value.integer = static_cast<std::int64_t>(type.type);
      return value;
    }
  }
  if (name == "UntypedStorage" && (module == "torch" || module == "torch.storage"))
    return storage_type_value(ElementType::u8, false);
  std::string full(module);
  full += '.';
  full += name;
  // A message shows it: any bytes may stand there.
  std::ranges::replace_if(
      full, [](unsigned char c) { return c < ' ' || c >= 0x7F; }, '?');
  if (full.size() > 100) full.replace(97, std::string::npos, "...");
  throw Error(
      error_code::weights_not_plain,
      at_root ? fmt::format("it is an object of {}, such as a whole model, not a dictionary of tensors", full)
              : fmt::format("it holds {}, which is more than a dictionary of tensors", full));
}

PickleValue call_global(const PickleValue& callable, const PickleValue& arguments) {
  require(callable.kind == PickleKind::callable && callable.integer != storage_type,
          "it calls what cannot be called");
  require(arguments.kind == PickleKind::tuple, "it calls without a tuple of arguments");
  const std::vector<const PickleValue*>& items = arguments.items;
  switch (const auto called = static_cast<Callable>(callable.integer)) {
    case ordered_dictionary:
      return dictionary_value(items);
    case torch_size:
      require(
          items.size() == 1 && (items[0]->kind == PickleKind::tuple || items[0]->kind == PickleKind::list),
          "a size is not made of a tuple");
      {
        PickleValue value;
        value.kind = PickleKind::tuple;
        value.items = items[0]->items;
        return value;
      }
    case rebuild_parameter:
      require((items.size() == 3 || items.size() == 4) && items[0]->kind == PickleKind::tensor,
              "a parameter is not made of a tensor");
      return *items[0];
    default:
      return tensor_value(called, items);
  }
}

PickleValue storage_value(const PickleValue& id) {
  require(id.kind == PickleKind::tuple && (id.items.size() == 5 || id.items.size() == 6),
          "a storage has another number of properties");
  const std::vector<const PickleValue*>& items = id.items;
  require(items[0]->kind == PickleKind::text && items[0]->text == "storage",
          "what is persistent is not a storage");
  require(items[1]->kind == PickleKind::callable && items[1]->integer == storage_type,
          "a storage has no type");
  require(items[2]->kind == PickleKind::text && is_key(items[2]->text),
          "a storage has no key, or one that is very long or not printable");
  PickleStorage storage = *items[1]->storage;
  storage.key = items[2]->text;
  storage.elements = count_of(*items[4], "a storage's size is not a number from 0 on");
  storage.part_elements = storage.elements;
  if (items.size() == 6 && items[5]->kind != PickleKind::none) {  // key, offset and size of the part
    const PickleValue& part = *items[5];
    require(part.kind == PickleKind::tuple && part.items.size() == 3, "a part of a storage is not a tuple");
    storage.part_begin = count_of(*part.items[1], "a part of a storage has no offset");
    storage.part_elements = count_of(*part.items[2], "a part of a storage has no size");
    require(storage.part_begin <= storage.elements &&
                storage.part_elements <= storage.elements - storage.part_begin,
            "a part of a storage lies outside of it");
  }
  PickleValue value;
  value.kind = PickleKind::storage;
  value.storage = std::make_shared<PickleStorage>(std::move(storage));
  return value;
}

}  // namespace xr::engine
