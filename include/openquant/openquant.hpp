// SPDX-License-Identifier: Apache-2.0
#pragma once

/// All of OpenQuant that runs on a CPU. Left out: `format/`, since files are the caller's choice, and
/// `quantizer/code/trained.hpp`, 16384 numbers.
#include <openquant/equalizer/identity.hpp>
#include <openquant/equalizer/smoothquant.hpp>
#include <openquant/lattice/d.hpp>
#include <openquant/lattice/d_plus.hpp>
#include <openquant/lattice/e8.hpp>
#include <openquant/lattice/integer.hpp>
#include <openquant/lattice/leech.hpp>
#include <openquant/layer/gptq.hpp>
#include <openquant/layer/round_to_nearest.hpp>
#include <openquant/metric/gaussian.hpp>
#include <openquant/metric/kl_divergence.hpp>
#include <openquant/metric/perplexity.hpp>
#include <openquant/metric/relative_error.hpp>
#include <openquant/quantizer/code/hybrid.hpp>
#include <openquant/quantizer/code/latin.hpp>
#include <openquant/quantizer/code/one_mad.hpp>
#include <openquant/quantizer/code/table.hpp>
#include <openquant/quantizer/code/three_inst.hpp>
#include <openquant/quantizer/companded.hpp>
#include <openquant/quantizer/e8p.hpp>
#include <openquant/quantizer/leech_ball.hpp>
#include <openquant/quantizer/lloyd_max.hpp>
#include <openquant/quantizer/trellis.hpp>
#include <openquant/quantizer/uniform.hpp>
#include <openquant/quantizer/voronoi.hpp>
#include <openquant/rotation/block_hadamard.hpp>
#include <openquant/rotation/dense.hpp>
#include <openquant/rotation/hadamard.hpp>
#include <openquant/rotation/identity.hpp>
#include <openquant/rotation/two_sided.hpp>
