// Everything that can be done to a picture between the file and the network.
#pragma once

#include "octet/data/transforms/affine.hpp"
#include "octet/data/transforms/clahe.hpp"
#include "octet/data/transforms/erasing.hpp"
#include "octet/data/transforms/flip_crop.hpp"
#include "octet/data/transforms/intensity.hpp"
#include "octet/data/transforms/mixing.hpp"
#include "octet/data/transforms/normalize.hpp"
#include "octet/data/transforms/pipeline.hpp"
#include "octet/data/transforms/resize.hpp"
