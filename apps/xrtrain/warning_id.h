// Names of the program's warnings, for `--json` and for tests; findings of the audit have names of their own
// (apps/audit/finding_id.h), what folders and tables have to say too (data/dataset/notice.h).
#pragma once

namespace xr::apps::warning_id {

constexpr const char* file_skipped = "file-skipped";  ///< an image that cannot be decoded, another file
constexpr const char* cache_not_written = "cache-not-written";  ///< the decoded images
constexpr const char* positive_class_guessed = "positive-class-guessed";
constexpr const char* small_validation = "small-validation";    ///< its interval is wide
constexpr const char* folder_not_locked = "folder-not-locked";  ///< by its file system
constexpr const char* nothing_to_resume = "nothing-to-resume";  ///< a new run begins
constexpr const char* gpu_not_used = "gpu-not-used";            ///< by --device auto
constexpr const char* bf16_not_used = "bf16-not-used";          ///< the processor has no instructions for it
constexpr const char* sensitivity_missed = "sensitivity-missed";  ///< the wanted one, on the test images
constexpr const char* checkpoint_not_finite = "checkpoint-not-finite";  ///< its training diverged
constexpr const char* training_images_evaluated =
    "training-images-evaluated";                                            ///< the run's own among others
constexpr const char* training_images_unknown = "training-images-unknown";  ///< of networks of an ensemble
constexpr const char* seen_images_damaged = "seen-images-damaged";          ///< lines of RUN/seen_images.txt
// Of the map that explains a prediction.
constexpr const char* map_empty = "map-empty";
constexpr const char* map_on_border = "map-on-border";  ///< most of it
constexpr const char* maps_differ = "maps-differ";      ///< Grad-CAM and occlusion

}  // namespace xr::apps::warning_id
