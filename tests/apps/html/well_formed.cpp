#include "tests/apps/html/well_formed.h"

#include <cctype>
#include <vector>

namespace xr::html {

namespace {

class Checker {
 public:
  explicit Checker(std::string_view text) : text_(text) {}

  std::string fault() {
    while (at_ < text_.size() && fault_.empty()) {
      if (text_[at_] == '<')
        tag();
      else
        character('\0');
    }
    if (fault_.empty() && !open_.empty()) fail("never closed: " + open_.back());
    return fault_;
  }

 private:
  void fail(const std::string& what) {
    fault_ = what + " at " + std::to_string(at_) + ": " + std::string(text_.substr(at_, 60));
  }

  bool take(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }

  std::string name() {
    const std::size_t start = at_;
    while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) || text_[at_] == '-'))
      ++at_;
    return std::string(text_.substr(start, at_ - start));
  }

  void character(char quote) {
    const char c = text_[at_];
    if (c == '<' || (quote == '\0' && c == '>')) return fail("a bare bracket");
    if (c == '&') {
      const std::size_t end = text_.find(';', at_);
      if (end == std::string_view::npos || end - at_ > 6) return fail("a bare ampersand");
      at_ = end;
    } else if (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') {
      return fail("a control character");
    }
    ++at_;
  }

  void tag() {
    if (take("<!DOCTYPE html>")) return;
    if (take("</")) {
      const std::string closed = name();
      if (!take(">")) return fail("a closing tag does not end");
      if (open_.empty() || open_.back() != closed) return fail("closed in the wrong order: " + closed);
      open_.pop_back();
      return;
    }
    ++at_;
    const std::string opened = name();
    if (opened.empty()) return fail("a tag without a name");
    while (fault_.empty()) {
      const bool space = at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0;
      while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
      if (take("/>")) return;
      if (take(">")) {
        open_.push_back(opened);
        if (opened == "style") at_ = std::min(text_.find("</style>", at_), text_.size());
        return;
      }
      if (!space || name().empty() || !take("=\"")) return fail("an attribute is not name=\"value\"");
      while (fault_.empty() && at_ < text_.size() && text_[at_] != '"') character('"');
      if (!take("\"")) return fail("a value does not end");
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<std::string> open_;
  std::string fault_;
};

}  // namespace

std::string markup_fault(std::string_view text) {
  return Checker(text).fault();
}

}  // namespace xr::html
