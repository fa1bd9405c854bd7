// A regular expression that finds the patient in the path of an image.
#pragma once

#include <memory>
#include <string>

namespace xr::data {

/// ECMAScript, as std::regex reads it.
class PathPattern {
 public:
  /// Throws xr::Error if it is no regular expression.
  explicit PathPattern(const std::string& pattern);

  /// What the first group, or without one the whole expression, matches in `path`; empty if nothing does, and for
  /// a path that is too long or too complex for the expression.
  [[nodiscard]] std::string find_in(const std::string& path) const;

 private:
  struct Expression;  // <regex> stays out of the header: it costs each file that includes it 0.3 s
  std::shared_ptr<const Expression> expression_;
};

}  // namespace xr::data
