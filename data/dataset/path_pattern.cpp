#include "data/dataset/path_pattern.h"

#include <regex>

#include "engine/io/file.h"
#include "kernels/common/error.h"

namespace xr::data {

namespace {
constexpr std::size_t max_path_length = 1000;  // std::regex recurses once a letter
}

struct PathPattern::Expression {
  std::regex regex;
};

PathPattern::PathPattern(const std::string& pattern) {
  try {
    expression_ = std::make_shared<Expression>(Expression{std::regex(pattern)});
  } catch (const std::regex_error& error) {
    throw Error(fmt::format("the pattern of groups {} is not a regular expression ({})",
                            engine::quote_name(pattern), error.what()));
  }
}

std::string PathPattern::find_in(const std::string& path) const {
  if (path.size() > max_path_length) return {};
  std::smatch match;
  try {
    if (!std::regex_search(path, match, expression_->regex)) return {};
  } catch (const std::regex_error&) {
    return {};  // too complex for this path
  }
  return match.size() > 1 && match[1].matched ? match[1].str() : match[0].str();
}

}  // namespace xr::data
