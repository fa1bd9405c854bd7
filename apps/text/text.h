// Small pieces of text.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace xr::text {

/// The text on one line: control characters become \n, \t, \xNN or \uNNNN, bytes that are no UTF-8
/// become \xNN.
[[nodiscard]] std::string one_line(std::string_view text);
/// JSON whose strings hold none of what a terminal obeys: DEL, the controls of C1 and the like become \uNNNN, which reads
/// back as the same.
[[nodiscard]] std::string printable_json(std::string_view json);
[[nodiscard]] bool is_utf8(std::string_view text);
/// A field of a CSV file (RFC 4180): in quotes where it needs them.
[[nodiscard]] std::string csv_field(std::string_view text);
/// "465.0 MB", "9.3 GB": powers of 1000, as on disks.
[[nodiscard]] std::string size_text(std::uint64_t bytes);
/// "3m 17s"
[[nodiscard]] std::string duration_text(double seconds);
/// A word for a command line, quoted for a POSIX shell where it needs it.
[[nodiscard]] std::string shell_word(std::string_view text);
/// The candidates, at most three, that `word` may be a misspelling of: the nearest ones, all equally near.
[[nodiscard]] std::vector<std::string> nearest_words(std::string_view word,
                                                     const std::vector<std::string>& candidates);
/// The first of them, or an empty text.
[[nodiscard]] std::string nearest_word(std::string_view word, const std::vector<std::string>& candidates);
/// The shortest text that reads back as the same number; infinities and NaN as "inf" and "nan".
[[nodiscard]] std::string number_text(double value);

/// All bytes of a file; empty if it cannot be read.
[[nodiscard]] std::string read_file(const std::filesystem::path& path);

}  // namespace xr::text
