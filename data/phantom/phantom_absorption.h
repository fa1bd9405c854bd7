// What the pixels of a phantom image show of the patient, a row at a time, so that a compiler can use vectors.
#pragma once

#include "data/phantom/phantom_anatomy.h"

#include <memory>

namespace xr::data::phantom {

constexpr int max_phantom_side = 2048;

class AbsorptionRows {
 public:
  /// Both must outlive it.
  AbsorptionRows(const Anatomy& anatomy, const View& view);
  ~AbsorptionRows();
  AbsorptionRows(const AbsorptionRows&) = delete;
  AbsorptionRows& operator=(const AbsorptionRows&) = delete;

  /// Works out the row `y` of pixels.
  void work_out(int y);

  // Of the row, View::size values each:
  [[nodiscard]] const float* x() const;  ///< patient coordinates
  [[nodiscard]] const float* y() const;
  /// Of body, lungs, heart, bones and abdomen; 0 is air, about 1 the chest wall.
  [[nodiscard]] const float* sum() const;
  /// 1 within a lung, 0 outside, soft at the edge.
  [[nodiscard]] const float* lung() const;

 private:
  struct Row;
  const Anatomy& anatomy_;
  const View& view_;
  std::unique_ptr<Row> row_;
};

}  // namespace xr::data::phantom
