#include "apps/audit/figures.h"

#include <nlohmann/json.hpp>

namespace xr::audit {

Figures::Figures() : object_(std::make_unique<nlohmann::json>(nlohmann::json::object())) {}

Figures::Figures(const Figures& other) : object_(std::make_unique<nlohmann::json>(other.json())) {}

Figures::Figures(Figures&& other) noexcept = default;

Figures& Figures::operator=(const Figures& other) {
  *this = other.json();
  return *this;
}

Figures& Figures::operator=(Figures&& other) noexcept = default;

Figures& Figures::operator=(const nlohmann::json& object) {
  object_ = std::make_unique<nlohmann::json>(object);
  return *this;
}

Figures::~Figures() = default;

nlohmann::json& Figures::operator[](const std::string& key) {
  return (*object_)[key];
}

const nlohmann::json& Figures::operator[](const std::string& key) const {
  return object_->at(key);
}

}  // namespace xr::audit
