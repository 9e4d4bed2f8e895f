// OpenBLAS's sgemm, where the build system found it.
#include "product.hpp"
#if OCTET_BENCH_OPENBLAS
#include <cblas.h>
#include <memory>

void bench::register_openblas() {
  struct Operands {
    std::vector<float> x, w, y;
  };
  openblas_set_num_threads(1);
  register_contestant("float32", "avx512", "openblas", [](const Product& p) {
    const auto o = std::make_shared<Operands>(Operands{
        operand<float>(p.P() * p.K), operand<float>(p.K * p.O()), operand<float>(p.P() * p.O())});
    const auto P = static_cast<int>(p.P()), O = static_cast<int>(p.O()), K = static_cast<int>(p.K);
    return [o, P, O, K] {
      cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, P, O, K, 1, o->x.data(), K,
                  o->w.data(), O, 0, o->y.data(), O);
    };
  });
}
#else
void bench::register_openblas() {}
#endif
