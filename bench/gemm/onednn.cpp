// oneDNN, where the build system found it: sgemm, and its matmul with weights that it packs ahead.
// What it computes in int8 ends in int32; Octet's product is requantized to int8.
#include "product.hpp"
#if OCTET_BENCH_ONEDNN
#include <memory>
#include <oneapi/dnnl/dnnl.hpp>

namespace {

using dnnl::memory;

/// A prepared matmul of x [P, K] and w [K, O].
struct Matmul {
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
  memory x, w, y;
  dnnl::matmul primitive;

  Matmul(const bench::Product& p, memory::data_type x_type, memory::data_type w_type,
         memory::data_type y_type) {
    const memory::dims P_K = {p.P(), p.K}, K_O = {p.K, p.O()}, P_O = {p.P(), p.O()};
    const auto rows = memory::format_tag::ab;
    const dnnl::matmul::primitive_desc description(
        dnnl::matmul::desc({P_K, x_type, rows}, {K_O, w_type, memory::format_tag::any},
                           {P_O, y_type, rows}),
        engine);
    primitive = dnnl::matmul(description);
    x = memory({P_K, x_type, rows}, engine);
    w = memory(description.weights_desc(), engine);
    y = memory({P_O, y_type, rows}, engine);
    memory plain({K_O, w_type, rows}, engine);
    fill(x, p.P() * p.K, x_type);
    fill(plain, p.K * p.O(), w_type);
    dnnl::reorder(plain, w).execute(stream, plain, w);
    stream.wait();
  }
  void run() {
    primitive.execute(stream, {{DNNL_ARG_SRC, x}, {DNNL_ARG_WEIGHTS, w}, {DNNL_ARG_DST, y}});
    stream.wait();
  }

 private:
  template <class T>
  static void copy(memory& to, std::int64_t count) {
    const std::vector<T> values = bench::operand<T>(count, sizeof(T) == 1 ? 100 : 1);
    std::copy(values.begin(), values.end(), static_cast<T*>(to.get_data_handle()));
  }
  static void fill(memory& to, std::int64_t count, memory::data_type type) {
    if (type == memory::data_type::f32)
      copy<float>(to, count);
    else
      copy<std::int8_t>(to, count);
  }
};

}  // namespace

void bench::register_onednn() {
  using type = memory::data_type;
  const auto matmul = [](type x, type w, type y) {
    return [=](const Product& p) {
      const auto prepared = std::make_shared<Matmul>(p, x, w, y);
      return [prepared] { prepared->run(); };
    };
  };
  struct Operands {
    std::vector<float> x, w, y;
  };
  register_contestant("float32", "avx512", "onednn_sgemm", [](const Product& p) {
    const auto o = std::make_shared<Operands>(Operands{
        operand<float>(p.P() * p.K), operand<float>(p.K * p.O()), operand<float>(p.P() * p.O())});
    return [o, p] {
      dnnl_sgemm('N', 'N', p.P(), p.O(), p.K, 1, o->x.data(), p.K, o->w.data(), p.O(), 0,
                 o->y.data(), p.O());
    };
  });
  register_contestant("float32", "avx512", "onednn_packed",
                      matmul(type::f32, type::f32, type::f32));
  register_contestant("int8", "amx", "onednn_packed", matmul(type::u8, type::s8, type::s32));
}
#else
void bench::register_onednn() {}
#endif
