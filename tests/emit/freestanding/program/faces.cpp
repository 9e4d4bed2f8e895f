// Runs an emitted network, model.hpp, on one face after the other. Whoever links this fetches them:
// from a file, by the debugger of a microcontroller, or from JavaScript.
#include "model.hpp"

namespace {
// As in the file: the pixels, then the logits that are expected.
struct Face {
  unsigned char pixels[network::input_size];
  float logits[network::output_size];
};
Face face;
}  // namespace

extern "C" {
unsigned char* face_bytes();
int face_size();
int face_agrees();
int network_works();
}

/// Where the next face goes, and its size in bytes.
unsigned char* face_bytes() { return face.pixels; }
int face_size() { return sizeof(Face); }

/// 1 if the network gives the expected logits, bit by bit, and the largest of them as the answer.
int face_agrees() {
  float logits[network::output_size], probabilities[network::output_size];
  network::run(face.pixels, logits);
  int best = 0;
  for (std::size_t i = 0; i < network::output_size; ++i) {
    const auto* const got = reinterpret_cast<const unsigned char*>(logits + i);
    const auto* const expected = reinterpret_cast<const unsigned char*>(face.logits + i);
    for (std::size_t k = 0; k < sizeof(float); ++k)
      if (got[k] != expected[k]) return 0;
    if (logits[i] > logits[best]) best = static_cast<int>(i);
  }
  return network::predict(face.pixels, probabilities) == best;
}

int network_works() { return network::self_test(); }
