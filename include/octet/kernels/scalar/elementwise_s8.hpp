// The references of the int8 operations that go element by element.
#pragma once

#include "octet/kernels/arithmetic_s8.hpp"

namespace octet::inline OCTET_ABI::kernels::scalar {

inline void add_s8(std::int64_t count, const std::int8_t* a, const std::int8_t* b, const AddS8& p,
                   std::int8_t* y) noexcept {
  for (std::int64_t i = 0; i < count; ++i) y[i] = add(a[i], b[i], p);
}

inline void multiply_s8(std::int64_t count, const std::int8_t* a, const std::int8_t* b,
                        const MultiplyS8& p, std::int8_t* y) noexcept {
  for (std::int64_t i = 0; i < count; ++i) y[i] = multiply(a[i], b[i], p);
}

inline void lookup_s8(std::int64_t count, const std::int8_t* x, const TableS8& table,
                      std::int8_t* y) noexcept {
  for (std::int64_t i = 0; i < count; ++i) y[i] = table[static_cast<std::size_t>(x[i] + 128)];
}

}  // namespace octet::inline OCTET_ABI::kernels::scalar
