// SPDX-License-Identifier: Apache-2.0
#pragma once

/// All of OpenQuant that runs on a CPU. `format/` is left out: files are the caller's choice.
#include <openquant/equalizer/identity.hpp>
#include <openquant/equalizer/smoothquant.hpp>
#include <openquant/layer/gptq.hpp>
#include <openquant/layer/round_to_nearest.hpp>
#include <openquant/metric/gaussian.hpp>
#include <openquant/metric/kl_divergence.hpp>
#include <openquant/metric/perplexity.hpp>
#include <openquant/metric/relative_error.hpp>
#include <openquant/quantizer/lloyd_max.hpp>
#include <openquant/quantizer/uniform.hpp>
#include <openquant/rotation/block_hadamard.hpp>
#include <openquant/rotation/dense.hpp>
#include <openquant/rotation/hadamard.hpp>
#include <openquant/rotation/identity.hpp>
#include <openquant/rotation/two_sided.hpp>
