// The figures of a finding: a JSON object, by a handle, so that only those who look inside compile the JSON library.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace xr::audit {

class Figures {
 public:
  Figures();
  Figures(const Figures& other);
  Figures(Figures&& other) noexcept;
  Figures& operator=(const Figures& other);
  Figures& operator=(Figures&& other) noexcept;
  Figures& operator=(const nlohmann::json& object);
  ~Figures();

  [[nodiscard]] const nlohmann::json& json() const { return *object_; }
  [[nodiscard]] nlohmann::json& json() { return *object_; }
  nlohmann::json& operator[](const std::string& key);
  const nlohmann::json& operator[](const std::string& key) const;

 private:
  std::unique_ptr<nlohmann::json> object_;  // null after a move only
};

}  // namespace xr::audit
