// The checks of a data folder that count and compare.
#pragma once

#include "apps/audit/check.h"
#include "apps/audit/scan.h"

namespace xr::audit {

[[nodiscard]] Check check_copies(const Scan& scan, const Copies& copies);
/// Copies that lie in folders of different classes.
[[nodiscard]] Check check_labels(const Scan& scan, const Copies& copies);
/// Patients with images in two splits.
[[nodiscard]] Check check_patients(const Scan& scan);
[[nodiscard]] Check check_balance(const Scan& scan);
/// Sizes and aspect ratios by class; images smaller than `network_size` pixels.
[[nodiscard]] Check check_sizes(const Scan& scan, int network_size);
[[nodiscard]] Check check_files(const Scan& scan);

/// A number for each image: the same for images of one patient, for copies, and for what these join.
[[nodiscard]] std::vector<std::size_t> group_numbers(const Scan& scan, const Copies& copies);

}  // namespace xr::audit
