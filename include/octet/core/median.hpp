// The middle of measured times: a machine's hiccups do not move it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "octet/core/config.hpp"

namespace octet::inline OCTET_ABI {

/// The middle one of the values in order, of an even number the upper of the two; 0 if there are
/// none.
template <class = WhenUsed>
double median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace octet::inline OCTET_ABI
