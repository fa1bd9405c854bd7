// The globals that a pickled dictionary of tensors may name, and what calling them makes. None is run: each stands
// for a value that is built here.
#pragma once

#include <string_view>

#include "engine/io/pickle.h"

namespace xr::engine {

/// The value of a global: an element type, a storage's type, or what can be called. Throws xr::Error
/// (weights_not_plain) that names one that is not known; `at_root`: whether it is what the whole pickle is made of.
[[nodiscard]] PickleValue global_value(std::string_view module, std::string_view name, bool at_root);

/// What the call of a global with these arguments makes. Throws xr::Error (weights_damaged) for arguments that it
/// does not take.
[[nodiscard]] PickleValue call_global(const PickleValue& callable, const PickleValue& arguments);

/// The storage of a persistent id: ("storage", type, key, location, elements[, part]).
[[nodiscard]] PickleValue storage_value(const PickleValue& id);

}  // namespace xr::engine
