#include "apps/xrtrain/serve/site.h"

#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>

#include "apps/text/text.h"
#include "apps/xrtrain/console.h"
#include "apps/xrtrain/serve/pages.h"
#include "kernels/common/error_codes.h"

namespace xr::apps::serve {

using http::Request;
using http::Response;

namespace {

constexpr int thumbnail_side = 256, picture_side = 1024;

Response page(std::string text) {
  return {200, "text/html; charset=utf-8", std::move(text), page_policy};
}

Response not_found(const char* text = "There is nothing at this address.") {
  return {404, "text/html; charset=utf-8", error_page(text), page_policy};
}

Response png(std::string bytes) {
  return {200, "image/png", std::move(bytes), {}};
}

Response json_error(int status, const std::string& text) {
  return {status, "application/json", json_text({{"error", text::one_line(text)}}), {}};
}

/// A number of at most nine digits, and nothing else.
std::optional<std::size_t> number_of(std::string_view text) {
  std::size_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || text.size() > 9 || parsed.ec != std::errc() || parsed.ptr != text.data() + text.size())
    return std::nullopt;
  return number;
}

/// Nothing for a class that is not there.
std::optional<std::size_t> class_of(const Request& request, const ServedRun& run, const ImageRow& row) {
  const auto given = request.query.find("class");
  if (given == request.query.end()) return row.explained;
  const std::optional<std::size_t> number = number_of(given->second);
  return number && *number < run.info.class_names.size() ? number : std::nullopt;
}

/// Of an upload that cannot be read.
int status_of(const ErrorCode& code) {
  for (const ErrorCode& kind :
       {error_code::not_an_image, error_code::image_unsupported, error_code::image_library_missing})
    if (code == kind) return 415;
  for (const ErrorCode& kind :
       {error_code::image_truncated, error_code::image_damaged, error_code::image_size})
    if (code == kind) return 422;
  return 500;
}

}  // namespace

Response Site::answer(const Request& request) {
  if (request.method == "GET") return answer_get(request);
  if (request.path == "/predict") return predict(request.body);
  return {404, "text/plain; charset=utf-8", "There is nothing at this address.\n", {}};
}

Response Site::answer_get(const Request& request) {
  constexpr std::string_view image = "/images/";
  const std::string& path = request.path;
  if (path == "/") return page(home_page(run_, max_upload_bytes_));
  if (path == "/images") return page(list_page(run_, parse_list_query(request.query)));
  if (path == "/style.css") return {200, "text/css; charset=utf-8", style(), {}};
  if (path == "/script.js") return {200, "text/javascript; charset=utf-8", std::string(script()), {}};
  if (path == "/report") {
    const std::string report = text::read_file(run_.folder / "report.html");
    if (report.empty()) return not_found("The run has no report.html: xrtrain eval writes it.");
    return {200, "text/html; charset=utf-8", report_page(report), report_policy};
  }
  return path.starts_with(image) ? answer_image(std::string_view(path).substr(image.size()), request)
                                 : not_found();
}

Response Site::answer_image(std::string_view rest, const Request& request) {
  const std::size_t slash = rest.find('/');
  const std::string_view what = slash == std::string_view::npos ? "" : rest.substr(slash + 1);
  const std::optional<std::size_t> number = number_of(rest.substr(0, slash));
  if (!number || *number >= run_.rows.size()) return not_found();
  const ImageRow& row = run_.rows[*number];
  if (slash == std::string_view::npos) {
    const std::optional<std::size_t> class_index = class_of(request, run_, row);
    return class_index ? page(image_page(run_, row, *class_index, parse_list_query(request.query)))
                       : not_found();
  }
  if (what != "thumbnail.png" && what != "picture.png" && what != "map.png") return not_found();
  const std::optional<std::filesystem::path> file = run_.file_of(row);
  if (!file) return not_found("The file of this image is not there.");
  try {
    if (what == "map.png") return map_of(row, *file, request);
    decoding_.acquire();
    struct Release {
      std::counting_semaphore<>& semaphore;
      ~Release() { semaphore.release(); }
    } const release{decoding_};
    return png(picture_png(*file, run_.info.format, what == "picture.png" ? picture_side : thumbnail_side));
  } catch (const Busy& busy) {
    return {503, "text/plain; charset=utf-8", busy.what(), {}};
  } catch (const Error&) {  // which names the file: the page has its name already
    return not_found("The file of this image cannot be read.");
  }
}

Response Site::map_of(const ImageRow& row, const std::filesystem::path& file, const Request& request) {
  const std::optional<std::size_t> class_index = class_of(request, run_, row);
  std::error_code code;
  if (!class_index || std::filesystem::file_size(file, code) > data::DecodeLimits{}.max_file_bytes || code)
    return not_found();
  const std::string bytes = text::read_file(file);
  return png(queue_.run<std::string>(
      [&] { return predictor_.map_png(std::as_bytes(std::span(bytes)), *class_index); }));
}

Response Site::predict(const std::string& bytes) {
  try {
    const ImagePrediction prediction =
        queue_.run<ImagePrediction>([&] { return predictor_.predict(std::as_bytes(std::span(bytes))); });
    return {200, "application/json", prediction_json(run_, prediction), {}};
  } catch (const Busy& busy) {
    return json_error(503, busy.what());
  } catch (const std::bad_alloc&) {
    return json_error(503, "There is not enough memory to decode the image.");
  } catch (const Error& error) {
    return json_error(status_of(error.code()), error.what());
  }
}

}  // namespace xr::apps::serve
