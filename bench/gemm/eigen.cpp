// Eigen's product, compiled for this very processor. It has none for int8.
#include <memory>

#include "product.hpp"
#if __has_include(<Eigen/Core>)
// GCC 12 takes _mm512_undefined_ps() for a mistake.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#define EIGEN_DONT_PARALLELIZE
#include <Eigen/Core>

void bench::register_eigen() {
  using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  struct Operands {
    Matrix x, w, y;
  };
#if defined(__AVX512F__)
  const std::string isa = "avx512";
#elif defined(__AVX2__)
  const std::string isa = "avx2";
#else
  const std::string isa = "scalar";
#endif
  register_contestant("float32", isa, "eigen", [](const Product& p) {
    const auto o = std::make_shared<Operands>(Operands{
        Matrix::Random(p.P(), p.K), Matrix::Random(p.K, p.O()), Matrix::Zero(p.P(), p.O())});
    return [o] { o->y.noalias() = o->x * o->w; };
  });
}
#else
void bench::register_eigen() {}
#endif
