// Tables.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "apps/html/markup.h"

namespace xr::html {

enum class Align { left, right, center };

struct Column {
  Markup name;
  Align align = Align::left;
};

/// A table with a heading row. On a phone each row becomes a block of its own, a line for each cell with the
/// column's name before it.
class Table {
 public:
  explicit Table(std::vector<Column> columns, Markup caption = {})
      : columns_(std::move(columns)), caption_(std::move(caption)) {}
  /// Fewer cells than columns leave the rest empty; more are an Error. The first cell heads the row.
  void row(std::vector<Markup> cells);
  [[nodiscard]] bool empty() const { return rows_.empty(); }
  [[nodiscard]] Markup markup() const;

 private:
  std::vector<Column> columns_;
  Markup caption_;
  std::vector<std::vector<Markup>> rows_;
};

/// Names on the left, values on the right; the names stay beside their values on a phone.
[[nodiscard]] Markup facts(const std::vector<std::pair<Markup, Markup>>& rows);

/// counts[actual * n + predicted], with the share of each actual class in per cent and a shade for it. Rows
/// are the actual classes. Error unless there are n * n counts. Of many classes it scrolls sideways.
[[nodiscard]] Markup confusion_matrix(const std::vector<std::string>& class_names,
                                      std::span<const std::int64_t> counts, const Markup& caption = {});

}  // namespace xr::html
