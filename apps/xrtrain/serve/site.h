// What `xrtrain serve` answers to each address.
//
//   /                        a page that takes an X-ray
//   /images?show=&sort=&page=   the evaluated images
//   /images/N                one of them; N: its number among the predictions
//   /images/N/thumbnail.png, /images/N/picture.png, /images/N/map.png?class=C
//   /report                  report.html of the run
//   /predict                 POST: the bytes of an image; JSON
//   /style.css, /script.js
#pragma once

#include <semaphore>

#include "apps/http/server.h"
#include "apps/xrtrain/serve/image_predictor.h"
#include "apps/xrtrain/serve/served_run.h"
#include "apps/xrtrain/serve/work_queue.h"

namespace xr::apps::serve {

class Site {
 public:
  /// All are used by the threads of a server; `predictor` by the thread alone that works on the queue.
  Site(const ServedRun& run, ImagePredictor& predictor, WorkQueue& queue, std::size_t max_upload_bytes)
      : run_(run), predictor_(predictor), queue_(queue), max_upload_bytes_(max_upload_bytes) {}

  [[nodiscard]] http::Response answer(const http::Request& request);

 private:
  [[nodiscard]] http::Response answer_get(const http::Request& request);
  /// `rest`: of "/images/12/map.png" the part "12/map.png".
  [[nodiscard]] http::Response answer_image(std::string_view rest, const http::Request& request);
  [[nodiscard]] http::Response map_of(const ImageRow& row, const std::filesystem::path& file,
                                      const http::Request& request);
  [[nodiscard]] http::Response predict(const std::string& bytes);

  const ServedRun& run_;
  ImagePredictor& predictor_;
  WorkQueue& queue_;
  std::size_t max_upload_bytes_;
  std::counting_semaphore<> decoding_{2};  // large images at the same time
};

}  // namespace xr::apps::serve
