// Everything that can be done to a picture between the file and the network.
#pragma once

#include "octet/data/transforms/flip_crop.hpp"
#include "octet/data/transforms/normalize.hpp"
#include "octet/data/transforms/pipeline.hpp"
