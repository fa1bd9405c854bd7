// The dictionary of tensors within what torch.save wrote, which may hold it beside an epoch's number and an
// optimizer's state.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "engine/io/pickle.h"

namespace xr::engine {

struct StateDictionary {
  std::vector<std::pair<std::string, const PickleTensor*>>
      tensors;                       ///< of a pickle's document; names once each
  std::string name;                  ///< "state_dict"; empty: the outermost
  std::vector<std::string> ignored;  ///< "epoch (an integer)"
};

/// Takes the outermost dictionary if it holds tensors itself; else the one within that does, of several the one
/// with the usual name (state_dict, model_state_dict, model, ...). Throws xr::Error (weights_not_plain, a reason
/// that begins "it") if there is none, or several without such a name.
[[nodiscard]] StateDictionary find_state_dictionary(const PickleValue& root);

}  // namespace xr::engine
