// One matrix product, done by Octet and by others: y[P, O] = x[P, K] * w[K, O], where w are weights
// that whoever can may pack ahead. This header knows nothing of Octet, because eigen.cpp is
// compiled with other instruction sets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace bench {

struct Product {
  /// As in the tables of matrix libraries; M is 1, or the number of output channels.
  std::int64_t M, N, K;
  /// Pixels and outputs: in a product of one row, the columns are the outputs.
  std::int64_t P() const { return M == 1 ? 1 : N; }
  std::int64_t O() const { return M == 1 ? N : M; }
  std::string name() const {
    return std::to_string(M) + "x" + std::to_string(N) + "x" + std::to_string(K);
  }
};

/// The layers of convolutional networks as products, from first layers to fully connected ones.
inline const std::vector<Product>& products() {
  static const std::vector<Product> list = {{64, 2304, 9},    {64, 2304, 576},    {128, 576, 1152},
                                            {256, 144, 2304}, {512, 36, 4608},    {256, 256, 256},
                                            {512, 512, 512},  {1024, 1024, 1024}, {96, 576, 16},
                                            {160, 9, 960},    {1, 512, 4608}};
  return list;
}

/// Everything up to the timed part; what it returns is called again and again.
using Prepare = std::function<std::function<void()>(const Product&)>;

/// Registers a contestant for every product as gemm/TYPE/PRODUCT/WHO, with TYPE float32 or int8.
void register_contestant(const std::string& type, const std::string& isa, const std::string& who,
                         const Prepare& prepare);

/// Values from -1 to 1 that repeat after a while.
template <class T>
std::vector<T> operand(std::int64_t count, double scale = 1) {
  std::vector<T> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<T>(scale * (static_cast<double>(i * 37 % 201) - 100) / 100);
  return values;
}

void register_octet();
void register_eigen();
void register_openblas();
void register_onednn();

}  // namespace bench
