// Training that starts from the weights in a file: --init.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "apps/xrtrain/console.h"
#include "apps/xrtrain/training/normalization.h"
#include "model/initial_weights.h"

namespace xr::apps {

/// What a run has to know of the file that it started from, also when it is resumed without the file.
struct InitialWeights {
  std::string identity;                              ///< "resnet18.pth 0123456789abcdef": name and content
  std::optional<ChosenNormalization> normalization;  ///< that the weights were trained with, if that is known
};

/// Checks, before anything is decoded, that the file has the network's backbone. Throws DataError with the code
/// weights_unfit that lists the networks that it is nearest to, or another code of files of weights.
void check_initial_weights(const std::string& file, const model::ModelSettings& settings);

/// Loads the file into the network, tells what was loaded, adapted, left at random and not used, and writes
/// `record` (RUN/initial_weights.json). Throws DataError.
InitialWeights load_initial_weights(const std::string& file, const model::ModelSettings& settings,
                                    model::Module& network, const std::filesystem::path& record,
                                    Console& console);
/// What load_initial_weights wrote. Throws DataError.
[[nodiscard]] InitialWeights read_initial_weights(const std::filesystem::path& record);
/// The same of the file's text; `name` is for messages.
[[nodiscard]] InitialWeights initial_weights_of_text(const std::string& record, const std::string& name);

}  // namespace xr::apps
