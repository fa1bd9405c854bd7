// What predict cannot predict, on standard error: rows alone are on standard output.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include "data/dataset/image_folder.h"

namespace xr::apps {

/// Names the first ten files; with --json each has a row of its own on standard output.
class PredictFailures {
 public:
  explicit PredictFailures(bool json) : json_(json) {}

  void add(const std::filesystem::path& file, const std::string& reason);
  /// Says how many there are if not all were named; gives their number.
  std::size_t finish() const;

 private:
  bool json_;
  std::size_t count_ = 0;
};

/// What a folder holds beside the images that are predicted.
void print_passed_over(const data::FoundImages& found);

}  // namespace xr::apps
