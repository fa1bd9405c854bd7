#include "kernels/simt/program_image.h"

#include <cxxabi.h>
#include <elf.h>
#include <link.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <string_view>

namespace xr::kernels::simt::detail {

namespace {

// An ELF file that is loaded at `base` (ELF-64 object file format, "Sections" and "Symbol table").
class Image {
 public:
  Image(const char* path, std::uintptr_t base) : file_(path, std::ios::binary), base_(base) {
    ElfW(Ehdr) header{};
    if (!read(0, &header, sizeof(header)) || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) return;
    if (header.e_shentsize != sizeof(ElfW(Shdr)) || header.e_shstrndx >= header.e_shnum) return;
    sections_.resize(header.e_shnum);
    if (!read(header.e_shoff, sections_.data(), sections_.size() * sizeof(ElfW(Shdr)))) sections_.clear();
    if (!sections_.empty()) names_ = content<char>(sections_[header.e_shstrndx]);
  }

  void append_static_shared_memory(std::vector<std::span<std::byte>>& found) {
    for (const ElfW(Shdr) & section : sections_) {
      const std::string_view name = text(names_, section.sh_name);
      const bool shared = name.starts_with(".noinit") || name == ".xr_shared";
      if (shared && (section.sh_flags & SHF_WRITE) != 0 && section.sh_size > 0)
        // NOLINTNEXTLINE(performance-no-int-to-ptr): an address out of a file
        found.emplace_back(reinterpret_cast<std::byte*>(base_ + section.sh_addr), section.sh_size);
    }
  }

  // The mangled name, or nothing.
  std::string symbol_at(const void* address) {
    const std::uintptr_t value = reinterpret_cast<std::uintptr_t>(address) - base_;
    for (const ElfW(Shdr) & section : sections_) {
      if (section.sh_type != SHT_SYMTAB || section.sh_link >= sections_.size()) continue;
      for (const ElfW(Sym) & symbol : content<ElfW(Sym)>(section))
        if (symbol.st_value == value && ELF64_ST_TYPE(symbol.st_info) == STT_FUNC)
          return std::string(text(content<char>(sections_[section.sh_link]), symbol.st_name));
    }
    return {};
  }

 private:
  bool read(std::uint64_t offset, void* to, std::size_t bytes) {
    file_.seekg(static_cast<std::streamoff>(offset));
    file_.read(static_cast<char*>(to), static_cast<std::streamsize>(bytes));
    return file_.good();
  }

  template <class T>
  std::vector<T> content(const ElfW(Shdr) & section) {
    std::vector<T> result(section.sh_size / sizeof(T));
    if (!read(section.sh_offset, result.data(), result.size() * sizeof(T))) result.clear();
    return result;
  }

  static std::string_view text(const std::vector<char>& strings, std::size_t offset) {
    if (offset >= strings.size()) return {};
    return {strings.data() + offset, strnlen(strings.data() + offset, strings.size() - offset)};
  }

  std::ifstream file_;
  std::uintptr_t base_;
  std::vector<ElfW(Shdr)> sections_;
  std::vector<char> names_;
};

// Calls f(image) for the program and each shared library.
template <class F>
void for_each_image(F f) {
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* context) {
        const char* path = info->dlpi_name;
        Image image(path == nullptr || *path == 0 ? "/proc/self/exe" : path, info->dlpi_addr);
        (*static_cast<F*>(context))(image);
        return 0;
      },
      &f);
}

std::string demangled(const std::string& symbol) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> name(
      abi::__cxa_demangle(symbol.c_str(), nullptr, nullptr, &status), std::free);
  return status == 0 ? name.get() : symbol;
}

// "void softmax<128>(float*, int)" becomes "softmax<128>".
std::string without_signature(std::string name) {
  if (name.ends_with(')')) {
    int depth = 0;
    std::size_t at = name.size();
    do {
      --at;
      depth += name[at] == ')' ? 1 : name[at] == '(' ? -1 : 0;
    } while (depth > 0 && at > 0);
    name.resize(at);
  }
  if (name.starts_with("void ")) name.erase(0, 5);
  return name;
}

}  // namespace

std::vector<std::span<std::byte>> static_shared_memory() {
  std::vector<std::span<std::byte>> found;
  for_each_image([&](Image& image) { image.append_static_shared_memory(found); });
  return found;
}

std::string function_name(const void* address) {
  std::string symbol;
  for_each_image([&](Image& image) {
    if (symbol.empty()) symbol = image.symbol_at(address);
  });
  return symbol.empty() ? "a kernel" : without_signature(demangled(symbol));
}

}  // namespace xr::kernels::simt::detail
