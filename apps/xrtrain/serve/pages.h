// The pages of `xrtrain serve`.
#pragma once

#include <map>
#include <string>

#include "apps/html/markup.h"
#include "apps/xrtrain/serve/image_predictor.h"
#include "apps/xrtrain/serve/served_run.h"

namespace xr::apps::serve {

/// Of a list's address: /images?show=errors&sort=name&page=2.
struct ListQuery {
  Show show = Show::all;
  Sort sort = Sort::error;
  std::size_t page = 1;

  /// "show=errors&sort=name"
  [[nodiscard]] std::string text() const;
};
/// What is unknown or no number is as by default.
[[nodiscard]] ListQuery parse_list_query(const std::map<std::string, std::string>& query);
constexpr std::size_t rows_of_page = 60;

/// Where an X-ray is dropped, and where the other pages are.
[[nodiscard]] std::string home_page(const ServedRun& run, std::size_t max_upload_bytes);
[[nodiscard]] std::string list_page(const ServedRun& run, const ListQuery& query);
/// One image with its map for a class; `query`: the list that it was reached from.
[[nodiscard]] std::string image_page(const ServedRun& run, const ImageRow& row, std::size_t class_index,
                                     const ListQuery& query);
[[nodiscard]] std::string error_page(const std::string& text);
/// RUN/report.html with a way back.
[[nodiscard]] std::string report_page(std::string report);

/// The answer to an upload, as JSON: class (or labels), probabilities, note_ids, what a screen reader says, and the markup
/// for the page.
[[nodiscard]] std::string prediction_json(const ServedRun& run, const ImagePrediction& prediction);

// What the pages load.
[[nodiscard]] std::string style();
[[nodiscard]] std::string_view script();
/// Content-Security-Policy of the pages: what this server has, and pictures inside them.
inline constexpr const char* page_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// Of report.html, which has its style inside.
inline constexpr const char* report_policy =
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'";

}  // namespace xr::apps::serve
