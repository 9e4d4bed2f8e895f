// The one place where a float tolerance comes from.
#pragma once

#include <cmath>
#include <limits>

/// How far two floating-point evaluations of the same sum of `depth` products may lie apart when
/// they differ in order and in fused operations: |a - b| <= tolerance<T>(depth, magnitude), where
/// `magnitude` bounds the sum of the products' absolute values. Each order has a worst case of
/// depth * epsilon * magnitude (Higham, Accuracy and Stability of Numerical Algorithms, 4.2);
/// rounding errors are as good as random, so their sum grows with the square root of the depth.
/// The factor 4 is for the tail of that distribution over a tensor's many elements; 2 more
/// roundings are those of an epilogue.
template <class T>
double tolerance(double depth, double magnitude = 1) {
  return 4 * (std::sqrt(depth) + 2) * std::numeric_limits<T>::epsilon() * magnitude;
}
