#include <cstdio>

#include <octet/core/shape.hpp>
#include <octet/kernels/gemm.hpp>  // which has what stricter warnings than Octet's tell

int main() {
  const octet::Shape shape{2, 3};
  std::printf("%s\n", to_text(shape).c_str());
  return shape.elements() == 6 ? 0 : 1;
}
