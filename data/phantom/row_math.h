// Functions of many numbers at a time, by vector instructions, with the results of the C library to the last bit.
//
// Each is worked out in double to about 1e-11 of itself. Where that lies so close to the middle between two
// floats that the library, whose error is known to be below so many units in the last place, could have rounded
// to the other side, the library is asked.
#pragma once

#include <cstdint>

namespace xr::data::phantom {

/// result[i] = std::exp(x[i]).
void exp_row(const float* x, float* result, int count);

/// result[i] = std::pow(x[i], exponent), x[i] from 0 to 1, exponent from 0 to 1.
void pow_row(const float* x, float exponent, float* result, int count);

/// result[i] = std::sin(x[i]), for x[i] from -10 to 10.
void sin_row(const float* x, float* result, int count);

/// result[i] = the normal that Philox::normal() makes of the words 2 i and 2 i + 1.
void normal_row(const std::uint32_t* words, float* result, int count);

}  // namespace xr::data::phantom
