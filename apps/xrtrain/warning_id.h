// Names of the program's warnings, for `--json` and for tests; findings of the audit have names of their own
// (apps/audit/finding_id.h).
#pragma once

namespace xr::apps::warning_id {

constexpr const char *dataset = "dataset",         ///< of the folder, its patients and its tables
    *file_skipped = "file-skipped",                ///< an image that cannot be decoded, another file
        *cache_not_written = "cache-not-written",  ///< the decoded images
            *gpu_not_used = "gpu-not-used",        ///< by --device auto
                *sensitivity_missed = "sensitivity-missed",            ///< the wanted one, on the test images
                    *checkpoint_not_finite = "checkpoint-not-finite",  ///< its training diverged
                        *training_images_evaluated =
                            "training-images-evaluated";  ///< the run's own among others

}  // namespace xr::apps::warning_id
