// Reading the golden files of tests/golden.
#pragma once

#include <sstream>

#include "engine/io/safetensors.h"
#include "tests/engine/support.h"

namespace xr::engine::test {

/// One of tests/golden's files.
class GoldenFile {
 public:
  explicit GoldenFile(const std::string& name)
      : file_(std::filesystem::path(XR_GOLDEN_FOLDER) / (name + ".safetensors")) {}

  [[nodiscard]] Tensor operator[](const std::string& name) const { return file_.load(name); }
  [[nodiscard]] bool contains(const std::string& name) const { return file_.find(name) != nullptr; }
  [[nodiscard]] const SafetensorsFile& file() const { return file_; }
  [[nodiscard]] std::int64_t number(const std::string& key) const {
    return std::stoll(file_.metadata().at(key));
  }
  /// Options of a case: "stride=2 padding=1" as a map; True and False as 1 and 0.
  [[nodiscard]] std::map<std::string, double> options(const std::string& name) const {
    std::map<std::string, double> result;
    std::istringstream words(file_.metadata().at(name));
    for (std::string word; words >> word;) {
      const std::size_t equals = word.find('=');
      const std::string key = word.substr(0, equals), value = word.substr(equals + 1);
      if (value.front() == '(') {  // (0.9,0.999): key0 and key1
        result[key + "0"] = std::stod(value.substr(1));
        result[key + "1"] = std::stod(value.substr(value.find(',') + 1));
      } else {
        result[key] = value == "True" ? 1.0 : value == "False" ? 0.0 : std::stod(value);
      }
    }
    return result;
  }

 private:
  SafetensorsFile file_;
};

}  // namespace xr::engine::test
