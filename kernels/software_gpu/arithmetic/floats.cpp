#include <cmath>
#include <limits>

#include "kernels/software_gpu/arithmetic/lanes.h"

namespace xr::software_gpu {

namespace {

/// The exact value s + error to float; direction: -1 down, 1 up, 0 to zero.
float directed(double s, double error, int direction) {
  float f = static_cast<float>(s);
  if (std::isnan(f) || std::isinf(s)) return f;
  double rest = s - static_cast<double>(f);
  if (rest == 0) rest = error;
  const bool toward_down = direction < 0 || (direction == 0 && s > 0);
  if (rest < 0 && toward_down) f = std::nextafter(f, -std::numeric_limits<float>::infinity());
  if (rest > 0 && !toward_down) f = std::nextafter(f, std::numeric_limits<float>::infinity());
  return f;
}

double sum_error(double a, double b, double s) {
  const double bb = s - a;
  return (a - (s - bb)) + (b - bb);
}

template <int Direction>
float fma_directed(float a, float b, float c) {
  const double p = static_cast<double>(a) * b, s = p + c;
  if (s == 0 && std::signbit(p) != std::signbit(c)) return Direction < 0 ? -0.0f : 0.0f;  // opposite numbers
  return directed(s, std::isfinite(s) ? sum_error(p, c, s) : 0, Direction);
}

template <class T>
T max_number(T a, T b) {
  if (std::isnan(a)) return b;
  if (std::isnan(b)) return a;
  if (a == b) return std::signbit(a) ? b : a;
  return a > b ? a : b;
}
template <class T>
T min_number(T a, T b) {
  if (std::isnan(a)) return b;
  if (std::isnan(b)) return a;
  if (a == b) return std::signbit(a) ? a : b;
  return a < b ? a : b;
}

float flush(float x) {
  return std::fpclassify(x) == FP_SUBNORMAL ? std::copysign(0.0f, x) : x;
}

float exp2_of(float x) {
  return static_cast<float>(std::exp2(static_cast<double>(x)));
}
float log2_of(float x) {
  return static_cast<float>(std::log2(static_cast<double>(x)));
}

template <class T>
void floats(Adder add, const std::string& type) {
  const Kind kind = sizeof(T) == 8 ? Kind::f64 : Kind::floating;
  const Kind special = sizeof(T) == 8 ? Kind::f64 : Kind::special;
  add.two<[](T a, T b) { return a + b; }, T, T, T>("add" + type, kind);
  add.two<[](T a, T b) { return a - b; }, T, T, T>("sub" + type, kind);
  add.two<[](T a, T b) { return a * b; }, T, T, T>("mul" + type, kind);
  add.three<[](T a, T b, T c) { return std::fma(a, b, c); }, T, T, T, T>("fma" + type, kind);
  add.two<[](T a, T b) { return a / b; }, T, T, T>("div" + type, special);
  add.one<[](T a) { return 1 / a; }, T, T>("rcp" + type, special);
  add.one<[](T a) { return std::sqrt(a); }, T, T>("sqrt" + type, special);
  add.one<[](T a) { return static_cast<T>(1 / std::sqrt(static_cast<double>(a))); }, T, T>("rsqrt" + type,
                                                                                           special);
  add.two<max_number<T>, T, T, T>("max" + type, kind);
  add.two<min_number<T>, T, T, T>("min" + type, kind);
  add.one<[](T a) { return -a; }, T, T>("neg" + type, kind);
  add.one<[](T a) { return std::fabs(a); }, T, T>("abs" + type, kind);
  add.two<[](T a, T b) { return std::copysign(b, a); }, T, T, T>("copysign" + type, kind);
}

}  // namespace

void add_floats(Table& table) {
  Adder add{table};
  floats<float>(add, ".f32"), floats<double>(add, ".f64");
  add.three<fma_directed<-1>, float, float, float, float>("fma.rm.f32", Kind::floating);
  add.three<fma_directed<1>, float, float, float, float>("fma.rp.f32", Kind::floating);
  add.three<fma_directed<0>, float, float, float, float>("fma.rz.f32", Kind::floating);
  add.two<[](float a, float b) { return fma_directed<0>(a, 1.0f, b); }, float, float, float>("add.rz.f32",
                                                                                             Kind::floating);
  constexpr Kind kind = Kind::special;
  add.one<[](float x) { return exp2_of(x); }, float, float>("ex2.f32", kind);
  add.one<[](float x) { return flush(exp2_of(flush(x))); }, float, float>("ex2.ftz.f32", kind);
  add.one<[](float x) { return log2_of(x); }, float, float>("lg2.f32", kind);
  add.one<[](float x) { return log2_of(flush(x)); }, float, float>("lg2.ftz.f32", kind);
  add.one<[](float x) { return std::sin(x); }, float, float>("sin.f32", kind);
  add.one<[](float x) { return std::cos(x); }, float, float>("cos.f32", kind);
}

}  // namespace xr::software_gpu
