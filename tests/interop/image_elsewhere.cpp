// A second translation unit with the header's decoder: both must link into one program.
#include <doctest/doctest.h>

#include "octet/interop/image.hpp"
#include "temporary_folder.hpp"

octet::Image read_image_elsewhere(const std::string& path);

octet::Image read_image_elsewhere(const std::string& path) {
  return octet::read_image(path, octet::Channels::gray);
}

TEST_CASE("the decoder works in every translation unit that includes it") {
  const TemporaryFolder folder;
  CHECK(read_image_elsewhere(folder.write("x.pgm", "P5 1 1 255\nA")).pixels[0] == 'A');
}
